//! Deadlines that a tokio runtime fires.

use std::time::Instant;

use cease_core::sync::Arc;
use cease_core::sync::atomic::AtomicBool;
use cease_core::sync::atomic::Ordering::{Acquire, Release};
use cease_core::{Alarm, Timer, TimerError};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time;

/// Fires the deadlines of a tree by the clock of a tokio runtime, instead of by a thread of their own.
///
/// Each tree with a deadline has one task there, which waits for the next one.
/// Callbacks are called by that task, so they must not block for long.
/// In a runtime whose clock is paused, deadlines pass as it is moved on; one of the current thread fires them while somebody
/// is in its `block_on`.
/// A runtime that is shut down takes the deadlines with it that have not passed; setting one is an error from then on.
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
    /// Takes the clock of `runtime`.
    ///
    /// # Panics
    ///
    /// When the runtime was built without a clock, as tokio's own functions of time do.
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
        let rings = Arc::new(AtomicBool::new(false));
        let ringing = Arc::clone(&rings);
        let task = self.runtime.spawn(async move {
            time::sleep_until(at.into()).await;
            // ORDERING: Release pairs with the Acquire below, where only this value matters.
            ringing.store(true, Release);
            alarm.fire();
        });
        // ORDERING: Acquire pairs with the Release above: a task that has ended after it rang is known to have done so.
        if task.is_finished() && !rings.load(Acquire) {
            return Err(TimerError::new("the tokio runtime was shut down"));
        }
        Ok(Box::new(Setting(task.abort_handle())))
    }
}

/// Takes the alarm back when it is dropped; by the alarm itself it changes nothing, which is then in its last step.
struct Setting(AbortHandle);

impl Drop for Setting {
    fn drop(&mut self) {
        self.0.abort();
    }
}
