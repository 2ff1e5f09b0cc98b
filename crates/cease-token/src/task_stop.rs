//! What a task gets to ask whether it should stop, and to wait with.

use std::time::Duration;

use cease_core::{Checkpoint, StopToken, Stopped};
use tokio_util::sync::CancellationToken;

/// What a task gets to ask whether it should stop, and to wait with; clones go to whoever helps it.
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

    /// The cancellation token, for code that takes one; cancelling it asks this job for nothing.
    #[must_use]
    pub const fn cancellation_token(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// Resolves when a stop is asked for; when nobody can ask any more, it never does.
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

    /// Sleeps for `duration` by the clock of the runtime, or until a stop is asked for.
    ///
    /// The blocking [`Checkpoint::sleep`] is another one, for code that runs on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`Stopped`] as soon as a stop is asked for, also when that was before the call, or just as the time is over.
    ///
    /// # Panics
    ///
    /// When the runtime was built without a clock, as [`tokio::time::sleep`] does.
    pub async fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.run_until_stopped(tokio::time::sleep(duration)).await
    }

    /// Runs `future` until it is ready or a stop is asked for, and drops it then; see [`StopToken::run_until_stopped`].
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the stop won.
    pub async fn run_until_stopped<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        self.token.run_until_stopped(future).await
    }
}

impl Checkpoint for TaskStop {
    fn token(&self) -> &StopToken {
        &self.token
    }
}
