//! Jobs that are futures, on the threads of a runtime that run its tasks.

use std::pin::Pin;
use std::task::{Context, Poll};

use cease_core::{Contract, Exit, Panic, SpawnError, StopSource, Stopped, StoppedFuture, Worker, current};
use pin_project_lite::pin_project;
use tokio_util::sync::CancellationToken;

use crate::blocking::TaskHost;
use crate::task_state::{RunSide, caught};
use crate::{CancelOnStop, TaskStop, Token};

/// Work that awaits and can be stopped; the async counterpart of [`cease_core::Job`].
///
/// ```
/// use cease_core::{Checkpoint, Stopped};
/// use cease_token::{AsyncJob, SpawnTask, TaskStop, Token};
///
/// struct Count(u64);
///
/// impl AsyncJob for Count {
///     type Output = u64;
///
///     async fn run(self, stop: TaskStop) -> Result<u64, Stopped> {
///         let mut sum = 0;
///         for number in 0..self.0 {
///             stop.run_until_stopped(tokio::task::yield_now()).await?;
///             sum += number;
///         }
///         Ok(sum)
///     }
/// }
///
/// let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
/// let worker = Token::new(runtime.handle().clone()).spawn_job(Count(4)).unwrap();
/// assert_eq!(worker.join().unwrap().into_finished(), Some(6));
/// ```
pub trait AsyncJob: Send + 'static {
    /// The output of the work when it is not stopped.
    type Output: Send + 'static;

    /// Does the work until it is done or a stop is requested.
    fn run(self, stop: TaskStop) -> impl Future<Output = Result<Self::Output, Stopped>> + Send;
}

/// A strategy that runs futures as tasks.
///
/// Async code awaits [`Worker::ended`] and then joins, which does not block. A join before the end would block a thread that
/// the task may need, so it is an error ([`cease_core::JoinError::OnItsThread`]).
/// For the same reason, the drop of a worker by async code of its runtime requests the stop and detaches the task.
///
/// ```
/// use cease_token::{SpawnTask, Token};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let worker = Token::current().spawn_task(|_stop| async { Ok(7) }).unwrap();
/// let error = worker.join().unwrap_err();
/// let worker = error.into_worker();
///
/// worker.ended().stopped().await.unwrap();
/// assert_eq!(worker.join().unwrap().into_finished(), Some(7));
/// # });
/// ```
pub trait SpawnTask {
    /// The promises of this strategy for tasks.
    fn task_contract(&self) -> &'static Contract;

    /// Starts `job` as a task that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it, when the runtime is shut down.
    fn spawn_job_with<J: AsyncJob>(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>>;

    /// Starts `job` as a task with a source of its own.
    ///
    /// # Errors
    ///
    /// As for [`SpawnTask::spawn_job_with`].
    fn spawn_job<J: AsyncJob>(&self, job: J) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.spawn_job_with(job, StopSource::new())
    }

    /// Starts a closure that makes a future as a task that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// As for [`SpawnTask::spawn_job_with`].
    fn spawn_task_with<T, F, R>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(TaskStop) -> R + Send + 'static,
        R: Future<Output = Result<T, Stopped>> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_job_with(Closure(job), source).map_err(|error| error.map_job(|Closure(job)| job))
    }

    /// Starts a closure that makes a future as a task with a source of its own.
    ///
    /// # Errors
    ///
    /// As for [`SpawnTask::spawn_job_with`].
    fn spawn_task<T, F, R>(&self, job: F) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(TaskStop) -> R + Send + 'static,
        R: Future<Output = Result<T, Stopped>> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_task_with(job, StopSource::new())
    }
}

impl SpawnTask for Token {
    fn task_contract(&self) -> &'static Contract {
        &crate::CONTRACT
    }

    fn spawn_job_with<J: AsyncJob>(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.host.spawn_task(job, source, AtStop::Ask)
    }
}

/// The effect of a stop on a task, beside the raised flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtStop {
    /// Nothing: the future looks at the flag, or awaits the stop.
    Ask,
    /// The task drops the future at its next await.
    DropFuture,
}

impl TaskHost {
    /// Runs `job` as a task.
    pub(crate) fn spawn_task<J: AsyncJob>(
        &self,
        job: J,
        source: StopSource,
        at_stop: AtStop,
    ) -> Result<Worker<J::Output>, SpawnError<J>> {
        let (spawn_side, run_side) = self.sides(job, &source)?;
        let cancelled = CancellationToken::new();
        let link = CancelOnStop::link(run_side.stop(), cancelled.clone());
        let until = (at_stop == AtStop::DropFuture).then(|| run_side.stop().clone().stopped_owned());
        let start = move |job: J, run_side: &RunSide<_, _>| job.run(TaskStop::new(run_side.stop().clone(), cancelled));
        // A runtime that is shut down drops the task, and the job stays in its slot.
        self.runtime.spawn(Task { future: None, until, start: Some(start), link, run_side });
        self.finish_spawn(spawn_side, source, true)
    }
}

/// A closure as a job.
struct Closure<F>(F);

impl<T, F, R> AsyncJob for Closure<F>
where
    F: FnOnce(TaskStop) -> R + Send + 'static,
    R: Future<Output = Result<T, Stopped>> + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn run(self, stop: TaskStop) -> impl Future<Output = Result<T, Stopped>> + Send {
        (self.0)(stop)
    }
}

pin_project! {
    /// The future that the runtime polls: it makes the future of the job at its first poll, and stores its exit.
    struct Task<J, T, S, F> {
        // `None` before the first poll, and once the job has ended.
        #[pin]
        future: Option<F>,
        // The stop that drops the future.
        #[pin]
        until: Option<StoppedFuture<'static>>,
        start: Option<S>,
        // Dropped after the end; it is no part of the job.
        link: CancelOnStop,
        run_side: RunSide<J, T>,
    }

    impl<J, T, S, F> PinnedDrop for Task<J, T, S, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                let exit = this.run_side.unfinished();
                let exit = drop_future(this.future.as_mut(), exit);
                this.run_side.end(exit);
            }
        }
    }
}

impl<J, T, S, F> Future for Task<J, T, S, F>
where
    S: FnOnce(J, &RunSide<J, T>) -> F,
    F: Future<Output = Result<T, Stopped>>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let exit = match caught(|| {
            if let Some(start) = this.start.take() {
                // The spawn side has taken the job back, and its error returns it.
                let Some(job) = this.run_side.take() else { return Poll::Ready(None) };
                let future = current::with(this.run_side.stop(), || start(job, this.run_side));
                this.future.set(Some(future));
            }
            // The stop goes before the next poll; an output that a poll has returned is the exit.
            if this.until.is_some() && this.run_side.stop().is_stop_requested() {
                return Poll::Ready(Some(this.run_side.unfinished()));
            }
            let future = this.future.as_mut().as_pin_mut().expect("it is not polled after its end");
            if let Poll::Ready(outcome) = current::with(this.run_side.stop(), || future.poll(context)) {
                return Poll::Ready(Some(outcome.map_or_else(Exit::Stopped, Exit::Finished)));
            }
            match this.until.as_mut().as_pin_mut().map(|until| until.poll(context)) {
                Some(Poll::Ready(Ok(_))) => return Poll::Ready(Some(this.run_side.unfinished())),
                // No stop can come.
                Some(Poll::Ready(Err(_))) => this.until.set(None),
                Some(Poll::Pending) | None => {}
            }
            Poll::Pending
        }) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(None)) => return Poll::Ready(()),
            Ok(Poll::Ready(Some(exit))) => exit,
            Err(panic) => Exit::Panicked(panic),
        };
        let exit = drop_future(this.future.as_mut(), exit);
        this.run_side.end(exit);
        Poll::Ready(())
    }
}

/// Drops the future with everything that it owns; a panic of the drop is the exit, unless the exit is a panic already.
fn drop_future<T, F>(mut future: Pin<&mut Option<F>>, exit: Exit<T>) -> Exit<T> {
    match caught(|| future.set(None)) {
        Ok(()) => exit,
        Err(panic) => after_panic(exit, panic),
    }
}

fn after_panic<T>(exit: Exit<T>, panic: Panic) -> Exit<T> {
    match exit {
        Exit::Panicked(first) => {
            // The drop of a payload can panic too; that panic is discarded.
            let _ = caught(|| drop(panic));
            Exit::Panicked(first)
        }
        // The drop of a value can panic too; that panic is the exit then.
        other => caught(|| drop(other)).map_or_else(Exit::Panicked, |()| Exit::Panicked(panic)),
    }
}
