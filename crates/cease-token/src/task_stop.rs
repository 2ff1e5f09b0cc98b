//! The checkpoint of a task, with its waits.

use std::time::Duration;

use cease_core::{Checkpoint, StopToken, Stopped};
use tokio_util::sync::CancellationToken;

/// The checkpoint of a task, with its waits; a clone can go to any code that works for the task.
///
/// A poll loads the flag of the [`StopToken`] and nothing else; waits are those of the [`StopToken`].
/// The request cancels the [`CancellationToken`] before it returns, after it has raised the flag.
#[derive(Debug, Clone)]
pub struct TaskStop {
    token: StopToken,
    cancelled: CancellationToken,
}

impl TaskStop {
    pub(crate) fn new(token: StopToken, cancelled: CancellationToken) -> Self {
        Self { token, cancelled }
    }

    /// The cancellation token, for code that takes one; cancelling it does not stop this job.
    #[must_use]
    pub const fn cancellation_token(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Waits for the stop; never resolves when the last source is dropped without a request.
    ///
    /// Dropping the future removes it from the list of the stop, and has no other effect.
    ///
    /// ```
    /// use cease_core::Reason;
    /// use cease_token::{SpawnTask, Token};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let worker = Token::current().spawn_task(|stop| async move { Err::<(), _>(stop.stopped().await) }).unwrap();
    /// worker.stop_with("enough");
    /// worker.ended().stopped().await.unwrap();
    /// assert_eq!(worker.join().unwrap().as_stopped().unwrap().reason(), &Reason::from("enough"));
    /// # });
    /// ```
    pub async fn stopped(&self) -> Stopped {
        match self.token.stopped().await {
            Ok(stopped) => stopped,
            Err(_) => std::future::pending().await,
        }
    }

    /// Sleeps for `duration` by the clock of the runtime, or until a stop is requested.
    ///
    /// It hides [`Checkpoint::sleep`], which blocks the thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when a stop is requested before the call or during the sleep, also at the moment when the time is over.
    ///
    /// # Panics
    ///
    /// When the runtime was built without a clock, as [`tokio::time::sleep`] does.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.run_until_stopped(tokio::time::sleep(duration)).await
    }

    /// Runs `future` until it is ready or a stop is requested, and drops it then; see [`StopToken::run_until_stopped`].
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the stop was requested before `future` was ready.
    pub async fn run_until_stopped<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        self.token.run_until_stopped(future).await
    }
}

impl Checkpoint for TaskStop {
    fn token(&self) -> &StopToken {
        &self.token
    }
}
