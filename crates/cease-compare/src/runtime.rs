//! The tokio runtime of the strategies that need one, and those strategies on it.

use std::future::pending;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cease_core::{Contract, Job, SpawnError, StopSource, Strategy, Worker};
use cease_token::{ABORT_CONTRACT, Abort, AsyncJob, CONTRACT, SpawnTask, Token};
use tokio::runtime::{Builder, Handle};

/// So that a thread for blocking jobs that is idle is gone before anybody looks for what is left behind.
const KEEP_ALIVE: Duration = Duration::from_millis(1);

/// The runtime, built when it is first asked for and never shut down: it ends with the process of the cell.
///
/// One thread drives it, which is there when this returns.
/// Where several run tasks, tokio has them among those for blocking jobs, and which of these stay is a matter of luck.
///
/// # Errors
///
/// Why it cannot be built.
pub(crate) fn handle() -> io::Result<Handle> {
    static HANDLE: Mutex<Option<Handle>> = Mutex::new(None);
    let mut there = HANDLE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*there {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().thread_keep_alive(KEEP_ALIVE).enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new().name("runtime".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
    Ok(there.insert(handle).clone())
}

/// The token strategy on the runtime, which names of strategies can be asked of before there is one.
#[derive(Debug)]
pub(crate) struct OnRuntime;

impl<J: Job> Strategy<J> for OnRuntime {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        match handle() {
            Ok(handle) => Token::new(handle).spawn_with(job, source),
            Err(error) => Err(SpawnError::new(CONTRACT.strategy, error, job)),
        }
    }
}

/// A worker, or the task that could not be started.
type Spawned<J> = Result<Worker<<J as AsyncJob>::Output>, SpawnError<J>>;

/// A way to run tasks.
pub(crate) struct Tasks<J: AsyncJob> {
    /// What it promises.
    pub(crate) contract: &'static Contract,
    /// Starts a task on the runtime.
    pub(crate) spawn: fn(Handle, J) -> Spawned<J>,
}

impl<J: AsyncJob> Tasks<J> {
    /// Tasks that are asked.
    pub(crate) fn token() -> Self {
        Self { contract: &CONTRACT, spawn: |handle, job| Token::new(handle).spawn_job(job) }
    }

    /// Tasks that are dropped.
    pub(crate) fn abort() -> Self {
        Self { contract: &ABORT_CONTRACT, spawn: |handle, job| Abort::new(handle).spawn_job(job) }
    }
}
