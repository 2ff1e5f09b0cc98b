//! Workers that are there already, for many short jobs.
//!
//! # How it works
//!
//! A worker of a pool does one job after the other, each with a stop of its own, and comes back when it has answered, was no
//! more than asked to stop, and has left no process and no thread behind.
//! In every other case it is ended as any worker is, with all that it has started, and another one is started in its place.
//! A thread of the pool watches those that wait: one that dies is reaped at once.

mod pool_state;
mod replenisher;

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use cease_core::{Contract, SpawnError, StopSource, Strategy, Worker};

use crate::frame;
use crate::options::Options;
use crate::report::StartError;
use crate::supervisor::{NotBegun, PoolHandle};
use crate::timeout::Timeout;
use crate::{CONTRACT, Process, RemoteJob, Watch};
use pool_state::PoolState;
use replenisher::Replenisher;

/// Runs each job in a process that is there already, and takes the next job when it has done one.
///
/// What a job leaves behind in its process is there for the next one: what it has changed of the memory, the environment, the
/// directory, or the descriptors. A job that has to begin in a fresh process is for [`Process`].
///
/// Several threads may spawn at once. Dropping the pool kills the workers that wait, and waits until they are reaped; one that has a
/// job goes on with it, and is ended when that is over.
#[derive(Debug)]
pub struct Pool {
    process: Process,
    pool_state: Arc<PoolState>,
    replenisher: Option<Replenisher>,
}

impl Process {
    /// A pool of at most `size` of these processes; each does one job after the other.
    ///
    /// # Errors
    ///
    /// As for [`Pool::new`].
    pub fn pool(self, size: NonZeroUsize) -> io::Result<Pool> {
        Pool::new(self, size)
    }
}

impl Pool {
    /// Up to `size` processes as `process` says; none is started yet.
    ///
    /// # Errors
    ///
    /// When the operating system has no descriptor or no thread to give.
    pub fn new(process: Process, size: NonZeroUsize) -> io::Result<Self> {
        let pool_state = Arc::new(PoolState::new(process.options().clone(), size.get())?);
        let replenisher = Replenisher::new(Arc::clone(&pool_state))?;
        Ok(Self { process, pool_state, replenisher: Some(replenisher) })
    }

    /// Starts workers until there are `count`, or as many as there may be, and from now on has as many ready: one that ends is
    /// replaced without waiting for a job.
    ///
    /// Called again, the larger `count` holds.
    ///
    /// # Blocking
    ///
    /// Blocks until they are there, each for at most [`Process::start_limit`].
    ///
    /// # Errors
    ///
    /// Why one did not start, which may be a [`StartError`]; those that did are there, and nobody is replaced.
    pub fn prespawn(&self, count: usize) -> io::Result<()> {
        self.pool_state.prespawn(count)
    }

    /// How many workers there may be.
    #[must_use]
    pub fn size(&self) -> usize {
        self.pool_state.size()
    }

    /// How many workers there are, those that are just being started included; it may have changed meanwhile.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pool_state.figures().0
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many workers wait for a job; it may have changed meanwhile.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.pool_state.figures().1
    }

    /// As [`Strategy::spawn`], unless every worker has a job.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it; [`StartError::PoolExhausted`] when no worker is free and no more may be started.
    pub fn try_spawn<J: RemoteJob>(&self, job: J) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.spawn_timeout(job, Duration::ZERO)
    }

    /// As [`Strategy::spawn`], but waits no longer than `limit` for a worker to be free; to start one takes its own time.
    ///
    /// # Blocking
    ///
    /// As for [`Pool::spawn_watched`].
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it; [`StartError::PoolExhausted`] when no worker was free in time.
    pub fn spawn_timeout<J: RemoteJob>(&self, job: J, limit: Duration) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.give(job, StopSource::new(), Timeout::new(limit)).map(|(worker, _)| worker)
    }

    /// As [`Strategy::spawn_with`], with somebody who watches how the job ends.
    ///
    /// The report of a job after which its process lives on says so: [`crate::StopReport::is_kept`].
    ///
    /// # Blocking
    ///
    /// Blocks while every worker has a job and no more of them may be started: whoever spawns faster than jobs end waits here.
    ///
    /// # Errors
    ///
    /// As for [`Process::spawn_watched`].
    pub fn spawn_watched<J: RemoteJob>(
        &self,
        job: J,
        source: StopSource,
    ) -> Result<(Worker<J::Output>, Watch), SpawnError<J>> {
        self.give(job, source, Timeout::until(None))
    }

    fn give<J: RemoteJob>(
        &self,
        job: J,
        source: StopSource,
        timeout: Timeout,
    ) -> Result<(Worker<J::Output>, Watch), SpawnError<J>> {
        let options = Options { job_name: J::NAME, ..self.process.options().clone() };
        let frame = frame::encode(frame::Kind::Job, &job).map_err(|error| io::Error::from(StartError::Frame(error)));
        let begun = frame.and_then(|frame| {
            loop {
                let idle = self.pool_state.take(timeout)?;
                let is_new = !idle.has_served();
                let home: Arc<dyn PoolHandle> = Arc::<PoolState>::clone(&self.pool_state);
                match idle.engage(&options, &frame, &source.token(), home) {
                    Ok(begun) => return Ok(begun),
                    Err(NotBegun { error, idle: Some(idle) }) => {
                        self.pool_state.put_back(*idle);
                        return Err(error);
                    }
                    Err(NotBegun { error, idle: None }) => {
                        self.pool_state.lose();
                        let has_died =
                            matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
                                || matches!(start_error(&error), Some(StartError::NoWorker(_)));
                        // One that has died while it waited has not begun with it: the next one may.
                        if is_new || !has_died {
                            return Err(error);
                        }
                    }
                }
            }
        });
        match begun {
            Ok(begun) => Ok(self.process.worker(begun, source)),
            Err(error) => Err(SpawnError::new(self.process.worker_name(), error, job)),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let idle = self.pool_state.close();
        if let Some(replenisher) = self.replenisher.take() {
            replenisher.dismiss(&self.pool_state);
        }
        drop(idle);
    }
}

impl<J: RemoteJob> Strategy<J> for Pool {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    /// Starts `job` in a worker that is free, or in a new one while there are fewer than there may be.
    ///
    /// # Blocking
    ///
    /// As for [`Pool::spawn_watched`].
    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.spawn_watched(job, source).map(|(worker, _)| worker)
    }
}

fn start_error(error: &io::Error) -> Option<&StartError> {
    error.get_ref()?.downcast_ref()
}
