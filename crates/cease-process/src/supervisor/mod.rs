//! The side of the parent: starts a worker's process, speaks with it, and ends it.
//!
//! # How it works
//!
//! The thread that spawns does all of the start itself: the process begins inside its containment, and what it has to do is
//! written to its socket while the program is loaded.
//! A thread of its own then stands sentry; whoever joins the worker takes its place, see [`crate::ladder::Supervisor`].

mod connection;
mod idle_worker;
mod os_backend;
mod pool_lease;
mod program;
mod start;
mod supervisor_thread;

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;

use cease_core::{CallbackGuard, StopToken};
use rustix::event::{EventfdFlags, eventfd};

use crate::ladder::{Ladder, Role, StopRequests, Summary, Supervisor};
use crate::options::Options;
use crate::report::{Outcome, StopReport};
use os_backend::OsBackend;

pub(crate) use idle_worker::{IdleWorker, NotBegun};
pub(crate) use pool_lease::{PoolHandle, Returned};
pub(crate) use supervisor_thread::SupervisorThread;

/// What the worker, its sentry and those who watch it share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) desk: StopRequests<StopReport>,
    post: OnceLock<Supervisor<OsBackend>>,
    outcome: Mutex<Option<Outcome>>,
    /// The number of the process, once it has begun.
    pub(crate) pid: OnceLock<u32>,
}

impl Shared {
    /// What is shared of a worker that has not begun, and what wakes its supervisor.
    fn new() -> io::Result<(Arc<Self>, Arc<OwnedFd>)> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let waking = Arc::clone(&wake);
        // A count that is full is not read yet, so whoever reads it will be woken.
        let desk = StopRequests::new(move || _ = rustix::io::write(&waking, &1_u64.to_ne_bytes()));
        let shared = Self { desk, post: OnceLock::new(), outcome: Mutex::new(None), pid: OnceLock::new() };
        Ok((Arc::new(shared), wake))
    }

    /// Asks at the desk when the stop comes; at once when it was asked for meanwhile.
    fn asking(self: &Arc<Self>, stop: &StopToken) -> CallbackGuard {
        let asked = Arc::clone(self);
        stop.on_stop(move || asked.desk.request())
    }

    /// Opens the post.
    fn open(&self, options: &Options, backend: OsBackend) {
        let _ = self.pid.set(backend.pid());
        let _ = self.post.set(Supervisor::new(Ladder::new(options.budgets), backend));
    }

    /// Ends what is left of the worker as those at the desk ask, until that is done, or a sentry is relieved.
    fn supervise(&self, role: Role) {
        let Some(post) = self.post.get() else { return };
        post.supervise(role, &self.desk, |backend: &mut OsBackend, summary: &Summary| {
            let outcome = backend.outcome(summary);
            let report = outcome.report.clone();
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            report
        });
    }

    /// Takes the sentry's place, waits until it is over, and says what is left.
    pub(crate) fn take_over(&self) -> Option<Outcome> {
        self.desk.relieve();
        self.supervise(Role::Joiner);
        // The sentry may be the one who has just seen the end.
        let _ = self.desk.wait();
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A worker that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) shared: Arc<Shared>,
    /// The one who stands at its post, unless it belongs to a pool.
    pub(crate) sentry: Option<SupervisorThread>,
    /// The thread of the one who stands there.
    pub(crate) on: ThreadId,
}

/// Starts a worker that is sent the frame `job`, and waits until it has begun.
pub(crate) fn begin(options: &Options, job: Vec<u8>, stop: &StopToken) -> io::Result<Begun> {
    let (shared, wake) = Shared::new()?;
    // What was started is killed and reaped on the way out, wherever that is.
    let launched = start::launch(options, Some((job, stop)))?;
    // It takes as long to start a thread as the program takes to load, and then somebody has to be there at once.
    let sentry = SupervisorThread::new()?;
    let started = match launched.greet(options) {
        Ok(started) => started,
        Err(error) => {
            sentry.dismiss();
            return Err(error);
        }
    };
    let asking = shared.asking(stop);
    let backend = OsBackend::new(started, wake, asking, stop.clone(), None);
    shared.open(options, backend);
    let on = sentry.id();
    let sentry = sentry.stand_last(&shared);
    Ok(Begun { shared, sentry: Some(sentry), on })
}
