#![doc = include_str!("../README.md")]

mod consume;
mod items;
mod library;
mod refused;
#[cfg(any(loom, shuttle, test))]
mod stand_in;
mod stop_receiver;

use cease_core::{
    Contract, Job, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, Stopped, Strategy, ThreadBuilder, Worker,
};

pub use consume::{Consumed, Consumers};
pub use items::{Receiver, Sender, bounded, unbounded};
pub use refused::{SendError, SendUntilStoppedError, TrySendError};
pub use stop_receiver::{StopReceiver, stop_receiver};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("channel", RunsOn::Thread, Modelled::StandIn)
    .technique(
        "a flag is raised and a channel is disconnected; the job polls the flag, or waits in `select!` for the channel",
    )
    .stops_at("a checkpoint, a wait on the token, or a `select!` with the stop in it")
    .cannot_stop("code without checkpoints, and blocking calls that wait for neither the channel nor the token");

/// Runs each job on a thread of its own, and stops it by disconnecting a channel.
///
/// A value of it is a recipe: every worker spawned from it gets a thread, and unless it is given one, a source of its own.
#[derive(Debug, Clone)]
pub struct Channel {
    thread: ThreadBuilder,
}

impl Channel {
    /// Threads called `channel`, of the standard library's stack size.
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

impl Default for Channel {
    fn default() -> Self {
        Self::new()
    }
}

impl<J: Job> Strategy<J> for Channel {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.thread.spawn(source, job, |job, stop| job.run(&stop_receiver(stop)))
    }
}

impl SpawnFn for Channel {
    type Checkpoint = StopReceiver;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&StopReceiver) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.thread.spawn(source, job, |job, stop| job(&stop_receiver(stop)))
    }
}
