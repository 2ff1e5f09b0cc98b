//! A worker that waits for a job, and comes back when it has done one.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cease_core::StopToken;

use super::begin::Begun;
use super::os_backend::OsBackend;
use super::pool_lease::{PoolHandle, PoolLease, Returned};
use super::shared::Shared;
use super::start::{self, Started};
use super::supervisor_thread::SupervisorThread;
use crate::options::Options;
use crate::report::StartError;

/// A worker that waits for a job; dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct IdleWorker {
    /// `None` while it is taken apart.
    parts: Option<(Started, SupervisorThread)>,
    /// How many jobs it was sent.
    jobs: u64,
}

/// Why a worker has not begun with a job, and the worker, if it can do another one.
pub(crate) struct NotBegun {
    pub(crate) error: io::Error,
    pub(crate) idle: Option<Box<IdleWorker>>,
}

impl IdleWorker {
    /// Starts a worker that waits for a job.
    pub(crate) fn start(options: &Options) -> io::Result<Self> {
        let launched = start::launch(options, None)?;
        let sentry = SupervisorThread::new()?;
        match launched.greet(options) {
            Ok(started) => Ok(Self { parts: Some((started, sentry)), jobs: 0 }),
            Err(error) => {
                sentry.dismiss();
                Err(error)
            }
        }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.parts().0.tree.leader().pid()
    }

    /// What is readable once it has ended.
    pub(crate) fn end(&self) -> Arc<OwnedFd> {
        self.parts().0.tree.leader().end()
    }

    /// Whether it still runs, as far as can be known.
    pub(crate) fn is_alive(&self) -> bool {
        self.parts().0.tree.leader().is_running()
    }

    /// Whether it was sent a job before.
    pub(crate) const fn has_served(&self) -> bool {
        self.jobs > 0
    }

    /// Sends it the frame `job`, and waits until it has begun; when it is done it goes back to `home`.
    pub(crate) fn engage(
        mut self,
        options: &Options,
        job: &[u8],
        stop: &StopToken,
        home: Arc<dyn PoolHandle>,
    ) -> Result<Begun, NotBegun> {
        let (shared, wake) = match Shared::new() {
            Ok(made) => made,
            Err(error) => return Err(NotBegun { error, idle: Some(Box::new(self)) }),
        };
        self.jobs += 1;
        let number = self.jobs;
        let (started, _) = self.parts.as_mut().expect("it is whole");
        if let Err(error) = started.order(options, number, job, stop) {
            let refusal = error.get_ref().and_then(|error| error.downcast_ref());
            let goes_on = matches!(refusal, Some(StartError::UnknownJob { .. } | StartError::Unreadable(_)));
            return Err(NotBegun { error, idle: goes_on.then(|| Box::new(self)) });
        }
        let (started, sentry) = self.parts.take().expect("it is whole");
        let (on, workers) = (sentry.id(), sentry.workers());
        let asking = shared.asking(stop);
        let backend = OsBackend::new(started, wake, asking, stop.clone(), Some(PoolLease { number, sentry, home }));
        shared.open(options, backend);
        // The thread holds the receiver until the last sender is dropped.
        let _ = workers.map(|workers| workers.send(Arc::clone(&shared) as _));
        Ok(Begun { shared, sentry: None, on })
    }

    /// Kills and reaps it, and waits for no thread: for those who hold what that thread may wait for.
    pub(crate) fn end_at_the_post(mut self) {
        drop(self.parts.take());
    }

    fn parts(&self) -> &(Started, SupervisorThread) {
        self.parts.as_ref().expect("it is whole")
    }
}

impl From<Returned> for IdleWorker {
    fn from(worker: Returned) -> Self {
        let Returned { started, thread, number } = worker;
        Self { parts: Some((started, thread)), jobs: number }
    }
}

impl Drop for IdleWorker {
    fn drop(&mut self) {
        if let Some((started, sentry)) = self.parts.take() {
            drop(started);
            sentry.dismiss();
        }
    }
}
