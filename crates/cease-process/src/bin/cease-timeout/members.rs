//! Who there is: processes as `/proc` shows them.

use std::collections::BTreeSet;
use std::fs;

use rustix::process::Pid;

use crate::sys;

/// One process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) name: String,
    is_alive: bool,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// When it began; with the number, this is nobody else.
    began: u64,
}

impl Process {
    /// Process `pid`, if it is there.
    pub(crate) fn read(pid: i32) -> Option<Self> {
        parse(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?)
    }

    /// This process, by the numbers of `/proc`.
    pub(crate) fn read_self() -> Option<Self> {
        parse(0, &fs::read("/proc/self/stat").ok()?)
    }

    /// Whether anything of it still runs.
    pub(crate) const fn is_alive(&self) -> bool {
        self.is_alive
    }

    /// Sends it `signal`, if it is still the same one.
    pub(crate) fn signal(&self, signal: i32) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        // The number is looked at again once the descriptor is open, so it cannot have become somebody else's in between.
        let Ok(fd) = sys::open_process(pid) else { return };
        if Self::read(self.pid).is_some_and(|now| now.began == self.began) {
            sys::signal_by_descriptor(&fd, signal);
        }
    }
}

/// What descends from this process, but not through one of `except`; zombies too.
pub(crate) fn descendants(except: &[i32]) -> Vec<Process> {
    let Some(children) = listed_children() else { return below(own(), except, &all()) };
    let (mut open, mut found) = (children, Vec::new());
    while let Some(pid) = open.pop() {
        let is_new = !except.contains(&pid) && found.iter().all(|process: &Process| process.pid != pid);
        if let Some(process) = Process::read(pid).filter(|_| is_new) {
            open.extend(children_of(pid));
            found.push(process);
        }
    }
    found
}

/// Who is in the group `group`.
pub(crate) fn in_group(group: i32) -> Vec<Process> {
    all().into_iter().filter(|process| process.group == group).collect()
}

/// The numbers of the children of this process, living or not, which has one thread.
pub(crate) fn children() -> Vec<i32> {
    listed_children().unwrap_or_else(|| {
        let own = own();
        all().iter().filter(|process| process.parent == own).map(|process| process.pid).collect()
    })
}

/// This process, by the numbers of `/proc`, which may be those of another namespace.
pub(crate) fn own() -> i32 {
    let own = fs::read_link("/proc/self").ok();
    own.and_then(|own| own.to_str()?.parse().ok()).unwrap_or(0)
}

/// Every process that is there.
fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids: Vec<i32> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    pids.into_iter().filter_map(Process::read).collect()
}

/// What of `all` is below `ancestor`, but not below one of `except`.
fn below(ancestor: i32, except: &[i32], all: &[Process]) -> Vec<Process> {
    let (mut open, mut found, mut seen) = (vec![ancestor], Vec::new(), BTreeSet::new());
    while let Some(parent) = open.pop() {
        for process in all.iter().filter(|process| process.parent == parent && !except.contains(&process.pid)) {
            if seen.insert(process.pid) {
                open.push(process.pid);
                found.push(process.clone());
            }
        }
    }
    found
}

/// The children of this process as the kernel lists them; not every kernel does.
fn listed_children() -> Option<Vec<i32>> {
    fs::read_to_string("/proc/thread-self/children").ok().map(|list| numbers(&list))
}

/// The children of process `pid`: each of its threads has a list of its own.
fn children_of(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let threads: Vec<_> = threads.flatten().map(|thread| thread.path().join("children")).collect();
    threads.iter().filter_map(|list| fs::read_to_string(list).ok()).flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<i32> {
    list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

fn parse(pid: i32, stat: &[u8]) -> Option<Process> {
    let stat = String::from_utf8_lossy(stat);
    // The name stands in brackets, and may have brackets and spaces in it.
    let (name, rest) = stat.rsplit_once(") ")?;
    let (_, name) = name.split_once('(')?;
    let fields: Vec<_> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<i64>().ok();
    let is_alive = match *fields.first()? {
        // One whose first thread has ended, and others have not, has the letter too.
        "Z" => number(17)? > 1,
        state => !state.eq_ignore_ascii_case("X"),
    };
    Some(Process {
        pid,
        name: name.into(),
        is_alive,
        parent: i32::try_from(number(1)?).ok()?,
        group: i32::try_from(number(2)?).ok()?,
        began: number(19)?.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = b"7 (a) R 1 1 (b) S 3 5 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 99 1 1";
        let process = parse(7, line).unwrap();
        assert_eq!((&*process.name, process.parent, process.group, process.began), ("a) R 1 1 (b", 3, 5, 99));
        assert!(process.is_alive());
        assert_eq!(parse(7, b"7 (x"), None);
    }

    #[test]
    fn a_process_with_threads_left_is_alive() {
        let alive = |state: &str, threads: u32| {
            let line = format!("7 (a) {state} 3 5 5 0 -1 4 0 0 0 0 0 0 0 0 20 0 {threads} 0 99 1 1");
            parse(7, line.as_bytes()).unwrap().is_alive()
        };
        assert_eq!([alive("Z", 1), alive("Z", 2), alive("X", 1), alive("S", 1)], [false, true, false, true]);
    }

    #[test]
    fn descendants_leave_out_what_was_there_before() {
        let process = |pid, parent| Process { pid, name: String::new(), is_alive: true, parent, group: 1, began: 1 };
        let all = [process(5, 4), process(3, 2), process(4, 3), process(2, 1), process(9, 2), process(10, 9)];
        let mut found: Vec<_> = below(2, &[9], &all).iter().map(|process| process.pid).collect();
        found.sort_unstable();
        assert_eq!(found, [3, 4, 5]);
    }

    /// Law L19: `/proc` has shown a process, and its number is that of another one when it is open.
    #[test]
    fn a_process_that_began_at_another_time_gets_no_signal() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let now = Process::read(i32::try_from(child.id()).unwrap()).unwrap();
        Process { began: now.began - 1, ..now.clone() }.signal(libc::SIGKILL);
        now.signal(libc::SIGTERM);
        let ended = std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap());
        assert_eq!(ended, Some(libc::SIGTERM), "L19: the signal for the earlier process reached this one");
    }

    #[test]
    fn this_process_is_there() {
        let own = rustix::process::getpid().as_raw_nonzero().get();
        assert!(all().iter().any(|process| process.pid == own && process.is_alive()));
    }
}
