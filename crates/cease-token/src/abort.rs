//! The other technique of async code: a stop drops the future.

use cease_core::{Contract, SpawnError, StopSource, Stopped, Worker};
use tokio::runtime::{Handle, TryCurrentError};
use tokio_util::task::TaskTracker;

use crate::blocking::TaskHost;
use crate::task::{AsyncJob, AtStop, SpawnTask};
use crate::{ABORT_CONTRACT, TaskStop};

/// Runs futures as tasks, and stops them by dropping them; tokio calls this aborting a task.
///
/// The future does not have to look at its stop.
/// After a request, its task drops the future before the next poll, or when the current poll returns `Pending`.
/// The destructors run, but they cannot await: a guard is released, and a last message is not sent.
/// A future whose poll never returns is not stopped.
/// When a poll returns the output, that output is the exit, also after a request.
///
/// ```
/// use cease_core::Reason;
/// use cease_token::Abort;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let worker = Abort::current().spawn_future(std::future::pending::<()>()).unwrap();
/// worker.stop_with("enough");
/// worker.ended().stopped().await.unwrap();
/// assert_eq!(worker.join().unwrap().as_stopped().unwrap().reason(), &Reason::from("enough"));
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Abort {
    host: TaskHost,
}

impl Abort {
    /// Workers called `abort` on `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { host: TaskHost::new(runtime, ABORT_CONTRACT.strategy) }
    }

    /// Workers called `abort` on the runtime of the calling thread.
    ///
    /// # Panics
    ///
    /// When the calling thread is in no runtime, as [`Handle::current`] does.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self::new(Handle::current())
    }

    /// Workers called `abort` on the runtime of the calling thread.
    ///
    /// # Errors
    ///
    /// tokio's error, when the calling thread is in no runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(Self::new)
    }

    /// Sets the name of the workers.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { host: self.host.name(name.into()) }
    }

    /// Tracks the workers of this value and of its clones that have not ended, as [`crate::Token::tracker`] does.
    #[must_use]
    pub const fn tracker(&self) -> &TaskTracker {
        self.host.registry.tracker()
    }

    /// The names of the workers that have not ended, in the order of their spawns.
    #[must_use]
    pub fn worker_names(&self) -> Vec<String> {
        self.host.registry.names()
    }

    /// Starts `future` as a task with a source of its own.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the future in it, when the runtime is shut down.
    pub fn spawn_future<F>(&self, future: F) -> Result<Worker<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawn_future_with(future, StopSource::new())
    }

    /// Starts `future` as a task that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// As for [`Abort::spawn_future`].
    pub fn spawn_future_with<F>(&self, future: F, source: StopSource) -> Result<Worker<F::Output>, SpawnError<F>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawn_job_with(PlainFuture(future), source).map_err(|error| error.map_job(|PlainFuture(future)| future))
    }
}

impl SpawnTask for Abort {
    fn task_contract(&self) -> &'static Contract {
        &ABORT_CONTRACT
    }

    fn spawn_job_with<J: AsyncJob>(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.host.spawn_task(job, source, AtStop::DropFuture)
    }
}

/// A future that does not look at its stop.
struct PlainFuture<F>(F);

impl<F> AsyncJob for PlainFuture<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    type Output = F::Output;

    async fn run(self, _stop: TaskStop) -> Result<F::Output, Stopped> {
        Ok(self.0.await)
    }
}
