//! Members of a tree that are found by looking, round after round, where the kernel does not keep them together.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::member::{Member, group_of};
use crate::pidfd::Leader;
use crate::procfs::{self, Process};
use crate::timeout::Timeout;

/// How long one call goes on looking for what was born meanwhile; whoever calls may call again.
const ROUNDS: Duration = Duration::from_millis(500);

/// How long descendants have to end by themselves before their leader may.
const MOMENT: Duration = Duration::from_millis(20);

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
///
/// The kernel cannot be asked whether anybody does: the leader is not reaped, and counts for it.
pub(super) fn group(leader: &Leader) -> Vec<u32> {
    if !leader.leads_group() {
        return Vec::new();
    }
    let others = procfs::pids().filter(|pid| *pid != leader.pid() && is_in_group_of(*pid, leader));
    alive(others.filter_map(Process::read))
}

/// Who descends from `leader`.
pub(super) fn below(leader: &Leader) -> Vec<u32> {
    living(|| procfs::descendants(leader.pid()), Instant::now() + ROUNDS)
}

/// Who is in the namespace of which `leader` is the first process; a worker that runs counts for the leader.
pub(super) fn inside(leader: &Leader) -> Vec<u32> {
    let mut all = below(leader);
    if let Some(worker) = leader.worker() {
        all.retain(|pid| procfs::number_inside(*pid) != Some(worker));
    }
    all
}

/// Who descends from `leader`, or is in its group.
pub(super) fn descendants(leader: &Leader) -> Vec<u32> {
    let mut all = below(leader);
    let beside: Vec<_> = group(leader).into_iter().filter(|pid| !all.contains(pid)).collect();
    all.extend(beside);
    all
}

/// Kills what descends from process `ancestor` until nothing does, or a while is over.
///
/// That process is the caller, or a child that has not been reaped.
pub(crate) fn kill_descendants(ancestor: u32) {
    kill_rounds(|| procfs::descendants(ancestor), ancestor);
}

/// Waits for a moment, or until all `members` have ended.
pub(super) fn wait_for<'a>(members: impl Iterator<Item = &'a Member>) {
    let timeout = Timeout::new(MOMENT);
    members.for_each(|member| member.wait(timeout));
}

/// Who descends from this process, beside `leader`; children that have ended are reaped.
pub(super) fn adopted(leader: &Leader) -> Vec<u32> {
    living(|| adopted_and_ended(leader), Instant::now() + ROUNDS)
}

/// Kills what descends from this process, beside `leader`, until nothing does, or a while is over.
pub(super) fn kill_adopted(leader: &Leader) {
    kill_rounds(|| adopted_and_ended(leader), std::process::id());
}

/// Who descends from this process, beside `leader`, those that have ended included; children among them are reaped.
fn adopted_and_ended(leader: &Leader) -> Vec<Process> {
    let own = std::process::id();
    let mut all = procfs::descendants(own);
    all.retain(|process| process.pid != leader.pid());
    for zombie in all.iter().filter(|process| process.is_zombie() && process.parent == own) {
        // Only this process reaps its children, so the number is still the same one's.
        if let Some(member) = Member::open(zombie.pid, || is_child(zombie.pid)) {
            member.reap();
        }
    }
    all
}

/// Kills who is found until nobody is, or a while is over.
fn kill_rounds(find: impl Fn() -> Vec<Process>, ancestor: u32) {
    let end = Instant::now() + ROUNDS;
    while Instant::now() < end {
        let living = living(&find, end);
        if living.is_empty() {
            return;
        }
        for pid in living {
            if let Some(member) = Member::open(pid, || descends_from(pid, ancestor)) {
                member.signal(Signal::KILL);
            }
        }
    }
}

/// Who is found alive; nobody is when two rounds have found the same, and only zombies.
///
/// A round is no picture of one moment, and who is born behind it, or moves to another parent, shows in the next one.
/// One who was gone when looked at may have taken those behind it out of the round, so that one is not the last.
/// When it is `end` and they still change, all that were found count.
fn living(find: impl Fn() -> Vec<Process>, end: Instant) -> Vec<u32> {
    let mut before = None;
    loop {
        let found = find();
        let living: Vec<_> = alive(found.iter().copied());
        let pids: Vec<_> = found.iter().map(|process| process.pid).collect();
        if !living.is_empty() || found.iter().all(Process::is_zombie) && before.as_ref() == Some(&pids) {
            return living;
        }
        if Instant::now() >= end {
            return pids;
        }
        before = Some(pids);
    }
}

fn is_child(pid: u32) -> bool {
    Process::read(pid).is_some_and(|process| process.parent == std::process::id())
}

fn alive(processes: impl IntoIterator<Item = Process>) -> Vec<u32> {
    processes.into_iter().filter(Process::is_alive).map(|process| process.pid).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use super::*;

    /// Law L19: a look at `/proc` has found a process, and when it is open it does not descend from the ancestor.
    #[test]
    fn a_process_that_is_found_and_does_not_descend_is_not_killed() {
        let mut ancestor = Command::new("sleep").arg("1000").spawn().unwrap();
        for (ancestor, is_killed) in [(ancestor.id(), false), (std::process::id(), true)] {
            let mut stranger =
                Command::new("sleep").arg("1000").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let found = Process::read(stranger.id()).unwrap();
            let looks = Cell::new(0);
            let find = || {
                looks.set(looks.get() + 1);
                if looks.get() == 1 { vec![found] } else { Vec::new() }
            };
            kill_rounds(find, ancestor);
            assert!(looks.get() > 1, "the process was found alive, so it is looked for again");
            // The kernel delivers a SIGKILL that was sent before this SIGTERM.
            rustix::process::kill_process(rustix::process::Pid::from_child(&stranger), Signal::TERM).unwrap();
            let signal = stranger.wait().unwrap().signal();
            let expected = if is_killed { libc::SIGKILL } else { libc::SIGTERM };
            assert_eq!(signal, Some(expected), "L19: found below {ancestor}");
        }
        ancestor.kill().unwrap();
        ancestor.wait().unwrap();
    }
}
