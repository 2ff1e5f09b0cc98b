//! What `/proc` says about processes: their states, parents and children.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::OnceLock;

/// One process, as `/proc` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    state: State,
    pub(crate) parent: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    /// It has ended with all of its threads, and is not reaped.
    Zombie,
    Gone,
}

impl Process {
    /// Process `pid`, if it is there.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Whether anything of it still runs.
    pub(crate) const fn is_alive(&self) -> bool {
        matches!(self.state, State::Runs)
    }

    /// Whether it has ended, and is not reaped.
    pub(crate) const fn is_zombie(&self) -> bool {
        matches!(self.state, State::Zombie)
    }
}

/// Whether `/proc` has the numbers of this process's namespace; those of another one mean somebody else here.
pub(crate) fn is_ours() -> bool {
    let own = fs::read_link("/proc/self").ok().and_then(|own| own.to_str()?.parse().ok());
    own == Some(std::process::id())
}

/// The number of every process that is there; none where `/proc` is not ours.
pub(crate) fn pids() -> impl Iterator<Item = u32> {
    is_ours().then(|| numbers_in("/proc")).into_iter().flatten()
}

/// The number that process `pid` has in the innermost namespace that it is in.
pub(crate) fn number_inside(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().next_back()?.parse().ok()
}

/// What descends from process `ancestor`, parents first; those that have ended too, because they may have had children.
///
/// Nobody does where `/proc` is not ours.
///
/// It is no picture of one moment: who moves meanwhile, because a parent ends, may be missed. Its parent is then seen to have
/// ended, or to be gone, which it was not or is not when one looks again.
pub(crate) fn descendants(ancestor: u32) -> Vec<Process> {
    if !is_ours() {
        return Vec::new();
    }
    if lists_children() {
        walk(ancestor, |parent| {
            let seen = |pid| Process::read(pid).unwrap_or(Process { pid, state: State::Gone, parent });
            children(parent).into_iter().map(seen).collect()
        })
    } else {
        let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
        for process in pids().filter_map(Process::read) {
            children.entry(process.parent).or_default().push(process);
        }
        walk(ancestor, |parent| children.remove(&parent).unwrap_or_default())
    }
}

/// What is below `ancestor` when each has these children.
fn walk(ancestor: u32, mut children: impl FnMut(u32) -> Vec<Process>) -> Vec<Process> {
    let (mut found, mut seen) = (children(ancestor), BTreeSet::from([ancestor]));
    let mut next = 0;
    while let Some(process) = found.get(next) {
        if seen.insert(process.pid) {
            found.extend(children(process.pid));
        }
        next += 1;
    }
    found
}

/// The children of process `pid`: the kernel lists them by the thread that has them.
fn children(pid: u32) -> Vec<u32> {
    let of_thread = |thread| fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    let listed = numbers_in(&format!("/proc/{pid}/task")).map(of_thread);
    listed.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Whether the kernel lists children; where it does not, one has to look at all processes.
fn lists_children() -> bool {
    static LISTS: OnceLock<bool> = OnceLock::new();
    *LISTS.get_or_init(|| fs::exists("/proc/thread-self/children").unwrap_or(false))
}

/// The entries of a directory that are numbers.
fn numbers_in(path: &str) -> impl Iterator<Item = u32> + use<> {
    fs::read_dir(path).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// Whether process `pid` has no child, zombies included; `None` where `/proc` does not say so without a look at everybody.
pub(crate) fn has_no_child(pid: u32) -> Option<bool> {
    if !is_ours() {
        return None;
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    for thread in threads {
        let children = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        if !children.trim().is_empty() {
            return Some(false);
        }
    }
    Some(true)
}

fn parse(pid: u32, stat: &str) -> Option<Process> {
    // The name stands in brackets, and may have brackets and spaces in it.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<_> = rest.split_ascii_whitespace().collect();
    let threads: u64 = fields.get(17)?.parse().ok()?;
    let state = match *fields.first()? {
        // One whose first thread has ended, and others have not, has the letter too.
        "Z" if threads <= 1 => State::Zombie,
        "X" | "x" => State::Gone,
        _ => State::Runs,
    };
    Some(Process { pid, state, parent: fields.get(1)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_seen_at_its_parent() {
        let Some(has_none) = has_no_child(std::process::id()) else { return };
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        assert_eq!(has_no_child(child.id()), Some(true));
        assert_eq!(has_no_child(std::process::id()), Some(false), "before it was {has_none}");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let process = parse(7, "7 (a) R 1 1 (b) S 3 5 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 99").unwrap();
        assert_eq!((process.state, process.parent), (State::Runs, 3));
        assert_eq!(parse(7, "7 (x"), None);
    }

    #[test]
    fn who_has_threads_left_has_not_ended() {
        let with = |threads: u32| parse(7, &format!("7 (x) Z 3 5 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 99"));
        assert_eq!([1, 2].map(|threads| with(threads).unwrap().state), [State::Zombie, State::Runs]);
    }

    #[test]
    fn descendants_are_found_below_each_other() {
        let process = |pid, parent| Process { pid, state: State::Runs, parent };
        let all = [process(5, 4), process(3, 2), process(4, 3), process(2, 1), process(9, 1)];
        let children = |pid| all.into_iter().filter(|process| process.parent == pid).collect();
        let found: Vec<_> = walk(2, children).iter().map(|process| process.pid).collect();
        assert_eq!(found, [3, 4, 5]);
        assert!(walk(9, children).is_empty());
    }

    #[test]
    fn who_is_its_own_ancestor_is_looked_at_once() {
        let children = |pid| vec![Process { pid: 3 - pid, state: State::Runs, parent: pid }];
        assert_eq!(walk(1, children).len(), 2);
    }

    #[test]
    fn this_process_is_there() {
        let own = std::process::id();
        assert!(pids().any(|pid| pid == own) && Process::read(own).unwrap().is_alive());
        assert_eq!((is_ours(), number_inside(own)), (true, Some(own)));
    }

    /// A child that waits for the end of its standard input.
    fn child() -> Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    fn end(mut child: Child) {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    /// A thread's children are that thread's own.
    #[test]
    fn the_children_of_every_thread_are_found() {
        let own = std::process::id();
        let (say, end_is_said) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let theirs = child();
            tell.send(theirs.id()).unwrap();
            let _ = end_is_said.recv();
            end(theirs);
        });
        let (ours, theirs) = (child(), told.recv().unwrap());
        let found: Vec<_> = descendants(own).iter().map(|process| process.pid).collect();
        assert!(found.contains(&ours.id()) && found.contains(&theirs), "{found:?}");
        drop(say);
        thread.join().unwrap();
        end(ours);
    }
}
