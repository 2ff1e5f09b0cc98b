//! A child and everything that it starts, as one thing: signalled, waited for and reaped together.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;

use crate::containment::{Enclosure, Kind};
use crate::pidfd::{Ended, Leader};
use crate::timeout::Timeout;

/// How long it takes at first, and at most, until the rest of a tree is looked at again: a cgroup tells of a change at
/// most once in ten milliseconds, and nothing else tells of any.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_micros(500), Duration::from_millis(50));

/// A leader, and what keeps together everything that it starts.
///
/// Dropping it kills all of it, and reaps the leader.
#[derive(Debug)]
pub struct Tree {
    leader: Leader,
    enclosure: Enclosure,
    leader_ended: bool,
    look_again: Duration,
}

/// What a wait saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The leader has ended; told until it was taken in.
    pub leader_ended: bool,
    /// Somebody of the rest may have come or gone.
    pub rest_changed: bool,
    /// Which of the other descriptors can be read.
    pub ready: Vec<bool>,
}

/// What waits for a tree without having it.
#[derive(Debug)]
pub struct Lookout {
    on: On,
    due: Option<Instant>,
}

/// What is waited for.
#[derive(Debug)]
enum On {
    Leader(Arc<OwnedFd>),
    /// Where nothing tells of changes there is the clock.
    Rest(Option<Arc<OwnedFd>>),
}

impl Lookout {
    /// Waits, for one of `others` too.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn wait(&self, others: &[BorrowedFd<'_>]) -> io::Result<Seen> {
        let mut fds: Vec<_> = others.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        match &self.on {
            On::Leader(end) => fds.push(PollFd::new(&**end, PollFlags::IN)),
            On::Rest(Some(events)) => fds.push(PollFd::new(&**events, PollFlags::PRI)),
            On::Rest(None) => {}
        }
        match poll(&mut fds, Timeout::until(self.due).left().as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let tree = ready.split_off(others.len()).first().copied();
        let leader_ended = matches!(self.on, On::Leader(_)) && tree == Some(true);
        let rest_changed = matches!(self.on, On::Rest(_));
        Ok(Seen { leader_ended, rest_changed, ready })
    }
}

impl Tree {
    /// The tree of `leader`, which was admitted to `enclosure`.
    #[must_use]
    pub const fn new(leader: Leader, enclosure: Enclosure) -> Self {
        Self { leader, enclosure, leader_ended: false, look_again: LOOK_AGAIN.0 }
    }

    /// The leader.
    #[must_use]
    pub const fn leader(&self) -> &Leader {
        &self.leader
    }

    /// What keeps it together.
    #[must_use]
    pub const fn containment(&self) -> Kind {
        self.enclosure.kind()
    }

    /// Sends SIGTERM to all of it, and SIGCONT, so that what is stopped sees it.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM).and(self.signal(Signal::CONT))
    }

    /// Sends `signal` to all of it.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        self.enclosure.signal(&self.leader, signal)
    }

    /// Kills all of it; called again, it takes what was born meanwhile.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn kill(&self) -> io::Result<()> {
        self.enclosure.kill(&self.leader)
    }

    /// Who is left beside the leader; who has ended and is not reaped does not count.
    ///
    /// When it has been seen that the leader has ended, and nobody is left, its cgroup is removed.
    #[must_use]
    pub fn survivors(&self) -> Vec<u32> {
        // That it can be removed is the shortest way to know that nobody is in it, and it has to be removed anyway.
        if self.leader_ended && self.enclosure.dissolve() {
            return Vec::new();
        }
        self.enclosure.survivors(&self.leader)
    }

    /// Waits until the leader ends, its rest changes, or one of `others` can be read, at most until `due`.
    ///
    /// Once the leader has ended, the rest is waited for; it "may have changed" whenever something tells of that, and every
    /// now and then.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn wait(&mut self, due: Option<Instant>, others: &[BorrowedFd<'_>]) -> io::Result<Seen> {
        let seen = self.lookout(due).wait(others)?;
        self.take_in(&seen);
        Ok(seen)
    }

    /// What waits as [`Tree::wait`] does, while somebody else may work with the tree.
    #[must_use]
    pub fn lookout(&mut self, due: Option<Instant>) -> Lookout {
        if !self.leader_ended {
            return Lookout { on: On::Leader(self.leader.end()), due };
        }
        let soon = Instant::now() + self.look_again;
        self.look_again = LOOK_AGAIN.1.min(self.look_again * 2);
        Lookout { on: On::Rest(self.enclosure.events()), due: Some(due.map_or(soon, |due| due.min(soon))) }
    }

    /// Takes in what a lookout has seen.
    pub const fn take_in(&mut self, seen: &Seen) {
        self.leader_ended |= seen.leader_ended;
    }

    /// Reaps the leader, and lets go of what is left of the rest; from then on the leader's number may be anybody's.
    ///
    /// # Errors
    ///
    /// The tree itself, when the leader still runs.
    pub fn reap(self) -> Result<(Ended, Enclosure), Self> {
        let Self { leader, enclosure, leader_ended, look_again } = self;
        match leader.reap() {
            Ok(ended) => Ok((ended, enclosure)),
            Err(leader) => Err(Self { leader, enclosure, leader_ended, look_again }),
        }
    }
}
