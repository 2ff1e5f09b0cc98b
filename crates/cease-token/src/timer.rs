//! Deadlines by the clock of a tokio runtime.

use std::time::Instant;

use cease_core::sync::Arc;
use cease_core::sync::atomic::AtomicBool;
use cease_core::sync::atomic::Ordering::{Acquire, Release};
use cease_core::{Alarm, Timer, TimerError};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time;

/// Fires the deadlines of a tree by the clock of a tokio runtime, instead of by the timer of the process.
///
/// Each tree with a deadline has one task on the runtime, which waits for the nearest deadline.
/// That task calls the callbacks, so they must not block.
/// In a runtime whose clock is paused, deadlines pass when the clock is advanced; a `current_thread` runtime fires them only
/// while a thread is in its `block_on`.
/// The shutdown of the runtime drops the deadlines that have not passed; setting a deadline is an error from then on.
///
/// ```
/// use cease_core::{Reason, StopSource};
/// use cease_token::TokioTimer;
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tokio::runtime::Handle;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
/// # runtime.block_on(async {
/// let server = StopSource::with_timer(Arc::new(TokioTimer::new(Handle::current())));
/// let (request, _deadline) = server.child_with_timeout(Duration::from_secs(3600)).unwrap();
///
/// let stopped = request.token().stopped().await.unwrap();
/// assert_eq!(stopped.reason(), &Reason::Deadline);
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct TokioTimer {
    runtime: Handle,
}

impl TokioTimer {
    /// A timer by the clock of `runtime`.
    ///
    /// # Panics
    ///
    /// When the runtime was built without a clock, as the functions of [`tokio::time`] do.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        {
            let _entered = runtime.enter();
            drop(time::sleep_until(time::Instant::now()));
        }
        Self { runtime }
    }
}

impl Timer for TokioTimer {
    fn now(&self) -> Instant {
        let _entered = self.runtime.enter();
        time::Instant::now().into_std()
    }

    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        let has_fired = Arc::new(AtomicBool::new(false));
        let firing = Arc::clone(&has_fired);
        let task = self.runtime.spawn(async move {
            time::sleep_until(at.into()).await;
            // ORDERING: Release pairs with the Acquire below, which needs only this value.
            firing.store(true, Release);
            alarm.fire();
        });
        // ORDERING: Acquire pairs with the Release above: of a task that fired the alarm and ended, this load reads true.
        if task.is_finished() && !has_fired.load(Acquire) {
            return Err(TimerError::new("the tokio runtime was shut down"));
        }
        Ok(Box::new(Setting(task.abort_handle())))
    }
}

/// Removes the alarm when it is dropped; no effect when the alarm itself drops it, because its task is in its last step.
struct Setting(AbortHandle);

impl Drop for Setting {
    fn drop(&mut self) {
        self.0.abort();
    }
}
