//! Under a model checker a blocking job runs on a thread of the model, with the same checkpoint.

use cease_core::{SpawnError, StopSource, Stopped, ThreadBuilder, Worker};

use crate::TokenStop;

/// Runs workers on threads of the model.
#[derive(Debug, Clone)]
pub(crate) struct TaskHost(ThreadBuilder);

impl TaskHost {
    pub(crate) fn new(name: &str) -> Self {
        Self(ThreadBuilder::new(name))
    }

    pub(crate) fn name(self, name: String) -> Self {
        Self(self.0.name(name))
    }

    pub(crate) fn spawn_blocking<J, T, R>(&self, job: J, source: StopSource, run: R) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &TokenStop) -> Result<T, Stopped> + Send + 'static,
    {
        self.0.spawn(source, job, |job, stop| run(job, &TokenStop::new(stop)))
    }
}
