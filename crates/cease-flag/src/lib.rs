#![doc = include_str!("../README.md")]

#[cfg(not(any(loom, shuttle)))]
mod scope;

use cease_core::{
    Contract, Job, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, StopToken, Stopped, Strategy, ThreadBuilder,
    Worker,
};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("flag", RunsOn::Thread, Modelled::RealCode)
    .technique("a flag is raised; the job polls it, or waits for it")
    .stops_at("a checkpoint, or a wait on the token")
    .cannot_stop("code without checkpoints, and blocking calls that do not wait on the token");

/// Runs each job on a thread of its own, and stops it by raising a flag.
///
/// A value of it is a recipe: every worker spawned from it gets a thread, and unless it is given one, a source of its own.
#[derive(Debug, Clone)]
pub struct Flag {
    thread: ThreadBuilder,
}

impl Flag {
    /// Threads called `flag`, of the standard library's stack size.
    #[must_use]
    pub fn new() -> Self {
        Self { thread: ThreadBuilder::new(CONTRACT.strategy) }
    }

    /// Sets what the thread, and the worker, is called; Linux shows the first 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { thread: self.thread.name(name) }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { thread: self.thread.stack_size(bytes) }
    }
}

impl Default for Flag {
    fn default() -> Self {
        Self::new()
    }
}

impl<J: Job> Strategy<J> for Flag {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.thread.spawn(source, job, |job, stop| job.run(stop))
    }
}

impl SpawnFn for Flag {
    type Checkpoint = StopToken;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&StopToken) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.thread.spawn(source, job, |job, stop| job(stop))
    }
}
