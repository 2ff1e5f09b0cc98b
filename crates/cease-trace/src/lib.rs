#![doc = include_str!("../README.md")]

mod blocks;

use std::fmt;
use std::sync::Arc;

use cease_core::{
    Contract, Job, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, StopToken, Stopped, Strategy, ThreadBuilder,
    UnwindBoundary, Worker,
};

pub use cease_core::Swallowed;
pub use cease_core::current::checkpoint;
pub use cease_trace_macros::traced;

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("trace", RunsOn::Thread, Modelled::RealCode)
    .technique("an attribute puts checkpoints into code that has none; they leave by unwinding")
    .stops_at("the entry and every loop of a traced function, a checkpoint, or a wait on the token")
    .cannot_stop(
        "code that is not traced and has no checkpoints, and blocking calls that do not wait on the token; a \
                  destructor that panics on the way out ends the process; with `panic = \"abort\"` nothing is started",
    );

/// Runs each job on a thread of its own, and stops it at the checkpoints that traced code has.
///
/// A value of it is a recipe: every worker spawned from it gets a thread, and unless it is given one, a source of its own.
#[derive(Clone)]
pub struct Trace {
    thread: ThreadBuilder,
    tell: Arc<Tell>,
}

/// Is told which worker swallowed which stop.
type Tell = dyn Fn(&str, &Swallowed) + Send + Sync;

impl Trace {
    /// Threads called `trace`, of the standard library's stack size.
    #[must_use]
    pub fn new() -> Self {
        let tell = Arc::new(|worker: &str, swallowed: &Swallowed| swallowed.print(worker));
        Self { thread: ThreadBuilder::new(CONTRACT.strategy), tell }
    }

    /// Sets what the thread, and the worker, is called; Linux shows the first 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { thread: self.thread.name(name), ..self }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { thread: self.thread.stack_size(bytes), ..self }
    }

    /// Sets who is told when a `catch_unwind` of the job swallows its stop, and by which worker; else a line on standard
    /// error says so.
    ///
    /// The job goes on then, and its next checkpoint leaves again.
    /// `tell` runs where the payload is dropped: on any thread of the job, in the middle of another panic, or after the job
    /// has ended. When it panics, the panic hook says so, and nothing else comes of it.
    #[must_use]
    pub fn on_swallowed(self, tell: impl Fn(&str, &Swallowed) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), ..self }
    }

    /// Starts `job`, unless this program cannot unwind.
    fn start<J, T>(
        &self,
        source: StopSource,
        job: J,
        run: impl FnOnce(J, &StopToken) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        let tell = Arc::clone(&self.tell);
        let run = move |job, edge: &UnwindBoundary| run(job, edge.token());
        self.thread.spawn_at_boundary(source, job, move |worker, swallowed| tell(worker, swallowed), run)
    }
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl<J: Job> Strategy<J> for Trace {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.start(source, job, |job, stop| job.run(stop))
    }
}

impl SpawnFn for Trace {
    type Checkpoint = StopToken;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&StopToken) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.start(source, job, |job, stop| job(stop))
    }
}

/// What the attribute writes; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::blocks::{Count, Cut, Probe};

    /// Has the checkpoint as a method, because the place of a method's call is that of its name, whatever stands before.
    #[derive(Debug, Clone, Copy)]
    pub struct Here;

    impl Here {
        /// A checkpoint.
        #[inline(always)]
        #[track_caller]
        pub fn checkpoint(self) {
            crate::checkpoint();
        }
    }
}
