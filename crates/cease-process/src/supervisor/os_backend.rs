//! The operating system, as the ladder's backend.

use std::os::fd::{AsFd, OwnedFd};
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{CallbackGuard, Checkpoint, Reason, StopSource, StopToken, Stopped};

use super::connection::{Connection, Said};
use super::pool_lease::{PoolLease, Returned};
use super::start::Started;
use crate::containment::Kind;
use crate::ended::Ended;
use crate::frame::{self, encode};
use crate::ladder::{Action, Backend, Event, Summary};
use crate::message::{Stop, Why};
use crate::procfs;
use crate::report::{Outcome, StopReport};
use crate::tree::{Seen, Tree};
use crate::watch_escalated::WatchEscalated;

/// The operating system, as the ladder's backend.
#[derive(Debug)]
pub(super) struct OsBackend {
    began: Instant,
    pid: u32,
    containment: Kind,
    /// `None` once it was reaped, or could not be killed.
    tree: Option<Tree>,
    /// `None` once the worker is kept for other jobs.
    connection: Option<Connection>,
    /// What there is to know of a pool's worker.
    lease: Option<PoolLease>,
    wake: Arc<OwnedFd>,
    stop: StopToken,
    /// Where a watcher escalated first.
    escalated_at: Arc<OnceLock<&'static Location<'static>>>,
    /// Asks at the desk when the stop comes.
    asking: Option<CallbackGuard>,
    ended: Option<Ended>,
    /// Who was left beside the leader when that was last looked at.
    rest: Vec<u32>,
    /// Whether what came with the greeting was taken in; the user's listeners are not for the thread that spawns.
    heard: bool,
    /// What was killed is not listened to any more: what it has said is read when it has ended.
    killed: bool,
}

impl OsBackend {
    /// The backend of what was `started`.
    pub(super) fn new(
        started: Started,
        wake: Arc<OwnedFd>,
        asking: CallbackGuard,
        stop: StopToken,
        lease: Option<PoolLease>,
    ) -> Self {
        let Started { tree, connection } = started;
        let (pid, containment) = (tree.leader().pid(), tree.containment());
        Self {
            began: Instant::now(),
            pid,
            containment,
            tree: Some(tree),
            connection: Some(connection),
            lease,
            wake,
            stop,
            escalated_at: Arc::default(),
            asking: Some(asking),
            ended: None,
            rest: Vec::new(),
            heard: false,
            killed: false,
        }
    }

    /// The number of the process.
    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Shares the place in which watchers leave the location of the first call of `escalate`.
    pub(super) fn set_escalated_at(&mut self, escalated_at: Arc<OnceLock<&'static Location<'static>>>) {
        self.escalated_at = escalated_at;
    }

    /// The stop for which this worker is ended at present: that of its source, or else the call of a watcher.
    fn stopped(&self) -> Option<Stopped> {
        self.stop.check().err().or_else(|| {
            let location = self.escalated_at.get()?;
            let source = StopSource::new();
            source.request_with_location(Reason::custom(WatchEscalated), Some(location));
            source.token().check().err()
        })
    }

    /// What is left when it is over.
    pub(super) fn outcome(&mut self, summary: &Summary) -> Outcome {
        // From now on nobody asks.
        self.asking = None;
        let mut report = StopReport::new(self.pid, self.containment, summary);
        report.ended = self.ended;
        let stopped = self.stopped();
        let mut outcome = Outcome { report, stopped, answer: None, broken: None, listener_panic: None };
        if let Some(connection) = &mut self.connection {
            outcome.report.panic = connection.panic.take();
            outcome.answer = connection.answer.take();
            outcome.broken = connection.broken.take();
            outcome.listener_panic = connection.listener_panic.take();
        }
        if summary.is_kept {
            self.go_home();
        } else {
            self.bury(summary, &mut outcome.report);
        }
        outcome
    }

    /// The worker goes back to where it waits for another job.
    fn go_home(&mut self) {
        let (tree, connection) = (self.tree.take(), self.connection.take());
        if let (Some(tree), Some(connection), Some(lease)) = (tree, connection, self.lease.take()) {
            let PoolLease { number, sentry: thread, home } = lease;
            home.take_back(Returned { started: Started { tree, connection }, thread, number });
        }
    }

    /// Notes who could not be ended.
    fn bury(&mut self, summary: &Summary, report: &mut StopReport) {
        if let Some(tree) = self.tree.take() {
            report.unkillable = tree.survivors();
            if !tree.leader().peek().is_ok_and(|ended| ended.is_some()) {
                report.unkillable.insert(0, self.pid);
            }
            // Somebody has to be there when they end.
            let _ = thread::Builder::new().name("cease-reaper".into()).spawn(move || drop(tree));
        } else if !summary.is_empty {
            report.unkillable = std::mem::take(&mut self.rest);
        }
        if let Some(PoolLease { home, sentry, .. }) = self.lease.take() {
            home.lose();
            // It is waited for by nobody: the one who calls may be the one that it waits for.
            drop(sentry);
        }
    }
}

impl Backend for OsBackend {
    type Seen = Option<Seen>;

    fn now(&mut self) -> Duration {
        self.began.elapsed()
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        let tree = self.tree.as_ref()?;
        // What cannot be signalled is seen not to end, and is reported as that.
        match action {
            Action::Ask(within) => {
                let why = self.stopped().map_or(Why::Requested(None), |stopped| Why::from(stopped.reason()));
                let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                let number = self.lease.as_ref().map_or(0, |lease| lease.number);
                if let Ok(frame) = encode(frame::Kind::Stop, &Stop { why, number, within_ms }) {
                    self.connection.as_ref()?.say_stop(&frame);
                }
            }
            Action::Terminate => _ = tree.terminate(),
            Action::Kill => {
                let _ = tree.kill();
                self.killed = true;
            }
            Action::Drain => return as_event(self.connection.as_mut()?.drain()),
            Action::Look => {
                // To look at every process takes longer than a job.
                let is_alone = self.lease.is_some() && is_alone_for_certain(tree);
                self.rest = if is_alone { Vec::new() } else { tree.survivors() };
                return Some(Event::Left(self.rest.len()));
            }
            Action::Dismiss => self.connection.as_ref()?.dismiss(),
            Action::Reap => match self.tree.take().map(Tree::reap) {
                // What it was contained in goes with it.
                Some(Ok((ended, _))) => self.ended = Some(ended),
                Some(Err(tree)) => self.tree = Some(tree),
                None => {}
            },
            Action::Report(_) => {}
        }
        None
    }

    fn lookout(&mut self, due: Option<Duration>) -> Box<dyn FnOnce() -> Self::Seen> {
        if !self.heard {
            return Box::new(|| None);
        }
        let due = due.and_then(|due| self.began.checked_add(due));
        let tree = self.tree.as_mut().map(|tree| tree.lookout(due));
        let socket = if self.killed { None } else { self.connection.as_ref().and_then(Connection::socket) };
        let wake = Arc::clone(&self.wake);
        Box::new(move || {
            let mut others = vec![wake.as_fd()];
            others.extend(socket.as_deref().map(AsFd::as_fd));
            // The only failure there can be is a lack of memory, and then there is nothing better to do than to try again.
            tree?.wait(&others).ok()
        })
    }

    fn take_in(&mut self, seen: Self::Seen) -> Vec<Event> {
        let mut events = Vec::new();
        let Some(connection) = &mut self.connection else { return events };
        if !std::mem::replace(&mut self.heard, true) {
            events.extend(as_event(connection.take_frames()));
        }
        let (Some(seen), Some(tree)) = (seen, &mut self.tree) else { return events };
        tree.take_in(&seen);
        if seen.ready.first() == Some(&true) {
            let _ = rustix::io::read(&*self.wake, &mut [0; 8]);
        }
        if seen.leader_ended {
            events.push(Event::LeaderEnded);
        }
        if seen.rest_changed {
            self.rest = tree.survivors();
            events.push(Event::Left(self.rest.len()));
        }
        if seen.ready.get(1) == Some(&true) {
            events.extend(as_event(connection.listen()));
        }
        events
    }
}

/// Whether a leader that takes orphans of its tree as its own runs and has no child, and so nobody descends from it.
fn is_alone_for_certain(tree: &Tree) -> bool {
    let leader = tree.leader();
    tree.containment() == Kind::Descendants && procfs::has_no_child(leader.pid()) == Some(true) && leader.is_running()
}

/// What was said, as an event.
const fn as_event(said: Said) -> Option<Event> {
    match said {
        Said::Nothing => None,
        Said::Answer => Some(Event::Answered),
        Said::Ready => Some(Event::Ready),
        // Whoever cannot be understood is not asked either.
        Said::Nonsense => Some(Event::Requests(u32::MAX)),
    }
}
