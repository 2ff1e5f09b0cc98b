//! Blocking jobs, on the threads that a runtime keeps for them.

use std::io;
use std::time::Duration;

use cease_core::sync::{Arc, thread};
use cease_core::{Exit, Panic, SpawnError, StopSource, Stopped, Worker, current};
use tokio::runtime::Handle;

use crate::crew::Crew;
use crate::life::{self, Runner, Sides, Spawner, caught};
use crate::{RuntimeShutDown, TokenStop};

/// How long a job may wait for a thread before the operating system is asked whether it has none to give.
const SURELY_TAKEN: Duration = Duration::from_millis(50);

/// Where workers run, what they are called, and who of them is left.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) runtime: Handle,
    pub(crate) name: Arc<str>,
    pub(crate) crew: Crew,
}

impl Place {
    pub(crate) fn new(runtime: Handle, name: &str) -> Self {
        Self { runtime, name: name.into(), crew: Crew::new() }
    }

    pub(crate) fn name(self, name: String) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Runs `run` with `job` on a thread for blocking jobs.
    pub(crate) fn spawn_blocking<J, T, R>(&self, job: J, source: StopSource, run: R) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &TokenStop) -> Result<T, Stopped> + Send + 'static,
    {
        if self.crew.tracker().is_empty()
            && let Err(error) = probe()
        {
            // tokio would panic where it has no thread yet and the operating system has none to give.
            return Err(SpawnError::new(&*self.name, error, job));
        }
        let (spawner, runner) = self.begin(job, &source)?;
        // It can panic all the same, with a stack size of its own; the job is in its slot then.
        let handed_over = caught(|| self.runtime.spawn_blocking(move || perform(runner, run)));
        let handed_over = handed_over.map_err(|panic| refusal(&panic)).and_then(|_| self.see_it_taken(&spawner));
        match handed_over.map_err(|error| (spawner.withdraw(), error)) {
            Err((Some(job), error)) => Err(SpawnError::new(&*self.name, error, job)),
            // A thread has taken the job after all.
            Err((None, _)) | Ok(()) => self.hired(spawner, source, false),
        }
    }

    /// Waits until a thread has taken the job, as one does at once where it can be had.
    ///
    /// tokio queues a job for which it has no thread, also when the operating system refuses one while others work; then
    /// the job would wait for them to end.
    /// That is told apart from a pool that is full, in which a job may well wait its turn.
    fn see_it_taken<J, T>(&self, spawner: &Spawner<J, T>) -> io::Result<()> {
        if !spawner.wait_until_taken(SURELY_TAKEN) {
            probe()?;
            // There are threads to be had, so let tokio ask again.
            let _ = caught(|| self.runtime.spawn_blocking(|| ()));
        }
        Ok(())
    }

    /// The two sides of a worker with `job`.
    pub(crate) fn begin<J, T>(&self, job: J, source: &StopSource) -> Result<Sides<J, T>, SpawnError<J>> {
        if self.name.contains('\0') {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the name has a NUL byte in it");
            return Err(SpawnError::new(&*self.name, error, job));
        }
        Ok(life::begin(job, source.token(), self.crew.sign_on(&self.name)))
    }

    /// The worker, unless the runtime has refused it.
    pub(crate) fn hired<J, T>(
        &self,
        spawner: Spawner<J, T>,
        source: StopSource,
        shares_threads: bool,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        match spawner.leave() {
            Ok(()) => {
                let runtime = shares_threads.then(|| self.runtime.id());
                Ok(Worker::new(&*self.name, source, spawner.running(runtime)))
            }
            Err(job) => Err(SpawnError::new(&*self.name, io::Error::other(RuntimeShutDown), job)),
        }
    }
}

/// Runs the job that `runner` has, on the thread of the caller.
fn perform<J, T, R>(runner: Runner<J, T>, run: R)
where
    R: FnOnce(J, &TokenStop) -> Result<T, Stopped>,
{
    let Some(job) = runner.take() else { return };
    let stop = runner.stop();
    let checkpoint = TokenStop::new(stop);
    let outcome = caught(|| current::with(stop, || run(job, &checkpoint)));
    runner.end(match outcome {
        Ok(Ok(value)) => Exit::Finished(value),
        Ok(Err(stopped)) => Exit::Stopped(stopped),
        Err(panic) => Exit::Panicked(panic),
    });
}

/// Asks the operating system for a thread.
fn probe() -> io::Result<()> {
    thread::Builder::new().spawn(|| ())?.join().expect("it does nothing");
    Ok(())
}

/// What the operating system said, out of the text with which tokio panics.
fn refusal(panic: &Panic) -> io::Error {
    let text = panic.message().unwrap_or("no thread can be had");
    let number = text.rsplit_once("(os error ").and_then(|(_, number)| number.strip_suffix(')')?.parse().ok());
    number.map_or_else(|| io::Error::other(text.to_owned()), io::Error::from_raw_os_error)
}
