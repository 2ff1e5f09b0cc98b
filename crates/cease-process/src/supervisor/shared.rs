//! The state that a worker's handle, its supervisor thread and its watchers share.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cease_core::{CallbackGuard, StopToken};
use rustix::event::{EventfdFlags, eventfd};

use super::os_backend::OsBackend;
use super::supervisor_thread::Supervised;
use crate::descriptor::above_standard;
use crate::ladder::{Ladder, Role, StopRequests, Summary, Supervisor};
use crate::options::Options;
use crate::report::{Outcome, StopReport};

/// The state that a worker's handle, its supervisor thread and its watchers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) desk: StopRequests<StopReport>,
    supervisor: OnceLock<Supervisor<OsBackend>>,
    outcome: Mutex<Option<Outcome>>,
    /// The number of the process, once it has begun.
    pub(crate) pid: OnceLock<u32>,
    /// Where [`crate::Watch::escalate`] was called first.
    escalated_at: Arc<OnceLock<&'static Location<'static>>>,
}

impl Shared {
    /// The shared state of a worker that has not begun, and the descriptor that wakes its supervisor.
    pub(super) fn new() -> io::Result<(Arc<Self>, Arc<OwnedFd>)> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).and_then(above_standard)?);
        let waking = Arc::clone(&wake);
        // A write fails only when the count is full; then the descriptor is readable already.
        let desk = StopRequests::new(move || _ = rustix::io::write(&waking, &1_u64.to_ne_bytes()));
        let shared = Self {
            desk,
            supervisor: OnceLock::new(),
            outcome: Mutex::new(None),
            pid: OnceLock::new(),
            escalated_at: Arc::default(),
        };
        Ok((Arc::new(shared), wake))
    }

    /// Registers a callback that counts a request when `stop` is requested; it runs at once when `stop` was requested before.
    pub(super) fn asking(self: &Arc<Self>, stop: &StopToken) -> CallbackGuard {
        let asked = Arc::clone(self);
        stop.on_stop(move || _ = asked.desk.request())
    }

    /// Counts a request of a watcher, which called from `location`.
    pub(crate) fn escalate(&self, location: &'static Location<'static>) {
        // The location is there before the request: the supervisor reads it when it handles the request.
        let _ = self.escalated_at.set(location);
        let _ = self.desk.request();
    }

    /// Makes the worker of `backend` ready for supervision.
    pub(super) fn open(&self, options: &Options, mut backend: OsBackend) {
        backend.set_escalated_at(Arc::clone(&self.escalated_at));
        let _ = self.pid.set(backend.pid());
        let _ = self.supervisor.set(Supervisor::new(Ladder::new(options.budgets), backend));
    }

    /// Takes over from the supervisor thread, waits until the worker has ended, and returns the outcome.
    ///
    /// `None` when another caller has taken the outcome.
    pub(crate) fn take_over(&self) -> Option<Outcome> {
        self.desk.relieve();
        self.supervise(Role::Joiner);
        // The supervisor thread may have seen the end before it was relieved.
        let _ = self.desk.wait();
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Supervised for Shared {
    fn supervise(&self, role: Role) {
        let Some(supervisor) = self.supervisor.get() else { return };
        supervisor.supervise(role, &self.desk, |backend: &mut OsBackend, summary: &Summary| {
            let outcome = backend.outcome(summary);
            let report = outcome.report.clone();
            *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
            report
        });
    }
}
