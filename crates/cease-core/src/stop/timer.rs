//! What fires alarms when deadlines pass.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Instant;

use crate::stop::clock::Alarm;

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
