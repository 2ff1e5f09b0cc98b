#![doc = include_str!("../README.md")]

mod cancel_on_stop;
mod token_stop;

#[cfg_attr(any(loom, shuttle), path = "blocking_model.rs")]
mod blocking;

#[cfg(not(any(loom, shuttle)))]
mod abort;
#[cfg(not(any(loom, shuttle)))]
mod from_tokio;
#[cfg(not(any(loom, shuttle)))]
mod propagation;
#[cfg(not(any(loom, shuttle)))]
mod stream;
#[cfg(not(any(loom, shuttle)))]
mod task;
#[cfg(not(any(loom, shuttle)))]
mod task_registry;
#[cfg(not(any(loom, shuttle)))]
mod task_state;
#[cfg(not(any(loom, shuttle)))]
mod task_stop;
#[cfg(not(any(loom, shuttle)))]
mod timer;
#[cfg(not(any(loom, shuttle)))]
mod to_tokio;

use cease_core::{Contract, Job, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, Stopped, Strategy, Worker};

pub use cancel_on_stop::CancelOnStop;
pub use token_stop::TokenStop;

#[cfg(not(any(loom, shuttle)))]
pub use {
    abort::Abort,
    from_tokio::{CANCELLED, FromTokio, StopOnCancel, from_tokio},
    stream::{StopStreamExt, StreamUntilStopped},
    task::{AsyncJob, SpawnTask},
    task_state::RuntimeShutDown,
    task_stop::TaskStop,
    timer::TokioTimer,
    to_tokio::{ToTokio, to_tokio},
};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("token", RunsOn::Task, Modelled::Opaque)
    .technique("a flag is raised and a CancellationToken is cancelled; the job polls the flag, or awaits either")
    .stops_at("a checkpoint, or a wait or an await on the stop or on the CancellationToken")
    .cannot_stop(
        "code without checkpoints, and calls and awaits that wait for neither the stop nor the CancellationToken",
    );

/// What aborting promises.
pub const ABORT_CONTRACT: Contract = Contract::new("abort", RunsOn::Task, Modelled::StdOnly)
    .technique("the future is dropped where it awaits")
    .stops_at("the next await that is not ready")
    .cannot_stop("code between two awaits; and nothing that has to be awaited is done on the way out");

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
    pub(crate) host: blocking::TaskHost,
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
