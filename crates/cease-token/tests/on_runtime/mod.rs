//! The token strategy with a runtime of its own, as the suite needs it.

use cease_core::{Contract, Job, SpawnError, SpawnFn, StopSource, Stopped, Strategy, Worker};
use cease_token::{Token, TokenStop};
use tokio::runtime::{Builder, Runtime};

/// Blocking jobs on a runtime that is shut down when this is dropped.
#[derive(Debug)]
pub(crate) struct OnRuntime {
    token: Token,
    stack_size: Option<usize>,
    runtime: Shutdown,
}

/// Shuts a runtime down when it is dropped.
#[derive(Debug)]
struct Shutdown {
    /// `None` only while this is dropped.
    runtime: Option<Runtime>,
    waits_for_jobs: bool,
}

#[allow(dead_code, reason = "each test file that has this module uses a part of it")]
impl OnRuntime {
    /// A runtime that has no thread before the first job, and waits for its jobs when it is dropped.
    pub(crate) fn new() -> Self {
        Self::build(None, None, true)
    }

    /// The same, but it leaves its jobs alone when it is dropped.
    pub(crate) fn leaving() -> Self {
        Self::build(None, None, false)
    }

    /// Sets what the worker is called, and the threads too.
    pub(crate) fn name(self, name: &str) -> Self {
        Self::build(Some(name), self.stack_size, self.runtime.waits_for_jobs)
    }

    /// Sets the stack size of the threads.
    pub(crate) fn stack_size(self, bytes: usize) -> Self {
        Self::build(None, Some(bytes), self.runtime.waits_for_jobs)
    }

    fn build(name: Option<&str>, stack_size: Option<usize>, waits_for_jobs: bool) -> Self {
        let mut builder = Builder::new_current_thread();
        if let Some(bytes) = stack_size {
            builder.thread_stack_size(bytes);
        }
        // What its threads are called is the runtime's business, and tokio does not survive a name with a NUL in it.
        if let Some(name) = name.filter(|name| !name.contains('\0')) {
            builder.thread_name(name);
        }
        let runtime = builder.build().expect("it needs nothing of the operating system");
        let token = Token::new(runtime.handle().clone());
        let token = name.into_iter().fold(token, Token::name);
        Self { token, stack_size, runtime: Shutdown { runtime: Some(runtime), waits_for_jobs } }
    }
}

impl Drop for Shutdown {
    fn drop(&mut self) {
        let runtime = self.runtime.take().expect("it is dropped once");
        if self.waits_for_jobs { drop(runtime) } else { runtime.shutdown_background() }
    }
}

impl<J: Job> Strategy<J> for OnRuntime {
    fn contract(&self) -> &'static Contract {
        &cease_token::CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.token.spawn_with(job, source)
    }
}

impl SpawnFn for OnRuntime {
    type Checkpoint = TokenStop;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&TokenStop) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.token.spawn_fn_with(job, source)
    }
}
