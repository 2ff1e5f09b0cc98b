//! Members of a tree that are found by looking, round after round, where the kernel does not keep them together.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::pidfd::{Leader, Member};
use crate::procfs::{self, Process};

/// How long one call goes on looking for what was born meanwhile; whoever calls may call again.
const ROUNDS: Duration = Duration::from_millis(100);

/// The group of process `pid`.
pub(super) fn group_of(pid: u32) -> Option<u32> {
    Process::read(pid).map(|process| process.group)
}

/// Whether process `pid` is in the group that `leader` leads.
pub(super) fn is_in_group_of(pid: u32, leader: &Leader) -> bool {
    leader.leads_group() && group_of(pid) == Some(leader.pid())
}

/// Whether process `pid` descends from `ancestor`.
pub(super) fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut next = Process::read(pid).map(|process| process.parent);
    // No chain of parents is longer, unless it changes beneath us.
    for _ in 0..4096 {
        match next {
            Some(parent) if parent == ancestor => return true,
            Some(0) | None => return false,
            Some(parent) => next = Process::read(parent).map(|process| process.parent),
        }
    }
    false
}

/// Who else runs in the group of `leader`.
pub(super) fn group(leader: &Leader) -> Vec<u32> {
    if !leader.leads_group() {
        return Vec::new();
    }
    alive(Process::all().into_iter().filter(|process| process.group == leader.pid() && process.pid != leader.pid()))
}

/// Who descends from `leader`, or is in its group.
pub(super) fn descendants(leader: &Leader) -> Vec<u32> {
    let all = Process::all();
    let below = procfs::descendants(leader.pid(), &all);
    let in_group =
        |process: &Process| leader.leads_group() && process.group == leader.pid() && process.pid != leader.pid();
    let beside = all.iter().filter(|process| in_group(process) && !below.contains(process));
    alive(below.iter().chain(beside).copied())
}

/// Kills what descends from process `ancestor` until nothing does, or a while is over.
///
/// That process is the caller, or a child that has not been reaped.
pub(crate) fn kill_descendants(ancestor: u32) {
    let below = || procfs::descendants(ancestor, &Process::all());
    kill_rounds(|| alive(below().into_iter()), ancestor);
}

/// Who descends from this process, beside `leader`; children that have ended are reaped.
pub(super) fn adopted(leader: &Leader) -> Vec<u32> {
    let own = std::process::id();
    let all = procfs::descendants(own, &Process::all());
    let (living, ended): (Vec<_>, Vec<_>) =
        all.into_iter().filter(|process| process.pid != leader.pid()).partition(Process::is_alive);
    for zombie in ended.iter().filter(|zombie| zombie.parent == own) {
        // Only this process reaps its children, so the number is still the same one's.
        if let Some(member) = Member::open(zombie.pid, || is_child(zombie.pid)) {
            member.reap();
        }
    }
    living.iter().map(|process| process.pid).collect()
}

/// Kills what descends from this process, beside `leader`, until nothing does, or a while is over.
pub(super) fn kill_adopted(leader: &Leader) {
    kill_rounds(|| adopted(leader), std::process::id());
}

fn kill_rounds(find: impl Fn() -> Vec<u32>, ancestor: u32) {
    let end = Instant::now() + ROUNDS;
    while Instant::now() < end {
        let found = find();
        if found.is_empty() {
            return;
        }
        for pid in found {
            if let Some(member) = Member::open(pid, || descends_from(pid, ancestor)) {
                member.signal(Signal::KILL);
            }
        }
    }
}

fn is_child(pid: u32) -> bool {
    Process::read(pid).is_some_and(|process| process.parent == std::process::id())
}

fn alive(processes: impl Iterator<Item = Process>) -> Vec<u32> {
    processes.filter(Process::is_alive).map(|process| process.pid).collect()
}
