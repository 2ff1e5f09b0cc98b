//! What a pool lends a worker for one job, and how the worker returns to the pool.

use std::fmt;
use std::sync::Arc;

use super::start::Started;
use super::supervisor_thread::SupervisorThread;

/// The pool that a worker returns to.
pub(crate) trait PoolHandle: fmt::Debug + Send + Sync {
    /// Takes a worker back that has done its job and waits for another one.
    fn take_back(&self, worker: Returned);

    /// Forgets a worker that has ended or cannot be ended.
    fn lose(&self);
}

/// What the backend of a pool's worker holds for the time of one job.
#[derive(Debug)]
pub(super) struct PoolLease {
    pub(super) number: u64,
    pub(super) sentry: SupervisorThread,
    pub(super) home: Arc<dyn PoolHandle>,
}

/// A worker that has done its job and waits for another one.
#[derive(Debug)]
pub(crate) struct Returned {
    pub(super) started: Started,
    pub(super) thread: SupervisorThread,
    /// How many jobs it was sent.
    pub(super) number: u64,
}
