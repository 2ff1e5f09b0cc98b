//! What keeps the command and all that it starts together, so that nothing of it survives.
//!
//! # How it works
//!
//! This program has one command and nothing else to do, so it may do what a library may not: it becomes the one to whom
//! orphans come, and whatever it has as a child, beside those it had before, is the command's.
//! So the last of them to end is noticed, with and without a cgroup, and there is nothing that has to be watched.

use std::io;

use cease_process::cgroup::{self, Cgroup};

use crate::cli;
use crate::members::{self, Process};
use crate::signals::Signal;
use crate::spawn::{self, Launch, SpawnError};
use crate::sys;

/// Which containment is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Cgroup,
    PidNamespace,
    Sweep,
    Group,
    None,
}

/// Why a containment cannot be had.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) error: io::Error,
}

/// What keeps the command together.
#[derive(Debug)]
pub(crate) struct Tree {
    kind: Kind,
    cgroup: Option<Cgroup>,
    /// The children that this process had before, which are not the command's.
    strangers: Vec<i32>,
    /// Whether orphans come to this process.
    adopts: bool,
}

impl Tree {
    /// Prepares what is wanted, or what comes closest where that is left open.
    pub(crate) fn prepare(wanted: cli::Tree) -> Result<Self, Refused> {
        // Who executed this program may have had children.
        let strangers = if has_children() { members::children() } else { Vec::new() };
        let kind = match wanted {
            cli::Tree::Auto | cli::Tree::Cgroup => Kind::Cgroup,
            cli::Tree::PidNamespace => Kind::PidNamespace,
            cli::Tree::Sweep => Kind::Sweep,
            cli::Tree::Group => Kind::Group,
            cli::Tree::None => Kind::None,
        };
        let mut tree = Self { kind, cgroup: None, strangers, adopts: false };
        if kind == Kind::Cgroup {
            match Cgroup::create() {
                Ok(cgroup) => tree.cgroup = Some(cgroup),
                Err(error) if wanted == cli::Tree::Cgroup => return Err(Refused { kind, error }),
                Err(_) => tree.without_cgroup(),
            }
        }
        // The orphans of strangers would come here too.
        let adopts = tree.strangers.is_empty() || wanted == cli::Tree::Sweep;
        if adopts && matches!(tree.kind, Kind::Cgroup | Kind::Sweep) {
            // Any process will do: it only says yes.
            let own = rustix::process::Pid::from_raw(1);
            match rustix::process::set_child_subreaper(own) {
                Ok(()) => tree.adopts = true,
                Err(error) if tree.kind == Kind::Sweep && wanted == cli::Tree::Sweep => {
                    return Err(Refused { kind: Kind::Sweep, error: error.into() });
                }
                Err(_) if tree.kind == Kind::Sweep => tree.kind = Kind::Group,
                Err(_) => {}
            }
        }
        tree.adopts |= tree.kind == Kind::PidNamespace;
        Ok(tree)
    }

    /// Starts the command in it.
    pub(crate) fn spawn(&mut self, launch: Launch, wanted: cli::Tree) -> Result<i32, SpawnError> {
        let spawned = spawn::spawn(launch, self.cgroup.as_ref().map(Cgroup::dir));
        if !matches!(spawned, Err(SpawnError::Fork(_))) || self.cgroup.is_none() || wanted != cli::Tree::Auto {
            return spawned;
        }
        // The kernel may be too old for it, or the cgroup not ours to fill.
        self.without_cgroup();
        spawn::spawn(launch, None)
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether anything but the command itself runs; the command has ended and is not reaped.
    pub(crate) fn outlives(&self) -> bool {
        match self.kind {
            Kind::None => false,
            Kind::Group => !self.survivors(0).is_empty(),
            // Whoever is left is a child of this process, or descends from one that is: orphans come here.
            _ if self.adopts && self.strangers.is_empty() => sys::has_living_children(),
            _ if self.cgroup.as_ref().is_some_and(|cgroup| !cgroup.remove()) => true,
            _ => self.adopts && !self.survivors(0).is_empty(),
        }
    }

    /// Everybody but the command.
    pub(crate) fn survivors(&self, command: i32) -> Vec<Process> {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let mut found = if self.adopts { members::descendants(&self.strangers) } else { Vec::new() };
        let inside = self.cgroup.as_ref().map_or_else(Vec::new, Cgroup::members);
        let inside = inside.into_iter().filter_map(|pid| i32::try_from(pid).ok());
        let unseen: Vec<_> = inside.filter(|pid| found.iter().all(|process| process.pid != *pid)).collect();
        found.extend(unseen.into_iter().filter_map(Process::read));
        if matches!(self.kind, Kind::Group | Kind::None) {
            // Others that the same shell started for one pipeline are in the group too.
            let shell = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
            found.extend(members::in_group(own_group()).into_iter().filter(|process| process.parent != shell));
        }
        found.retain(|process| process.pid != own && process.pid != command && process.is_alive());
        found
    }

    /// Sends `signal` to the command and to the group that it is in; who has left that is told when the command has ended.
    ///
    /// A program that minds its own descendants so hears of it once.
    pub(crate) fn signal(&self, command: i32, signal: Signal) {
        if self.kind == Kind::PidNamespace {
            // The group is that of the process outside, which would take it for somebody else's signal.
            let _ = sys::kill(-1, signal.0);
            return;
        }
        // This process is in the group too: it takes no notice of itself, but would stop or be killed.
        let as_group = !signal.stops() && signal != Signal::KILL;
        let is_member = || sys::group_of(command) == Some(own_group());
        // Who is a member gets it once.
        if !as_group || !is_member() {
            let _ = sys::kill(command, signal.0);
        }
        if as_group {
            let _ = sys::kill(0, signal.0);
        }
    }

    /// Those of `processes` that have not had a signal which went to the command's group.
    pub(crate) fn beside_the_group(&self, processes: &[Process]) -> Vec<Process> {
        if self.kind == Kind::PidNamespace {
            return Vec::new();
        }
        let group = own_group();
        processes.iter().filter(|process| process.group != group).cloned().collect()
    }

    /// Sends `signal` to each of `processes`, and CONT.
    pub(crate) fn signal_each(&self, processes: &[Process], signal: Signal) {
        for signal in [signal, Signal::CONT] {
            if self.kind == Kind::PidNamespace {
                // They are shown by numbers of another namespace; but in this one there is nobody else.
                let _ = sys::kill(-1, signal.0);
            } else {
                processes.iter().for_each(|process| process.signal(signal.0));
            }
        }
    }

    /// Kills all of it; called again, it takes what was born meanwhile.
    pub(crate) fn kill(&self, command: Option<i32>) {
        if let Some(command) = command {
            let _ = sys::kill(command, libc::SIGKILL);
        }
        if let Some(cgroup) = &self.cgroup {
            let _ = cgroup.kill();
        }
        match self.kind {
            Kind::PidNamespace => {
                let _ = sys::kill(-1, libc::SIGKILL);
            }
            Kind::Group | Kind::None => {
                for process in self.survivors(command.unwrap_or(0)) {
                    process.signal(libc::SIGKILL);
                }
            }
            Kind::Cgroup | Kind::Sweep if self.adopts => {
                // Who is not a child of this process becomes one when its parent is gone, and is found in the next round.
                for pid in members::children().iter().filter(|pid| !self.strangers.contains(pid)) {
                    // Only this process reaps its children, so the number is still theirs.
                    let _ = sys::kill(*pid, libc::SIGKILL);
                }
            }
            Kind::Cgroup | Kind::Sweep => {}
        }
    }

    /// Lets go of everybody who is left: they run on where this process does.
    pub(crate) fn release(&mut self) {
        if let Some(cgroup) = self.cgroup.take() {
            cgroup.release();
        }
    }

    /// Leaves to the kernel what it closes anyway when a process ends.
    pub(crate) fn forget(self) {
        if let Some(cgroup) = self.cgroup {
            cgroup.remove();
            std::mem::forget(cgroup);
        }
    }

    /// Removes what killed ones like this one have left behind.
    pub(crate) fn clean_up(&self) {
        if self.cgroup.is_some() {
            cgroup::remove_abandoned();
        }
    }

    fn without_cgroup(&mut self) {
        self.cgroup = None;
        self.kind = if self.strangers.is_empty() { Kind::Sweep } else { Kind::Group };
    }
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cgroup => "cgroup",
            Self::PidNamespace => "pidns",
            Self::Sweep => "sweep",
            Self::Group => "group",
            Self::None => "none",
        }
    }
}

/// Whether this process has children, living or not.
fn has_children() -> bool {
    sys::wait(0, sys::Wait::Peek).is_some()
}

/// The group of this process; 0 when it has no number here.
fn own_group() -> i32 {
    sys::group_of(0).unwrap_or(0)
}
