//! Who tells that a deadline has passed.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Instant;

use crate::stop::clock::Alarm;
use crate::sync::Unmodelled;

/// Tells a tree of sources that time has passed; made for one tree with [`crate::StopSource::with_timer`].
///
/// A tree that was given none uses the thread `cease-timer`, of which there is one in the process, from the first deadline
/// on.
/// Bring another one to have deadlines fired by a runtime, or by a clock of your own in a test.
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

    /// Sees to it that `alarm` rings at `at`, or as soon as possible afterwards, until what is returned is dropped.
    ///
    /// It may ring at any other time too: an alarm that finds nothing due does nothing.
    /// It must not ring before this returns.
    ///
    /// # Errors
    ///
    /// When it cannot; the deadline is then not set.
    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError>;

    /// Calls the callbacks of what was stopped; on the thread that rang, unless this says otherwise.
    fn call(&self, callbacks: Box<dyn FnOnce() + Send>) {
        callbacks();
    }
}

/// The timer of trees that were given none.
#[cfg(not(any(loom, shuttle)))]
pub(super) fn of_process() -> Result<Unmodelled<dyn Timer>, TimerError> {
    Ok(Unmodelled::new(super::process_timer::ProcessTimer))
}

/// The timer of trees that were given none: a model has no clock.
#[cfg(any(loom, shuttle))]
pub(super) fn of_process() -> Result<Unmodelled<dyn Timer>, TimerError> {
    Err(TimerError::new("a model has no clock, and this tree was given no timer"))
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
