//! What keeps a tree of processes together, so that all of it can be reached: the best that can be had, and which it is.
//!
//! # How it works
//!
//! | containment | reaches | misses |
//! |---|---|---|
//! | [`Kind::Cgroup`] | everything that the leader started, in one step of the kernel | nothing; needs cgroup v2 and the right to make one |
//! | [`Kind::PidNamespace`] | everything that the leader started, in one step of the kernel, also when this process is killed | nothing; needs the right to make one, and a process more; those inside have other numbers there |
//! | [`Kind::Subreaper`] | every child of this process, and what descends from it, in rounds | nothing that stays a descendant; takes *all* children for the tree, so it is for programs that start nothing else |
//! | [`Kind::Descendants`] | what descends from the leader while it lives, and its process group | what has left the group when the leader dies by itself, and chains that fork faster than they are looked at |
//! | [`Kind::Group`] | the leader's process group | what calls `setsid` or `setpgid` |
//!
//! Every process but the leader is signalled through a descriptor that was opened first and checked to be a member afterwards.

mod procfs_sweep;

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Once};

use rustix::process::Signal;

use crate::cgroup::{self, Cgroup};
use crate::member::Member;
use crate::pidfd::Leader;
use crate::procfs;

pub(crate) use procfs_sweep::kill_descendants;

/// How a tree of processes is kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A cgroup of its own.
    Cgroup,
    /// A PID namespace of its own, whose first process is the leader, and the worker its child.
    ///
    /// Whoever may not make one alone gets one of users with it: the worker is who it was, but sees all others as nobody.
    PidNamespace,
    /// Orphans come to this process, and whatever it has as a child belongs to the tree.
    Subreaper,
    /// Orphans come to the leader, and whatever descends from it belongs to the tree.
    Descendants,
    /// A process group of its own.
    Group,
}

/// Which containment is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Containment {
    /// The best that can be had: a cgroup, else a PID namespace, else what descends from the leader, else its group. The report says
    /// which it was.
    #[default]
    Auto,
    /// This one, or an error.
    Require(Kind),
}

/// Why a containment cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub struct ContainmentError {
    /// The one that was required.
    pub kind: Kind,
    /// What the operating system said.
    pub error: io::Error,
}

impl Containment {
    /// Which ones are tried, in turn.
    pub(crate) const fn kinds(&self) -> &[Kind] {
        match self {
            Self::Auto => &[Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group],
            Self::Require(kind) => std::slice::from_ref(kind),
        }
    }
}

/// Why nobody can be looked for.
const FOREIGN: &str = "/proc is not that of the namespace of this process";

/// What keeps one tree together.
#[derive(Debug)]
pub struct Enclosure {
    kind: Kind,
    /// On the heap, because a tree is handed back when it cannot be reaped.
    cgroup: Option<Box<Cgroup>>,
}

impl Enclosure {
    /// Prepares this one.
    ///
    /// # Errors
    ///
    /// When it cannot be had; of a namespace that is known when a process is started in it, and not before.
    pub fn prepare(kind: Kind) -> Result<Self, ContainmentError> {
        let wrong = |error| ContainmentError { kind, error };
        let cgroup = match kind {
            Kind::Cgroup => Some(Box::new(create().map_err(wrong)?)),
            Kind::Subreaper => {
                rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                    .map_err(|error| wrong(error.into()))?;
                None
            }
            // Whom one cannot look for is never found.
            Kind::Descendants if !procfs::is_ours() => {
                return Err(wrong(io::Error::new(io::ErrorKind::Unsupported, FOREIGN)));
            }
            Kind::PidNamespace | Kind::Descendants | Kind::Group => None,
        };
        Ok(Self { kind, cgroup })
    }

    /// Which one it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where its cgroup is, if it has one.
    #[must_use]
    pub fn cgroup(&self) -> Option<PathBuf> {
        self.cgroup.as_deref().map(Cgroup::path)
    }

    /// The directory of its cgroup, into which a process can be started.
    pub(crate) fn dir(&self) -> Option<BorrowedFd<'_>> {
        self.cgroup.as_deref().map(Cgroup::dir)
    }

    /// Takes `leader` in, with everything that it starts from now on; it must not have started anything yet.
    ///
    /// # Errors
    ///
    /// What the operating system said; [`io::ErrorKind::Unsupported`] for a namespace, where nobody can be brought.
    pub fn admit(&self, leader: &Leader) -> Result<(), ContainmentError> {
        let admitted = match &self.cgroup {
            Some(cgroup) => cgroup.admit(leader.pid()),
            None if self.kind == Kind::PidNamespace && !leader.is_first() => Err(io::ErrorKind::Unsupported.into()),
            None => Ok(()),
        };
        admitted.map_err(|error| ContainmentError { kind: self.kind, error })
    }

    /// Sends `signal` to everything that can be reached, the leader last.
    ///
    /// In [`Kind::Descendants`] the leader gets SIGTERM when the others are gone; those have a moment for it, and are killed.
    /// In [`Kind::PidNamespace`] the leader gets it first, and hands on SIGTERM and SIGCONT to everybody there in one step.
    ///
    /// # Errors
    ///
    /// What the operating system said of the leader or its group; who is not there any more is no error.
    pub fn signal(&self, leader: &Leader, signal: Signal) -> io::Result<()> {
        if self.kind == Kind::PidNamespace {
            return leader.signal(signal);
        }
        // When the leader goes, its orphans are nobody's: they have to be gone first.
        let others_first = self.kind == Kind::Descendants && signal == Signal::TERM;
        let others = self.others(leader);
        for (pid, member) in &others {
            // What is in the leader's group has it from there, and may not get it twice.
            if others_first || !procfs_sweep::is_in_group_of(*pid, leader) {
                member.signal(signal);
            }
        }
        if others_first {
            others.iter().for_each(|(_, member)| _ = member.signal(Signal::CONT));
            procfs_sweep::wait_for(others.iter().map(|(_, member)| member));
            kill_descendants(leader.pid());
        }
        if leader.leads_group() { leader.signal_group(signal) } else { leader.signal(signal) }
    }

    /// Kills everything that can be reached; called again, it takes what was born meanwhile.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn kill(&self, leader: &Leader) -> io::Result<()> {
        if let Some(cgroup) = &self.cgroup {
            // From now on the leader starts nothing; the others go in one step. To look first whether there are any takes longer.
            let own = leader.signal(Signal::KILL);
            return cgroup.kill().or_else(|error| leader.signal_group(Signal::KILL).and(Err(error))).and(own);
        }
        if self.kind == Kind::PidNamespace {
            // With it ends everybody else, also those who are just being born.
            return leader.signal(Signal::KILL);
        }
        if self.kind == Kind::Descendants {
            // When the leader goes, its orphans are nobody's.
            kill_descendants(leader.pid());
        }
        let own = leader.signal(Signal::KILL).and(leader.signal_group(Signal::KILL));
        if self.kind == Kind::Subreaper {
            procfs_sweep::kill_adopted(leader);
        }
        own
    }

    /// Who is left beside the leader; who has ended and is not reaped does not count.
    #[must_use]
    pub fn survivors(&self, leader: &Leader) -> Vec<u32> {
        match (&self.cgroup, self.kind) {
            (Some(cgroup), _) => cgroup.members().into_iter().filter(|pid| *pid != leader.pid()).collect(),
            (None, Kind::PidNamespace) => procfs_sweep::inside(leader),
            (None, Kind::Subreaper) => procfs_sweep::adopted(leader),
            (None, Kind::Descendants) => procfs_sweep::descendants(leader),
            (None, _) => procfs_sweep::group(leader),
        }
    }

    /// Makes sure that there is no want of anything when the tree has to be ended, and that it takes no longer than it must.
    ///
    /// # Errors
    ///
    /// What the operating system said: there may be no descriptor left.
    pub fn arm(&self) -> io::Result<()> {
        self.cgroup.as_deref().map_or(Ok(()), Cgroup::arm)
    }

    /// Whether what keeps the tree together is gone, because nobody was left in it; where there is no such thing it never is.
    pub(crate) fn dissolve(&self) -> bool {
        self.cgroup.as_deref().is_some_and(Cgroup::remove)
    }

    /// A descriptor with an exceptional condition pending when somebody has come or gone; `None` where one has to look again.
    #[must_use]
    pub fn changes(&self) -> Option<BorrowedFd<'_>> {
        self.cgroup.as_ref().and_then(|cgroup| cgroup.changes().ok())
    }

    /// As [`Enclosure::changes`], for whoever waits without it.
    pub(crate) fn events(&self) -> Option<Arc<OwnedFd>> {
        self.cgroup.as_ref().and_then(|cgroup| cgroup.events().ok())
    }

    /// Lets go of everybody who is left: they run on where this process does.
    pub fn release(self) {
        if let Some(cgroup) = self.cgroup {
            cgroup.release();
        }
    }

    /// The members that a signal to the leader and its group may miss, each held by a descriptor.
    fn others(&self, leader: &Leader) -> Vec<(u32, Member)> {
        let found = match self.kind {
            Kind::Cgroup | Kind::Subreaper => self.survivors(leader),
            Kind::Descendants => procfs_sweep::below(leader),
            Kind::PidNamespace | Kind::Group => Vec::new(),
        };
        self.hold(leader, found)
    }

    /// Opens the processes `found`, and keeps those that are members of the tree once they are open.
    ///
    /// A process may end after it was found, and its number may become that of a stranger before the descriptor is open. So
    /// membership is read again afterwards, and a stranger is not kept (law L19).
    fn hold(&self, leader: &Leader, found: Vec<u32>) -> Vec<(u32, Member)> {
        let hold = |is_member: &dyn Fn(u32) -> bool| -> Vec<_> {
            found.iter().filter_map(|pid| Some((*pid, Member::open(*pid, || is_member(*pid))?))).collect()
        };
        match (&self.cgroup, self.kind) {
            (Some(cgroup), _) => {
                let mut held = hold(&|_| true);
                // The members are read once for all, when all are open.
                let members = cgroup.members();
                held.retain(|(pid, _)| members.contains(pid));
                held
            }
            (None, Kind::Subreaper) => hold(&|pid| procfs_sweep::descends_from(pid, std::process::id())),
            (None, Kind::Descendants) => hold(&|pid| procfs_sweep::descends_from(pid, leader.pid())),
            (None, _) => Vec::new(),
        }
    }
}

/// Makes a cgroup; the first time, what killed programs have left behind is removed.
fn create() -> io::Result<Cgroup> {
    static SWEEP: Once = Once::new();
    SWEEP.call_once(cgroup::remove_abandoned);
    Cgroup::create()
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cgroup => "cgroup",
            Self::PidNamespace => "pidns",
            Self::Subreaper => "subreaper",
            Self::Descendants => "descendants",
            Self::Group => "group",
        })
    }
}

impl fmt::Display for ContainmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the containment `{}` cannot be had", self.kind)
    }
}

impl Error for ContainmentError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    /// Law L19: `/proc` has shown a number as that of a member, and it is that of another process once it is open.
    #[test]
    fn a_process_that_is_no_member_when_it_is_open_is_not_held() {
        let (leader, mut pipes) =
            Leader::spawn(Command::new("sh").args(["-c", "sleep 1000 & echo $!; wait"]).stdout(Stdio::piped()), true)
                .unwrap();
        let mut line = String::new();
        BufReader::new(pipes.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let member: u32 = line.trim().parse().unwrap();
        let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
        let above = std::os::unix::process::parent_id();
        let mut held = Vec::new();
        for (kind, stranger, is_member) in [
            (Kind::Descendants, stranger.id(), true),
            (Kind::Subreaper, above, true),
            (Kind::Cgroup, stranger.id(), false),
            (Kind::Group, stranger.id(), false),
        ] {
            let cgroup = match kind {
                Kind::Cgroup => match Cgroup::create() {
                    Ok(cgroup) => Some(Box::new(cgroup)),
                    Err(error) => {
                        println!("skipped, because no cgroup can be made: {error}");
                        continue;
                    }
                },
                _ => None,
            };
            let enclosure = Enclosure { kind, cgroup };
            let found: Vec<_> = enclosure.hold(&leader, vec![stranger, member]).iter().map(|(pid, _)| *pid).collect();
            let expected = if is_member { vec![member] } else { Vec::new() };
            held.push((kind, found, expected));
        }
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        kill_descendants(leader.pid());
        for (kind, found, expected) in held {
            assert_eq!(found, expected, "L19: {kind}");
        }
    }
}
