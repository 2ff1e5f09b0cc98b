//! Blocking jobs, on the threads that a runtime keeps for them.

use std::io;

use cease_core::sync::Arc;
use cease_core::{Exit, Panic, SpawnError, StopSource, Stopped, Worker, current};
use tokio::runtime::Handle;

use crate::task_registry::TaskRegistry;
use crate::task_state::{self, RunSide, Sides, SpawnSide, caught};
use crate::{RuntimeShutDown, TokenStop};

/// The runtime of workers, their name, and the registry of those that have not ended.
#[derive(Debug, Clone)]
pub(crate) struct TaskHost {
    pub(crate) runtime: Handle,
    pub(crate) name: Arc<str>,
    pub(crate) registry: TaskRegistry,
}

impl TaskHost {
    pub(crate) fn new(runtime: Handle, name: &str) -> Self {
        Self { runtime, name: name.into(), registry: TaskRegistry::new() }
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
        let (spawn_side, run_side) = self.sides(job, &source)?;
        // tokio panics when its pool has no thread and the operating system refuses one; the job is still in its slot then,
        // unless a thread has taken it.
        let panic = caught(|| self.runtime.spawn_blocking(move || perform(run_side, run))).err();
        if let Some((panic, job)) = panic.and_then(|panic| Some((panic, spawn_side.withdraw()?))) {
            return Err(SpawnError::new(&*self.name, refused(&panic), job));
        }
        self.finish_spawn(spawn_side, source, false)
    }

    /// The two sides of a worker with `job`.
    pub(crate) fn sides<J, T>(&self, job: J, source: &StopSource) -> Result<Sides<J, T>, SpawnError<J>> {
        if self.name.contains('\0') {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the name has a NUL byte in it");
            return Err(SpawnError::new(&*self.name, error, job));
        }
        Ok(task_state::sides(job, source.token(), self.registry.register(&self.name)))
    }

    /// The worker, unless the runtime has refused it.
    pub(crate) fn finish_spawn<J, T>(
        &self,
        spawn_side: SpawnSide<J, T>,
        source: StopSource,
        shares_threads: bool,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        if let Err(job) = spawn_side.leave() {
            return Err(SpawnError::new(&*self.name, io::Error::other(RuntimeShutDown), job));
        }
        let runtime = shares_threads.then(|| self.runtime.id());
        Ok(Worker::new(&*self.name, source, spawn_side.into_handle(runtime)))
    }
}

/// Runs the job of `run_side` on the calling thread.
fn perform<J, T, R>(run_side: RunSide<J, T>, run: R)
where
    R: FnOnce(J, &TokenStop) -> Result<T, Stopped>,
{
    let Some(job) = run_side.take() else { return };
    let stop = run_side.stop();
    let checkpoint = TokenStop::new(stop);
    let outcome = caught(|| current::with(stop, || run(job, &checkpoint)));
    run_side.end(match outcome {
        Ok(Ok(value)) => Exit::Finished(value),
        Ok(Err(stopped)) => Exit::Stopped(stopped),
        Err(panic) => Exit::Panicked(panic),
    });
}

/// The error for a panic of tokio, with its text, which names the error of the operating system.
fn refused(panic: &Panic) -> io::Error {
    io::Error::other(panic.message().unwrap_or("tokio could not start a thread").to_owned())
}
