//! A stop that leaves a job by unwinding, up to the boundary of the job.
//!
//! # How it works
//!
//! A checkpoint that sees the stop raises a private payload with `resume_unwind`, which calls no panic hook and takes no
//! backtrace.
//! Unwinding runs the destructors of every frame up to the boundary, and the boundary turns the payload into [`Stopped`].
//! Any other panic passes the boundary unchanged.
//! If a payload is dropped before it arrives at its boundary, a `catch_unwind` in between has swallowed the stop, and the
//! boundary reports that.
//!
//! # Limits
//!
//! Rust ends the process when a destructor panics during unwinding, and when unwinding reaches a frame of `extern "C"`.
//! Both hold for a stop as for a panic.
//! A payload that is leaked with `mem::forget` is not reported.
//! A checkpoint in a callback of a token ends that callback only.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use crate::apart::{Payload, Raised};
use crate::fault::{self, Fault};
use crate::sync::{self, Unmodelled, thread_own};
use crate::{Checkpoint, StopToken, Stopped, current};

/// Catches a stop that leaves a job by unwinding.
///
/// ```
/// use cease_core::{UnwindBoundary, StopSource};
///
/// let source = StopSource::new();
/// let boundary = UnwindBoundary::new(&source.token(), |swallowed| eprintln!("{swallowed}"));
/// source.request_with("enough");
/// let left = boundary.run(|| -> Result<(), _> {
///     let _ = boundary.check();
///     unreachable!("the check has left");
/// });
/// assert_eq!(left.unwrap_err().reason().to_string(), "requested: enough");
/// ```
pub struct UnwindBoundary {
    token: StopToken,
    watch: Unmodelled<Watch>,
}

/// A stop that a `catch_unwind` in a job has swallowed.
///
/// The job continues. Its token is still stopped, so the next checkpoint raises the stop again.
#[derive(Debug, Clone)]
pub struct Swallowed {
    /// The stop.
    pub stopped: Stopped,
    /// The checkpoint that raised it.
    pub left_at: &'static Location<'static>,
}

impl UnwindBoundary {
    /// Whether this program can unwind; a program that was built with `panic = "abort"` cannot.
    #[must_use]
    pub const fn is_possible() -> bool {
        cfg!(panic = "unwind")
    }

    /// Makes a boundary for a job that is stopped through `token`; it calls `report` for each stop that is swallowed.
    ///
    /// Several threads of a job may raise payloads for one boundary. If one of them arrives, the others were not swallowed.
    /// So a payload that is dropped while others are on their way is reported only if none of them arrives: when the last of
    /// them is dropped, or when the job ends without a stop.
    ///
    /// `report` runs on the thread that drops the payload, possibly during another panic and after the end of the job.
    /// A panic of `report` calls the panic hook and has no other effect.
    pub fn new(token: &StopToken, report: impl Fn(&Swallowed) + Send + Sync + 'static) -> Self {
        Self::at(token.clone(), report)
    }

    /// As [`UnwindBoundary::new`], but takes the token.
    pub(crate) fn at(token: StopToken, report: impl Fn(&Swallowed) + Send + Sync + 'static) -> Self {
        Self { token, watch: Unmodelled::new(Watch { report: Box::new(report), passing: Mutex::default() }) }
    }

    /// The token that its checkpoints poll.
    #[must_use]
    pub const fn token(&self) -> &StopToken {
        &self.token
    }

    /// Unwinds to [`UnwindBoundary::run`] if a stop was requested.
    ///
    /// On a thread that the job has started it unwinds that thread, and the join of that thread returns the payload.
    /// A payload that the joining thread raises with `resume_unwind` arrives at the boundary; a payload that it drops was
    /// swallowed.
    ///
    /// # Errors
    ///
    /// Returns [`Stopped`] instead of unwinding while the thread is already unwinding, and in a program that cannot unwind.
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), Stopped> {
        if !self.token.is_stop_requested() {
            return Ok(());
        }
        match self.payload_of_a_stop(Location::caller()) {
            Some(Ok(payload)) => raise(payload),
            Some(Err(stopped)) => Err(stopped),
            None => Ok(()),
        }
    }

    /// Sleeps for `duration`, and unwinds to [`UnwindBoundary::run`] as soon as a stop is requested.
    ///
    /// # Errors
    ///
    /// As for [`UnwindBoundary::check`].
    #[track_caller]
    pub fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let left_at = Location::caller();
        let Err(stopped) = self.token.sleep(duration) else { return Ok(()) };
        match self.payload(stopped, left_at) {
            Ok(payload) => raise(payload),
            Err(stopped) => Err(stopped),
        }
    }

    /// Calls `job` with the token as the current one of the thread, and turns a stop that unwinds into `Err`.
    ///
    /// # Errors
    ///
    /// [`Stopped`]: the job returned it, or a checkpoint raised a stop for this boundary.
    ///
    /// # Panics
    ///
    /// Passes any other panic of `job` on, also a stop for another boundary, without a second call of the panic hook.
    pub fn run<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> Result<T, Stopped> {
        self.catch(job).unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Calls `f` with this boundary and its token as the current ones of the calling thread, which the job has started.
    ///
    /// A [`checkpoint`](current::checkpoint) in `f` unwinds the calling thread, as [`UnwindBoundary::check`] does.
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        current::with_boundary(self, f)
    }

    /// As [`UnwindBoundary::run`], but returns any other panic of `job`, also a stop for another boundary.
    pub(crate) fn catch<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> std::thread::Result<Result<T, Stopped>> {
        // The job was moved in, so no caller sees what it leaves half done, except through what it shares with other threads.
        // The catch is inside the frame of `current`, so that a stop does not have to unwind that frame.
        let payload = match current::with_boundary(self, || catch_unwind(AssertUnwindSafe(job))) {
            Ok(returned) => {
                self.watch.left_without_a_stop();
                return Ok(returned);
            }
            Err(payload) => payload,
        };
        if fault::is(Fault::PanicTakenForStop)
            && let Err(stopped) = self.token.check()
        {
            return Ok(Err(stopped));
        }
        let leaving = payload.downcast_ref::<Raised>().and_then(Raised::peek::<Leaving>);
        if leaving.is_none_or(|leaving| !leaving.is_for(self)) || fault::is(Fault::StopTakenForPanic) {
            self.watch.left_without_a_stop();
            return Err(payload);
        }
        let leaving = payload.downcast::<Raised>().ok().and_then(|raised| raised.take::<Leaving>());
        Ok(Err(leaving.expect("it was looked at above").arrive()))
    }

    /// The payload of `stopped` for [`UnwindBoundary::run`]; returns `stopped` where raising it would end the process.
    #[inline]
    pub(crate) fn payload(&self, stopped: Stopped, left_at: &'static Location<'static>) -> Result<Payload, Stopped> {
        if sync::is_unwinding() || !Self::is_possible() {
            return Err(stopped);
        }
        let (watch, number) = (Some(Unmodelled::clone(&self.watch)), self.watch.raised());
        let leaving = Leaving { swallowed: Swallowed { stopped, left_at }, watch, number };
        Ok(Raised::payload(Box::new(leaving)))
    }

    #[cold]
    #[inline(never)]
    fn payload_of_a_stop(&self, left_at: &'static Location<'static>) -> Option<Result<Payload, Stopped>> {
        let stopped = self.token.check().err()?;
        Some(self.payload(stopped, left_at))
    }
}

/// Raises the payload of a stop, inlined into the frame of the checkpoint because each further frame costs an unwinding.
#[inline(always)]
pub(crate) fn raise(payload: Payload) -> ! {
    if fault::is(Fault::StopCallsTheHook) {
        panic::panic_any(*payload.downcast::<Raised>().expect("nothing else is raised"));
    }
    resume_unwind(payload)
}

// A panic cannot leave it half changed: the token is unwind safe, and each change of the watch is made under its lock.
impl UnwindSafe for UnwindBoundary {}
impl RefUnwindSafe for UnwindBoundary {}

impl Checkpoint for UnwindBoundary {
    fn token(&self) -> &StopToken {
        &self.token
    }

    #[inline]
    #[track_caller]
    fn check(&self) -> Result<(), Stopped> {
        Self::check(self)
    }

    #[track_caller]
    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        Self::sleep(self, duration)
    }
}

impl fmt::Debug for UnwindBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnwindBoundary").field("token", &self.token).finish_non_exhaustive()
    }
}

impl Swallowed {
    /// Prints one line on standard error; does nothing if standard error is closed.
    pub fn print(&self, worker: &str) {
        // There is no other place to report to.
        let _ = io::stderr().lock().write_all(format!("worker `{worker}`: {self}\n").as_bytes());
    }
}

impl fmt::Display for Swallowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a catch_unwind swallowed the stop that left at {}: {}", self.left_at, self.stopped)
    }
}

/// How many stops this process has raised.
pub(crate) fn raised() -> u64 {
    // ORDERING: Relaxed: only the number matters. What happened before this load has raised at most so many.
    RAISED.load(Relaxed)
}

/// Whether the calling thread, if it unwinds, may unwind with a stop that was raised after so many others: it has raised that
/// stop itself, or the stop belongs to `current` and another thread may have handed it on.
pub(crate) fn is_leaving(current: Option<&UnwindBoundary>, raised: u64) -> bool {
    let own = LAST_RAISED.try_with(|last| last.borrow().clone()).ok().flatten();
    own.is_some_and(|own| own.number > raised && own.is_on_its_way())
        || current.is_some_and(|current| current.watch.has_on_its_way(raised))
}

/// How many stops this process has raised; it is the number of the next one.
static RAISED: AtomicU64 = AtomicU64::new(0);

thread_own! { static LAST_RAISED: RefCell<Option<LastRaised>> = RefCell::new(None); }

/// The payload that a thread has raised last, unless it was dropped on that thread.
#[derive(Clone)]
struct LastRaised {
    number: u64,
    watch: Weak<Watch>,
}

impl LastRaised {
    /// Whether the payload was neither dropped nor caught by its boundary.
    fn is_on_its_way(&self) -> bool {
        self.watch.upgrade().is_some_and(|watch| watch.passing().on_their_way.contains(&self.number))
    }
}

/// The function that reports swallowed stops, and the payloads it is about; its address tells boundaries apart.
struct Watch {
    report: Box<dyn Fn(&Swallowed) + Send + Sync>,
    passing: Mutex<Passing>,
}

/// The payloads of one boundary that have not arrived.
///
/// A library that runs parts of a job on several threads passes one payload on and drops its siblings.
/// So a dropped payload is reported when no sibling is left that can still arrive.
#[derive(Default)]
struct Passing {
    /// The numbers of the payloads that were raised since the last arrival and not dropped.
    on_their_way: Vec<u64>,
    /// The payloads that were dropped while a sibling was still on its way.
    dropped: Vec<Swallowed>,
}

impl Watch {
    fn passing(&self) -> MutexGuard<'_, Passing> {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a payload of the calling thread, and returns its number.
    fn raised(self: &Unmodelled<Self>) -> u64 {
        // ORDERING: Relaxed: only the number matters, and each is used once.
        let number = RAISED.fetch_add(1, Relaxed) + 1;
        self.passing().on_their_way.push(number);
        let last = LastRaised { number, watch: Unmodelled::downgrade(self) };
        // A thread that is ending has no such variable any more.
        let _ = LAST_RAISED.try_with(|place| place.replace(Some(last)));
        number
    }

    /// Whether a payload is on its way that was raised after so many others.
    fn has_on_its_way(&self, raised: u64) -> bool {
        !fault::is(Fault::HandedStopIsFailure) && self.passing().on_their_way.iter().any(|number| *number > raised)
    }

    /// Notes that a payload has arrived, so its siblings were not swallowed.
    fn arrived(&self) {
        let mut passing = self.passing();
        passing.on_their_way.clear();
        passing.dropped.clear();
    }

    /// Notes that the payload with this number was dropped; that of a sibling that arrived before is no longer listed.
    fn dropped(&self, swallowed: &Swallowed, number: u64) {
        let mut passing = self.passing();
        let Some(place) = passing.on_their_way.iter().position(|other| *other == number) else { return };
        passing.on_their_way.swap_remove(place);
        passing.dropped.push(swallowed.clone());
        if passing.on_their_way.is_empty() || fault::is(Fault::SiblingTakenForSwallowed) {
            self.report_dropped(passing);
        }
    }

    /// Notes that the job has ended without a payload that arrived.
    fn left_without_a_stop(&self) {
        self.report_dropped(self.passing());
    }

    fn report_dropped(&self, mut passing: MutexGuard<'_, Passing>) {
        let dropped = std::mem::take(&mut passing.dropped);
        drop(passing);
        for swallowed in &dropped {
            // A panic that left a destructor could end the process.
            drop(catch_unwind(AssertUnwindSafe(|| (self.report)(swallowed))));
        }
    }
}

/// What a payload carries.
///
/// It keeps the watch, so no boundary that is made while it is on its way has the same address.
struct Leaving {
    swallowed: Swallowed,
    /// `None` once it has arrived.
    watch: Option<Unmodelled<Watch>>,
    number: u64,
}

impl Leaving {
    fn is_for(&self, boundary: &UnwindBoundary) -> bool {
        fault::is(Fault::StopForAnotherKept)
            || self.watch.as_ref().is_some_and(|watch| Unmodelled::ptr_eq(watch, &boundary.watch))
    }

    fn arrive(mut self) -> Stopped {
        if !fault::is(Fault::ArrivedTakenForSwallowed)
            && let Some(watch) = self.watch.take()
        {
            watch.arrived();
        }
        self.swallowed.stopped.clone()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let is_own = |last: &mut LastRaised| last.number == self.number;
        // A thread that is ending has no such variable any more.
        let own = LAST_RAISED.try_with(|last| last.borrow_mut().take_if(is_own));
        drop(own);
        let Some(watch) = self.watch.take() else { return };
        if fault::is(Fault::SwallowedUnnoticed) {
            return;
        }
        watch.dropped(&self.swallowed, self.number);
    }
}
