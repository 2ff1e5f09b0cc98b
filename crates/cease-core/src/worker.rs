//! One running job, seen from outside.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::fault::{self, Fault};
use crate::{Exit, Reason, StopSource, StopToken, StoppedFuture, sync};

/// One running job, seen from outside: stop it, join it.
///
/// It is the same type whichever strategy made it; see [`ScopedWorker`] for its methods.
pub type Worker<T> = ScopedWorker<'static, T>;

/// A [`Worker`] that may borrow what outlives `'scope`.
///
/// Dropping it asks for a stop with [`Reason::OwnerDropped`] and joins, like C++20's `jthread` (law L10): the exit is
/// thrown away, and a job that never checks blocks the drop for ever.
/// Letting go is always spelled out: [`ScopedWorker::detach`].
/// Dropped inside itself it cannot be joined; it is then asked to stop, and let go.
/// The same goes for a task that is dropped by async code of its own runtime: see [`JoinError::OnItsThread`].
#[must_use = "dropping a worker stops it and waits for it; use `join` or `detach`"]
pub struct ScopedWorker<'scope, T> {
    name: String,
    source: StopSource,
    /// `None` only while `join`, `detach` or `drop` consumes the worker.
    running: Option<Box<dyn WorkerHandle<T> + 'scope>>,
}

/// What a strategy provides so that a [`ScopedWorker`] can be made of it.
pub trait WorkerHandle<T>: Send + Sync {
    /// A token that is stopped once the job has ended; see [`ScopedWorker::ended`].
    fn ended(&self) -> &StopToken;

    /// Goes on to something firmer than a request, and says whether there is such a thing; see [`ScopedWorker::escalate`].
    ///
    /// Called only after a stop was requested, and before the end of the job was seen.
    fn escalate(&self) -> bool {
        false
    }

    /// Whether the caller is the job itself.
    fn is_current(&self) -> bool;

    /// Whether the job may need the calling thread to go on, so that to block it may be to wait for ever.
    ///
    /// False where a job has a thread of its own.
    fn needs_this_thread(&self) -> bool {
        false
    }

    /// Waits until nothing of the worker runs, its destructors included, and says how it ended; a strategy that lets go of
    /// it says [`Exit::Abandoned`].
    ///
    /// Never called by the job itself.
    fn join(self: Box<Self>) -> Exit<T>;
}

impl<'scope, T> ScopedWorker<'scope, T> {
    /// Makes a worker; for implementations of [`crate::Strategy`].
    pub fn new(name: impl Into<String>, source: StopSource, running: Box<dyn WorkerHandle<T> + 'scope>) -> Self {
        Self { name: name.into(), source, running: Some(running) }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The source it is stopped through; clone it to ask from elsewhere.
    ///
    /// While a clone lives, a detached worker can still be stopped.
    #[must_use]
    pub const fn source(&self) -> &StopSource {
        &self.source
    }

    /// Requests a stop; true for the one call that was first. Harmless when the job has ended (law L6).
    ///
    /// A second call changes nothing (law L1); [`ScopedWorker::escalate`] goes on to something firmer.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.stop_with(Reason::Requested(None))
    }

    /// Asks for a stop and says why; true for the one call that was first.
    #[track_caller]
    pub fn stop_with(&self, reason: impl Into<Reason>) -> bool {
        assert!(!(fault::is(Fault::StopAfterEndPanics) && self.is_finished()), "asked a worker that has ended");
        let first = self.source.request_with(reason);
        if !first && fault::is(Fault::StopEscalates) {
            self.running().escalate();
        }
        first
    }

    /// Goes one step further towards the end of the job; true when there was a step to take.
    ///
    /// The first step is the request: if no stop was requested yet, this makes the request, as [`ScopedWorker::stop`] does.
    /// Each later call goes on to something firmer, if the strategy has it: a process goes to its next stage (SIGTERM, then
    /// SIGKILL). Threads and tasks have nothing firmer, and the call returns false.
    /// It returns false and does nothing when the job has ended. It never blocks.
    #[track_caller]
    pub fn escalate(&self) -> bool {
        if self.is_finished() {
            return false;
        }
        self.stop() || self.running().escalate()
    }

    /// Whether the job has ended; joining it then takes no longer than its thread needs to go away.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.ended().is_stop_requested()
    }

    /// The end of the job as an event: a token that is stopped once the job has ended, however it did, or was let go of by
    /// its strategy.
    ///
    /// It is waited for, awaited and linked as any other; a clone of it outlives the worker.
    ///
    /// ```
    /// use cease_core::{StopSource, ThreadBuilder};
    ///
    /// let worker = ThreadBuilder::new("adder").spawn(StopSource::new(), 20, |start: i32, _stop| Ok(start + 1)).unwrap();
    /// worker.ended().wait().unwrap();
    /// assert!(worker.is_finished());
    /// assert_eq!(worker.join().unwrap().into_finished(), Some(21));
    /// ```
    #[must_use]
    pub fn ended(&self) -> &StopToken {
        self.running().ended()
    }

    /// Whether the caller is the job itself, which cannot join its worker.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.running().is_current() && !fault::is(Fault::SelfJoinUnnoticed)
    }

    /// Waits until nothing of the worker runs any more, and says how it ended. It asks for nothing.
    ///
    /// # Errors
    ///
    /// [`JoinError::Itself`], with the worker in it, when the job joins itself (law L11).
    /// [`JoinError::OnItsThread`], with the worker in it, when the job still runs and may need the calling thread for that.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread for as long as the job runs.
    pub fn join(self) -> Result<Exit<T>, JoinError<'scope, T>> {
        if self.is_current() {
            return Err(JoinError::Itself(self));
        }
        if waits_for_ever(self.running()) {
            return Err(JoinError::OnItsThread(self));
        }
        Ok(self.into_running().join())
    }

    /// As [`ScopedWorker::join`], but gives the worker back when the job still runs after `limit`.
    ///
    /// A `limit` of zero only asks.
    ///
    /// # Errors
    ///
    /// [`JoinError::StillRunning`] and [`JoinError::Itself`], each with the worker in it.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread for at most `limit`, and then for what the thread's own destructors take.
    pub fn join_timeout(self, limit: Duration) -> Result<Exit<T>, JoinError<'scope, T>> {
        if self.is_current() && !fault::is(Fault::SelfJoinTimeoutUnnoticed) {
            return Err(JoinError::Itself(self));
        }
        let ended = match sync::deadline_after(limit) {
            Some(deadline) => self.ended().wait_deadline(deadline).is_ok(),
            None => self.ended().wait().is_ok(),
        };
        if !ended {
            return Err(JoinError::StillRunning(self));
        }
        Ok(self.into_running().join())
    }

    /// Lets go of the worker: it is neither stopped nor joined.
    ///
    /// When no clone of its source is left, it can never be stopped, and its token says so (law L14).
    /// A scope still joins what it spawned.
    pub fn detach(self) {
        drop(self.into_running());
    }

    fn running(&self) -> &(dyn WorkerHandle<T> + 'scope) {
        self.running.as_deref().expect("only consuming methods take it")
    }

    fn into_running(mut self) -> Box<dyn WorkerHandle<T> + 'scope> {
        self.running.take().expect("only consuming methods take it")
    }
}

/// Awaits the end of a worker; made by `worker.await` or [`IntoFuture::into_future`].
///
/// It resolves on any executor to what [`ScopedWorker::join`] returns, once nothing of the worker runs.
/// The error is [`JoinError::Itself`], when the job awaits its own worker.
/// It blocks the executor only for as long as the worker's thread needs to exit after the end of the job.
///
/// Dropping it before the end requests a stop with [`Reason::OwnerDropped`] and does not wait: unlike the drop of a worker
/// it must not block an executor. The job then ends by itself, as after [`ScopedWorker::detach`].
///
/// ```
/// use cease_core::{StopSource, ThreadBuilder};
///
/// let worker = ThreadBuilder::new("adder").spawn(StopSource::new(), 20, |start: i32, _stop| Ok(start + 1)).unwrap();
/// let exit = futures_executor::block_on(async { worker.await.unwrap() });
/// assert_eq!(exit.into_finished(), Some(21));
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct JoinFuture<'scope, T> {
    /// `None` once it has resolved.
    worker: Option<ScopedWorker<'scope, T>>,
    ended: Pin<Box<StoppedFuture<'static>>>,
}

impl<'scope, T> IntoFuture for ScopedWorker<'scope, T> {
    type Output = Result<Exit<T>, JoinError<'scope, T>>;
    type IntoFuture = JoinFuture<'scope, T>;

    fn into_future(self) -> JoinFuture<'scope, T> {
        let ended = Box::pin(self.ended().clone().stopped_owned());
        JoinFuture { worker: Some(self), ended }
    }
}

impl<'scope, T> Future for JoinFuture<'scope, T> {
    type Output = Result<Exit<T>, JoinError<'scope, T>>;

    /// # Panics
    ///
    /// When it is polled after it has resolved.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let is_current = this.worker.as_ref().expect("not polled after it has resolved").is_current();
        if !is_current && this.ended.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let worker = this.worker.take().expect("it was just there");
        Poll::Ready(if is_current { Err(JoinError::Itself(worker)) } else { Ok(worker.into_running().join()) })
    }
}

impl<T> Drop for JoinFuture<'_, T> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.source.request_with_location(Reason::OwnerDropped, None);
            worker.detach();
        }
    }
}

impl<T> fmt::Debug for JoinFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinFuture").field("worker", &self.worker).finish_non_exhaustive()
    }
}

/// Whether a wait for the end of `running` may keep it from coming.
fn waits_for_ever<T>(running: &(dyn WorkerHandle<T> + '_)) -> bool {
    running.needs_this_thread() && !running.ended().is_stop_requested()
}

impl<T> Drop for ScopedWorker<'_, T> {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        self.source.request_with_location(Reason::OwnerDropped, None);
        if running.is_current() || waits_for_ever(&*running) || fault::is(Fault::DropDetaches) {
            return;
        }
        running.join();
    }
}

impl<T> fmt::Debug for ScopedWorker<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("name", &self.name).field("source", &self.source).finish_non_exhaustive()
    }
}

/// Why joining yielded no exit; the worker is handed back.
#[non_exhaustive]
pub enum JoinError<'scope, T> {
    /// The job still ran when the time limit was over.
    StillRunning(ScopedWorker<'scope, T>),
    /// A worker cannot wait for its own end.
    Itself(ScopedWorker<'scope, T>),
    /// The job may need the calling thread to go on: it is a task, and async code of its runtime joins it.
    ///
    /// Async code awaits the worker instead: `worker.await`.
    OnItsThread(ScopedWorker<'scope, T>),
}

impl<'scope, T> JoinError<'scope, T> {
    /// The worker, which is neither stopped nor joined.
    pub fn into_worker(self) -> ScopedWorker<'scope, T> {
        match self {
            Self::StillRunning(worker) | Self::Itself(worker) | Self::OnItsThread(worker) => worker,
        }
    }
}

impl<T> fmt::Debug for JoinError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillRunning(worker) => f.debug_tuple("StillRunning").field(worker).finish(),
            Self::Itself(worker) => f.debug_tuple("Itself").field(worker).finish(),
            Self::OnItsThread(worker) => f.debug_tuple("OnItsThread").field(worker).finish(),
        }
    }
}

impl<T> fmt::Display for JoinError<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StillRunning(worker) => write!(f, "worker `{}` still runs", worker.name()),
            Self::Itself(worker) => write!(f, "worker `{}` cannot join itself", worker.name()),
            Self::OnItsThread(worker) => {
                write!(f, "worker `{}` may need the thread that would be blocked by joining it", worker.name())
            }
        }
    }
}

impl<T> Error for JoinError<'_, T> {}
