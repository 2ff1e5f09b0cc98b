//! What fires alarms when deadlines pass, and the alarm of a tree.
//!
//! # How it works
//!
//! A timer knows of a tree only the alarm that was set last, and may fire it at any time.
//! The alarm takes everything that is due out under the locks of the shards, and then stops it by ordinary requests with
//! the reason [`crate::Reason::Deadline`].
//! An alarm that outlives its tree does nothing.
#![allow(unsafe_code, reason = "points to the root for as long as the root exists")]

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::ptr::NonNull;
use std::time::Instant;

use crate::sync::{Arc, Mutex, Unmodelled, lock};

/// Fires the alarms of a tree of sources; set for one tree with [`crate::StopSource::with_timer`].
///
/// Bring one to have deadlines fired by a runtime, or by a clock that a test moves on.
///
/// # The timer of the process
///
/// A tree without a timer of its own uses that of the process: one thread, `cease-timer`, which starts with the first
/// deadline and lives as long as the process.
/// It stops what is due and wakes threads and tasks; it calls no callback.
///
/// Callbacks run on threads called `cease-callbacks`: at most four at a time, however many deadlines pass. They start when
/// a callback is due and end when none is left.
/// A slow callback holds its thread. While slow callbacks hold all four, the callbacks of later deadlines wait in the order
/// in which the deadlines passed, and a callback that never returns holds its thread for good.
/// Stops never wait for callbacks: every deadline stops its source, and what is below it, at its time.
/// What a callback does waits with it, though: a [`crate::LinkedToken`] follows its inputs by callbacks, and so do bridges
/// to other libraries and descriptors that show a stop. Keep callbacks of deadlines short, or hand long work to a thread of
/// your own.
/// When the operating system refuses a thread, the callbacks wait until it grants one.
///
/// # After `fork`
///
/// A child of `fork` has no thread but the one that called it. The timer notices the other process when a deadline is set
/// there or a thread blocks in a wait on a token, starts its own thread, and continues the deadlines that were set before
/// the fork.
/// What it does not notice is a child that only polls, or only polls futures: there a deadline from before the fork fires
/// after the next one that is set.
/// A callback that ran on another thread during the fork never ends in the child, so dropping its guard there blocks for
/// ever. The same holds for a lock that another thread held, as for any lock in such a child.
///
/// ```
/// use cease_core::{Alarm, Reason, StopSource, Timer, TimerError};
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, Instant};
///
/// /// A clock that a test moves on.
/// struct ByHand {
///     now: Mutex<Instant>,
///     alarms: Mutex<Vec<Alarm>>,
/// }
///
/// impl Timer for ByHand {
///     fn now(&self) -> Instant {
///         *self.now.lock().unwrap()
///     }
///
///     fn set(&self, _at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
///         self.alarms.lock().unwrap().push(alarm);
///         Ok(Box::new(()))
///     }
/// }
///
/// let timer = Arc::new(ByHand { now: Mutex::new(Instant::now()), alarms: Mutex::default() });
/// let source = StopSource::with_timer(timer.clone());
/// let (request, _deadline) = source.child_with_timeout(Duration::from_secs(3600))?;
///
/// *timer.now.lock().unwrap() += Duration::from_secs(3600);
/// let alarms = std::mem::take(&mut *timer.alarms.lock().unwrap());
/// alarms.iter().for_each(Alarm::fire);
/// assert_eq!(request.token().reason(), Some(&Reason::Deadline));
/// # Ok::<(), TimerError>(())
/// ```
pub trait Timer: Send + Sync {
    /// What time it is.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Arranges for `alarm` to be fired at `at` or as soon as possible afterwards, until the returned value is dropped.
    ///
    /// It may be fired at any other time too: an alarm that finds nothing due does nothing.
    /// It must not be fired before this returns.
    ///
    /// # Errors
    ///
    /// When it cannot; the deadline is then not set.
    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError>;

    /// Calls the callbacks of one deadline that has passed; by default on the thread that fires the alarm.
    ///
    /// Each deadline that has callbacks makes a call of its own.
    fn call(&self, callbacks: Box<dyn FnOnce() + Send>) {
        callbacks();
    }
}

/// Why a deadline could not be set.
#[derive(Debug)]
pub struct TimerError(Box<dyn Error + Send + Sync>);

impl TimerError {
    /// Says why.
    pub fn new(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(why.into())
    }
}

impl From<io::Error> for TimerError {
    fn from(error: io::Error) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for TimerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no timer for a deadline: {}", self.0)
    }
}

impl Error for TimerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Rings when a deadline may have passed; given to a [`Timer`].
///
/// It does not keep the tree, nor anybody in it.
#[derive(Clone)]
pub struct Alarm(Arc<Clock>);

impl Alarm {
    /// Stops whatever is due, and sets the timer for what comes next.
    ///
    /// It may be called at any time, also when nothing is due or the tree is gone.
    pub fn fire(&self) {
        // From here on a deadline that is set sets the timer again.
        let rung = mem::take(&mut *lock(&self.0.armed));
        drop(rung);
        let (passed, next) = self.0.take_due();
        // One call for each deadline, so that a slow callback of one need not delay the others.
        for callbacks in passed.into_iter().flat_map(Passed::stop) {
            self.0.timer.call(callbacks);
        }
        self.set_next(next);
    }

    /// Takes the alarm back when no deadline is left in the tree, and sets it for the next one otherwise.
    pub(crate) fn release(&self) {
        // As in `fire`, so that a deadline which is set meanwhile is either found below, or sets the timer again.
        let before = mem::take(&mut *lock(&self.0.armed));
        if before.at.is_some() {
            self.set_next(self.0.next());
        }
        drop(before);
    }

    fn set_next(&self, next: Option<Instant>) {
        if let Some(next) = next
            && let Err(error) = self.set(next)
        {
            // No caller waits for an answer here; the next deadline that is set tries again.
            let _ = writeln!(io::stderr(), "cease: {error}");
        }
    }

    pub(crate) fn new(timer: Unmodelled<dyn Timer>, root: NonNull<dyn Tree>) -> Self {
        Self(Arc::new(Clock { timer, root: Mutex::new(Some(root)), armed: Mutex::new(Armed::default()) }))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.timer.now()
    }

    /// Sees to it that the timer rings at `at` or before.
    pub(crate) fn set(&self, at: Instant) -> Result<(), TimerError> {
        let process = process();
        let at = {
            let mut armed = lock(&self.0.armed);
            let earlier = armed.at.filter(|earlier| *earlier <= at);
            // What was set before a `fork` is set again: the thread that was to fire it exists in the parent only.
            if earlier.is_some() && armed.process == process {
                return Ok(());
            }
            armed.process = process;
            *armed.at.insert(earlier.unwrap_or(at))
        };
        // The timer is somebody else's code, so it is set and taken back with no lock held.
        let setting = self.0.timer.set(at, self.clone());
        let mut armed = lock(&self.0.armed);
        let (result, stale) = match setting {
            // It rang meanwhile, or is to ring earlier.
            Ok(setting) if armed.at != Some(at) => (Ok(()), Some(setting)),
            Ok(setting) => (Ok(()), armed.setting.replace(setting)),
            Err(error) => {
                if armed.at == Some(at) {
                    armed.at = None;
                }
                (Err(error), None)
            }
        };
        drop(armed);
        drop(stale);
        result
    }

    /// Notes that the tree is gone, once no code reads it any more.
    pub(crate) fn forget(&self) {
        *lock(&self.0.root) = None;
        let armed = mem::take(&mut *lock(&self.0.armed));
        drop(armed);
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").finish()
    }
}

/// The time of one tree.
struct Clock {
    timer: Unmodelled<dyn Timer>,
    /// None when the tree is gone, which waits for a ring that looks into it.
    root: Mutex<Option<NonNull<dyn Tree>>>,
    armed: Mutex<Armed>,
}

#[derive(Default)]
struct Armed {
    /// When the timer will ring at the latest.
    at: Option<Instant>,
    /// The process in which it was set.
    process: u32,
    /// Takes the alarm back when it is dropped.
    setting: Option<Box<dyn Send>>,
}

// SAFETY: the root is used only under the lock around its pointer, and may be used from any thread, as a `Tree` promises.
unsafe impl Send for Clock {}
// SAFETY: as above.
unsafe impl Sync for Clock {}

impl Clock {
    /// When the next deadline of the tree passes.
    fn next(&self) -> Option<Instant> {
        let root = lock(&self.root);
        let root = (*root)?;
        // SAFETY: as in `take_due`.
        unsafe { root.as_ref() }.next()
    }

    /// Takes out what is due, and says when the next deadline passes.
    fn take_due(&self) -> (Option<Box<dyn Passed>>, Option<Instant>) {
        let root = lock(&self.root);
        let Some(root) = *root else { return (None, None) };
        // SAFETY: the code that frees the root first takes the lock that is held here.
        let (passed, next) = unsafe { root.as_ref() }.take_due(self.timer.now());
        (Some(passed), next)
    }
}

/// The tree of an alarm, of which a timer needs to know only its deadlines.
///
/// # Safety
///
/// Its methods may be called on any thread, for as long as the alarm knows the tree.
pub(crate) unsafe trait Tree {
    /// When its next deadline passes.
    fn next(&self) -> Option<Instant>;

    /// Takes out the deadlines that have passed at `now`, and says when the next one passes.
    fn take_due(&self, now: Instant) -> (Box<dyn Passed>, Option<Instant>);
}

/// Nodes whose deadline has passed.
pub(crate) trait Passed {
    /// Stops them, wakes what waits at them, and returns what calls their callbacks: one call for each node.
    fn stop(self: Box<Self>) -> Vec<Box<dyn FnOnce() + Send>>;
}

/// The process that runs; asked for when a timer is set, because a child of `fork` has no thread of its parent's timer.
#[cfg(not(any(loom, shuttle)))]
fn process() -> u32 {
    std::process::id()
}

/// A model is one process.
#[cfg(any(loom, shuttle))]
const fn process() -> u32 {
    0
}
