//! The strategy, which runs jobs on a tokio runtime and stops them by a token.

use cease_core::{Contract, Job, SpawnError, SpawnFn, StopSource, Stopped, Strategy, Worker};
#[cfg(not(any(loom, shuttle)))]
use tokio::runtime::{Handle, TryCurrentError};
#[cfg(not(any(loom, shuttle)))]
use tokio_util::task::TaskTracker;

use crate::blocking::TaskHost;
use crate::{CONTRACT, TokenStop};

/// Runs each job on a tokio runtime, as a task or on its pool for blocking jobs, and stops it by cancelling a token.
///
/// A value of it is a set of options: each worker spawned from it gets a task and, unless the caller passes a source, a
/// source of its own.
/// Clones share the list of workers that have not ended.
///
/// # Blocking
///
/// No spawn blocks, so async code may call all of them.
/// A job or closure of [`Strategy`] or [`SpawnFn`] waits in the queue of the runtime's pool until a thread is free, also when
/// the operating system refuses the pool another thread. A stop does not take it out of the queue: the job runs at its turn,
/// and sees the stop at its first checkpoint. `Worker::join` and the drop of the worker wait for that.
///
/// # Errors
///
/// Each spawn returns the job in the error after the runtime was shut down, and when the name has a NUL byte.
/// A spawn on the pool also does when the pool has no thread and the operating system refuses one.
/// tokio panics then; the spawn catches the panic and returns its text, after the panic hook was called.
/// A program that was built with `panic = "abort"` ends there.
///
/// ```
/// use cease_core::{Checkpoint, SpawnFn};
/// use cease_token::Token;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
/// let token = Token::new(runtime.handle().clone());
/// let [first, second] = [(); 2].map(|()| token.spawn_fn(|stop| stop.sleep(std::time::Duration::MAX)).unwrap());
///
/// first.stop();
/// second.stop();
/// assert!(first.join().unwrap().as_stopped().is_some());
/// assert!(second.join().unwrap().as_stopped().is_some());
/// ```
#[derive(Debug, Clone)]
pub struct Token {
    pub(crate) host: TaskHost,
}

#[cfg(not(any(loom, shuttle)))]
impl Token {
    /// Workers called `token` on `runtime`.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self { host: TaskHost::new(runtime, CONTRACT.strategy) }
    }

    /// Workers called `token` on the runtime of the calling thread.
    ///
    /// # Panics
    ///
    /// When the calling thread is in no runtime, as [`Handle::current`] does.
    #[must_use]
    #[track_caller]
    pub fn current() -> Self {
        Self::new(Handle::current())
    }

    /// Workers called `token` on the runtime of the calling thread.
    ///
    /// # Errors
    ///
    /// tokio's error, when the calling thread is in no runtime.
    pub fn try_current() -> Result<Self, TryCurrentError> {
        Handle::try_current().map(Self::new)
    }

    /// Tracks the workers of this value and of its clones that have not ended.
    ///
    /// The tracker is closed from the start, so its `wait` ends whenever all of them have ended; more workers can be spawned later.
    ///
    /// ```
    /// use cease_token::{SpawnTask, Token};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let token = Token::current();
    /// let worker = token.spawn_task(|stop| async move { Err::<(), _>(stop.stopped().await) }).unwrap();
    /// assert_eq!((token.tracker().len(), token.worker_names()), (1, vec!["token".to_owned()]));
    ///
    /// worker.stop();
    /// token.tracker().wait().await;
    /// assert!(token.worker_names().is_empty());
    /// # });
    /// ```
    #[must_use]
    pub const fn tracker(&self) -> &TaskTracker {
        self.host.registry.tracker()
    }

    /// The names of the workers that have not ended, in the order in which they were spawned.
    #[must_use]
    pub fn worker_names(&self) -> Vec<String> {
        self.host.registry.names()
    }
}

#[cfg(any(loom, shuttle))]
impl Token {
    /// Workers on threads of the model instead of a runtime's.
    #[must_use]
    pub fn modelled() -> Self {
        Self { host: TaskHost::new(CONTRACT.strategy) }
    }
}

impl Token {
    /// Sets the name of the workers; the runtime names its threads.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { host: self.host.name(name.into()) }
    }
}

impl<J: Job> Strategy<J> for Token {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.host.spawn_blocking(job, source, |job, stop| job.run(stop))
    }
}

impl SpawnFn for Token {
    type Checkpoint = TokenStop;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&TokenStop) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.host.spawn_blocking(job, source, |job, stop| job(stop))
    }
}
