//! The other technique of async code: the future is dropped.

use cease_core::{Contract, SpawnError, StopSource, Stopped, Worker};
use tokio::runtime::{Handle, TryCurrentError};
use tokio_util::task::TaskTracker;

use crate::blocking::TaskHost;
use crate::task::{AsyncJob, AtStop, SpawnTask};
use crate::{ABORT_CONTRACT, TaskStop};

/// Runs futures as tasks, and stops them by dropping them; what tokio calls aborting a task.
///
/// The future need not know of any stop.
/// It is dropped by the runtime, in its own task, the next time that it is about to be polled after the request, or where it
/// says that it is not ready.
/// Destructors run, and what they would have to await is not done: a guard is released, a last message is not sent.
/// A future that never awaits, or is always ready to go on, is not stopped.
/// What it yields before it is dropped is not lost.
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

    /// Workers called `abort` on the runtime that the calling thread is in.
    ///
    /// # Panics
    ///
    /// When it is in none, as [`Handle::current`] does.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self::new(Handle::current())
    }

    /// Workers called `abort` on the runtime that the calling thread is in.
    ///
    /// # Errors
    ///
    /// tokio's own, when it is in none.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(Self::new)
    }

    /// Sets what the worker is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { host: self.host.name(name.into()) }
    }

    /// Tracks every worker of this value and of its clones, as [`crate::Token::tracker`] does.
    #[must_use]
    pub const fn tracker(&self) -> &TaskTracker {
        self.host.registry.tracker()
    }

    /// What the workers that are left are called, in the order in which they were spawned.
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
