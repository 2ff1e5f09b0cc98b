//! How a request reaches a job, and what the job runs on.

use std::error::Error;
use std::fmt;
use std::io;

use crate::fallible::{JobError, attempt};
use crate::sync::{Arc, Mutex, lock};
use crate::{Checkpoint, Contract, Job, StopSource, Stopped, Worker};

/// Runs jobs in one particular way, and stops them in one particular way.
///
/// The trait has the job as a parameter so that a strategy can ask more of it (process isolation: that it travels), and so
/// that `Box<dyn Strategy<MyJob>>` works.
pub trait Strategy<J: Job> {
    /// What this strategy promises.
    fn contract(&self) -> &'static Contract;

    /// Starts `job` as a worker that is stopped through `source`.
    ///
    /// Workers that share a source share the stop, also the one that dropping any of them asks for.
    /// On a source that is stopped already, the job stops at its first checkpoint or never starts (law L5).
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it, when nothing could be started.
    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>>;

    /// Starts `job` as a worker with a source of its own.
    ///
    /// # Errors
    ///
    /// As for [`Strategy::spawn_with`].
    fn spawn(&self, job: J) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.spawn_with(job, StopSource::new())
    }
}

/// A strategy that also takes a closure as the job.
pub trait SpawnFn {
    /// What the closure gets to ask whether it should stop.
    type Checkpoint: Checkpoint;

    /// Starts `job` as a worker that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the closure in it, when nothing could be started.
    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&Self::Checkpoint) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static;

    /// Starts `job` as a worker with a source of its own.
    ///
    /// # Errors
    ///
    /// As for [`SpawnFn::spawn_fn_with`].
    fn spawn_fn<T, F>(&self, job: F) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&Self::Checkpoint) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_fn_with(job, StopSource::new())
    }

    /// Starts `job`, which can fail, as a worker that is stopped through `source`.
    ///
    /// As [`SpawnFn::spawn_fallible`], with a source of the caller's.
    ///
    /// # Errors
    ///
    /// As for [`SpawnFn::spawn_fn_with`].
    fn spawn_fallible_with<T, F>(
        &self,
        job: F,
        source: StopSource,
    ) -> Result<Worker<Result<T, JobError>>, SpawnError<F>>
    where
        F: FnOnce(&Self::Checkpoint) -> Result<T, JobError> + Send + 'static,
        T: Send + 'static,
    {
        // The strategy gets a closure around the job, so a spawn that fails hands back the job from the slot.
        let slot = Arc::new(Mutex::new(Some(job)));
        let shared = Arc::clone(&slot);
        let run = move |stop: &Self::Checkpoint| {
            let job = lock(&shared).take().expect("only a spawn that failed takes the job back");
            drop(shared);
            attempt(|| job(stop))
        };
        self.spawn_fn_with(run, source)
            .map_err(|error| error.map_job(|_| lock(&slot).take().expect("a closure that did not run took nothing")))
    }

    /// Starts `job`, which can fail, as a worker with a source of its own.
    ///
    /// `?` in the closure takes any error, and [`Stopped`] too.
    /// The exit tells them apart: a stop is [`Exit::Stopped`](crate::Exit::Stopped), a failure is
    /// `Exit::Finished(Err(error))`; see [`attempt`].
    ///
    /// # Errors
    ///
    /// As for [`SpawnFn::spawn_fn_with`].
    fn spawn_fallible<T, F>(&self, job: F) -> Result<Worker<Result<T, JobError>>, SpawnError<F>>
    where
        F: FnOnce(&Self::Checkpoint) -> Result<T, JobError> + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_fallible_with(job, StopSource::new())
    }
}

/// Why no worker was started; the job is handed back.
///
/// `Display` includes the cause, so [`Error::source`] continues with what lies behind that.
/// The error is `Send` and `Sync` for every job that is `Send`, and so converts into an `anyhow::Error` with `?`.
pub struct SpawnError<J> {
    name: String,
    source: io::Error,
    job: Exclusive<J>,
}

/// A job that is reached only by value.
struct Exclusive<J>(J);

#[allow(unsafe_code, reason = "a job is never reached through a shared reference")]
// SAFETY: no method reads the job through a shared reference, so that sharing the error shares nothing of the job.
unsafe impl<J: Send> Sync for Exclusive<J> {}

impl<J> SpawnError<J> {
    /// The worker `name` could not be started because of `source`.
    pub fn new(name: impl Into<String>, source: io::Error, job: J) -> Self {
        Self { name: name.into(), source, job: Exclusive(job) }
    }

    /// The error of the operating system or of the strategy.
    pub const fn os_error(&self) -> &io::Error {
        &self.source
    }

    /// The kind of the error, as of [`SpawnError::os_error`].
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }

    /// The same failure, with what `change` makes of the job.
    pub fn map_job<K>(self, change: impl FnOnce(J) -> K) -> SpawnError<K> {
        SpawnError { name: self.name, source: self.source, job: Exclusive(change(self.job.0)) }
    }

    /// The job, which has not run.
    pub fn into_job(self) -> J {
        self.job.0
    }
}

impl<J> fmt::Debug for SpawnError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnError").field("name", &self.name).field("source", &self.source).finish_non_exhaustive()
    }
}

impl<J> fmt::Display for SpawnError<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not start worker `{}`: {}", self.name, self.source)
    }
}

impl<J> Error for SpawnError<J> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}
