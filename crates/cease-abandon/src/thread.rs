//! A thread that may be left behind, from its start to its end, however late.
//!
//! | phase | meaning | who leaves it |
//! |---|---|---|
//! | `Running` | the worker is waited for | its end; its grace |
//! | `WithoutRoom` | its grace is over, and the account is full | its end; the end of another one |
//! | `LeftBehind` | it was let go of | its end |
//! | `Ended` | it ended while it was waited for | nobody |
//! | `EndedLate` | it ended after it was let go of | nobody |
//!
//! A phase changes under its lock, so exactly one of the end and the letting go comes first (law L7).

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use cease_core::sync::{Arc, Mutex, lock};
use cease_core::{
    CallbackGuard, Checkpoint, Deadline, Exit, Panic, Reason, StopSource, StopToken, Stopped, TimerError, Worker,
    WorkerHandle,
};

use crate::account::{AbandonedThreads, Entry};
use crate::marks::SharedMarks;

/// A thread that was left behind has ended after all.
#[derive(Debug)]
#[non_exhaustive]
pub struct LateEnd {
    /// What the worker was called.
    pub name: String,
    /// How long it ran after it was let go of.
    pub after: Duration,
    /// How it ended.
    pub exit: LateExit,
}

/// How a thread ended that nobody waited for.
#[derive(Debug)]
#[non_exhaustive]
pub enum LateExit {
    /// The work was done; the value was dropped.
    Finished,
    /// The job left at a checkpoint.
    Stopped(Stopped),
    /// The job panicked, or the value that nobody took did so when it was dropped.
    Panicked(Panic),
}

impl LateExit {
    /// The one word for it: `finished`, `stopped` or `panicked`.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped(_) => "stopped",
            Self::Panicked(_) => "panicked",
        }
    }
}

/// Whom the recipe has told of late ends.
pub(crate) struct LateReport(Box<dyn Fn(LateEnd) + Send + Sync>);

impl LateReport {
    pub(crate) fn new(report: impl Fn(LateEnd) + Send + Sync + 'static) -> Self {
        Self(Box::new(report))
    }
}

impl fmt::Debug for LateReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateReport").finish_non_exhaustive()
    }
}

/// The terms on which a worker is let go of.
pub(crate) struct Terms {
    /// The name of the worker.
    pub(crate) name: String,
    /// The time from the stop until the worker is let go of.
    pub(crate) grace: Duration,
    /// The number of threads in the account from which on the worker is not let go of.
    pub(crate) cap: usize,
    /// The account in which the thread is entered.
    pub(crate) account: AbandonedThreads,
    /// The callback for the late end of the thread.
    pub(crate) late: Option<Arc<LateReport>>,
}

/// The state that the thread, its worker and the account share.
pub(crate) struct Handle {
    terms: Terms,
    stop: StopToken,
    marks: SharedMarks,
    /// Asked when the job has ended or was let go of.
    ended: StopSource,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// What waits for the stop.
    on_stop: Option<CallbackGuard>,
    /// What waits for the end of the grace.
    clock: Option<(CallbackGuard, Deadline)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    WithoutRoom { number: u64 },
    LeftBehind { entry: u64, since: Instant },
    Ended,
    EndedLate,
}

/// Makes sure that there is a timer for `grace`, where one is needed.
pub(crate) fn prepare_for(grace: Duration) -> Result<(), TimerError> {
    if grace.is_zero() || timer::is_there() {
        return Ok(());
    }
    let (_, deadline) = StopSource::with_timeout(grace)?;
    deadline.clear();
    timer::note();
    Ok(())
}

impl Handle {
    pub(crate) fn new(terms: Terms, source: &StopSource) -> Self {
        Self {
            terms,
            stop: source.token(),
            marks: SharedMarks::default(),
            ended: StopSource::new(),
            state: Mutex::new(State { phase: Phase::Running, on_stop: None, clock: None }),
        }
    }

    /// Has the grace begin with the stop.
    pub(crate) fn watch(this: &Arc<Self>) {
        let handle = Arc::clone(this);
        let on_stop = this.stop.on_stop(move || Self::grace_begins(&handle));
        let mut state = lock(&this.state);
        if state.phase == Phase::Running {
            state.on_stop = Some(on_stop);
        } else {
            drop(state);
            on_stop.unregister();
        }
    }

    fn grace_begins(this: &Arc<Self>) {
        if this.terms.grace.is_zero() {
            return Self::let_go(this);
        }
        let timer = StopSource::with_timeout(this.terms.grace);
        let (over, deadline) = timer.expect("the timer runs since before the worker was started");
        let handle = Arc::clone(this);
        let on_over = over.token().on_stop(move || Self::let_go(&handle));
        let mut state = lock(&this.state);
        if state.phase == Phase::Running {
            state.clock = Some((on_over, deadline));
        } else {
            drop(state);
            deadline.clear();
            on_over.unregister();
        }
    }

    /// Lets go of the worker, unless it has ended, or the account is full.
    pub(crate) fn let_go(this: &Arc<Self>) {
        let mut list = this.terms.account.list();
        let mut state = lock(&this.state);
        let queued = match state.phase {
            Phase::Running => None,
            Phase::WithoutRoom { number } => Some(number),
            Phase::LeftBehind { .. } | Phase::Ended | Phase::EndedLate => return,
        };
        if list.left.len() >= this.terms.cap {
            if queued.is_none() {
                let handle = Arc::clone(this);
                state.phase = Phase::WithoutRoom { number: list.queue(move || Self::let_go(&handle)) };
            }
            return;
        }
        let asked = this.stop.check().expect_err("its stop was asked for");
        let since = Instant::now();
        let entry =
            Entry { name: this.terms.name.clone(), asked, since, marks: Some(this.marks.clone()), on_end: None };
        state.phase = Phase::LeftBehind { entry: list.enter(entry), since };
        if let Some(number) = queued {
            list.unqueue(number);
        }
        drop(state);
        drop(list);
        this.ended.request_with(Reason::Deadline);
    }

    /// The whole life of the thread.
    pub(crate) fn live<J, T, R>(this: &Arc<Self>, job: J, stop: &StopToken, run: R) -> Result<T, Stopped>
    where
        R: FnOnce(J, &StopToken, &SharedMarks) -> Result<T, Stopped>,
    {
        this.marks.arrived();
        // What unwinds goes on to unwind below, or is told of: nobody sees anything half done.
        let outcome = catch_unwind(AssertUnwindSafe(|| run(job, stop, &this.marks)));
        match Self::end(this) {
            Some(since) => Err(this.end_late(stop, since, outcome)),
            None => {
                this.ended.request();
                outcome.unwrap_or_else(|payload| resume_unwind(payload))
            }
        }
    }

    /// The job has ended; when it was let go of, says when that was.
    fn end(this: &Arc<Self>) -> Option<Instant> {
        let mut state = lock(&this.state);
        let phase = state.phase;
        state.phase = if matches!(phase, Phase::LeftBehind { .. }) { Phase::EndedLate } else { Phase::Ended };
        let (on_stop, clock) = (state.on_stop.take(), state.clock.take());
        drop(state);
        // Whichever of them runs just now finds the phase as it is, so nobody waits for it.
        if let Some(on_stop) = on_stop {
            on_stop.unregister();
        }
        if let Some((on_over, deadline)) = clock {
            deadline.clear();
            on_over.unregister();
        }
        match phase {
            Phase::LeftBehind { entry, since } => {
                this.terms.account.remove(entry);
                Some(since)
            }
            Phase::WithoutRoom { number } => {
                this.terms.account.list().unqueue(number);
                None
            }
            _ => None,
        }
    }

    /// Drops what nobody waits for any more, and tells how it ended.
    fn end_late<T>(&self, stop: &StopToken, since: Instant, outcome: Outcome<T>) -> Stopped {
        let dropped = catch_unwind(AssertUnwindSafe(|| outcome.map(|result| result.map(drop))));
        let exit = match dropped.and_then(|outcome| outcome) {
            Ok(Ok(())) => LateExit::Finished,
            Ok(Err(stopped)) => LateExit::Stopped(stopped),
            Err(payload) => LateExit::Panicked(Panic::new(payload)),
        };
        if let Some(report) = &self.terms.late {
            let end = LateEnd { name: self.terms.name.clone(), after: since.elapsed(), exit };
            // Nobody is left to hear of a panic here; the hook has told of it.
            let _ = catch_unwind(AssertUnwindSafe(|| (report.0)(end)));
        }
        stop.check().expect_err("it was let go of because of its stop")
    }

    fn was_let_go(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::LeftBehind { .. } | Phase::EndedLate)
    }
}

/// The worker's side: it waits for the end, or for the letting go.
pub(crate) struct LetGo<T> {
    /// `None` only while it is joined or dropped.
    inner: Option<Worker<T>>,
    handle: Arc<Handle>,
    ended: StopToken,
}

impl<T> LetGo<T> {
    pub(crate) fn new(inner: Worker<T>, handle: Arc<Handle>) -> Self {
        let ended = handle.ended.token();
        Self { inner: Some(inner), handle, ended }
    }
}

impl<T: Send> WorkerHandle<T> for LetGo<T> {
    fn ended(&self) -> &StopToken {
        &self.ended
    }

    fn is_current(&self) -> bool {
        self.inner.as_ref().is_some_and(Worker::is_current)
    }

    fn join(mut self: Box<Self>) -> Exit<T> {
        // The source of it stays with the thread, which asks it at its end at the latest.
        let _ = self.ended.wait();
        if self.handle.was_let_go() {
            return Exit::Abandoned;
        }
        let inner = self.inner.take().expect("only joining and dropping takes it");
        inner.join().unwrap_or_else(|_| unreachable!("a job does not join itself here"))
    }
}

impl<T> Drop for LetGo<T> {
    fn drop(&mut self) {
        self.inner.take().into_iter().for_each(Worker::detach);
    }
}

/// What a job came to, or what it panicked with.
type Outcome<T> = Result<Result<T, Stopped>, Box<dyn Any + Send>>;

/// Whether nobody is ever let go of.
pub(crate) fn is_endless(grace: Duration) -> bool {
    Instant::now().checked_add(grace).is_none()
}

#[cfg(not(any(loom, shuttle)))]
mod timer {
    //! Whether this process has its timer, which stays once it is there.
    //!
    //! A child of `fork` does not have the thread of its parent, so the process is compared.

    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// The process that was last seen to have its timer; no process has the number zero.
    static PROCESS: AtomicU32 = AtomicU32::new(0);

    pub(super) fn is_there() -> bool {
        // ORDERING: Relaxed: only the number matters; the timer itself has a lock.
        PROCESS.load(Ordering::Relaxed) == process::id()
    }

    pub(super) fn note() {
        // ORDERING: Relaxed: as above.
        PROCESS.store(process::id(), Ordering::Relaxed);
    }
}

#[cfg(any(loom, shuttle))]
mod timer {
    //! A model has no timer.

    pub(super) const fn is_there() -> bool {
        false
    }

    pub(super) const fn note() {}
}
