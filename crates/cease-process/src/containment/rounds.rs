//! Members of a tree that are found by looking, round after round, where the kernel does not keep them together.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::pidfd::{Leader, Member};
use crate::procfs::{self, Process};

/// How long one call goes on looking for what was born meanwhile; whoever calls may call again.
const ROUNDS: Duration = Duration::from_millis(500);

/// How long descendants have to end by themselves before their leader may.
const MOMENT: Duration = Duration::from_millis(20);

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
    kill_rounds(|| procfs::descendants(ancestor, &Process::all()), ancestor);
}

/// Waits for a moment, or until nothing descends from process `ancestor`.
pub(super) fn wait_for_descendants(ancestor: u32) {
    let end = Instant::now() + MOMENT;
    while Instant::now() < end && !alive(procfs::descendants(ancestor, &Process::all()).into_iter()).is_empty() {
        std::thread::yield_now();
    }
}

/// Who descends from this process, beside `leader`; children that have ended are reaped.
pub(super) fn adopted(leader: &Leader) -> Vec<u32> {
    alive(adopted_and_ended(leader).into_iter())
}

/// Kills what descends from this process, beside `leader`, until nothing does, or a while is over.
pub(super) fn kill_adopted(leader: &Leader) {
    kill_rounds(|| adopted_and_ended(leader), std::process::id());
}

/// Who descends from this process, beside `leader`, those that have ended included; children among them are reaped.
fn adopted_and_ended(leader: &Leader) -> Vec<Process> {
    let own = std::process::id();
    let mut all = procfs::descendants(own, &Process::all());
    all.retain(|process| process.pid != leader.pid());
    for zombie in all.iter().filter(|process| !process.is_alive() && process.parent == own) {
        // Only this process reaps its children, so the number is still the same one's.
        if let Some(member) = Member::open(zombie.pid, || is_child(zombie.pid)) {
            member.reap();
        }
    }
    all
}

/// Kills who is found until two rounds have found the same, and nobody alive: a round is no picture of one moment, and who is
/// born behind it shows in the next one by the parent that has ended.
fn kill_rounds(find: impl Fn() -> Vec<Process>, ancestor: u32) {
    let end = Instant::now() + ROUNDS;
    let mut before = None;
    while Instant::now() < end {
        let found = find();
        let living = alive(found.iter().copied());
        let pids: BTreeSet<_> = found.iter().map(|process| process.pid).collect();
        if living.is_empty() && before.as_ref() == Some(&pids) {
            return;
        }
        before = Some(pids);
        for pid in living {
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
