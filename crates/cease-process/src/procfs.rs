//! What `/proc` says about processes: their states, parents and groups.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// One process, as `/proc` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// One letter; `Z` for one that has ended and is not reaped.
    state: u8,
    pub(crate) parent: u32,
    pub(crate) group: u32,
}

impl Process {
    /// Process `pid`, if it is there.
    pub(crate) fn read(pid: u32) -> Option<Self> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Every process that is there.
    pub(crate) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter_map(Self::read).collect()
    }

    /// Whether anything of it still runs.
    pub(crate) const fn is_alive(&self) -> bool {
        !matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// What descends from process `ancestor`, parents first; zombies too, because they may have had children.
pub(crate) fn descendants(ancestor: u32, all: &[Process]) -> Vec<Process> {
    let mut children: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
    for process in all {
        children.entry(process.parent).or_default().push(*process);
    }
    let (mut found, mut seen) = (children.remove(&ancestor).unwrap_or_default(), BTreeSet::from([ancestor]));
    let mut next = 0;
    while let Some(process) = found.get(next) {
        if seen.insert(process.pid) {
            found.extend(children.remove(&process.pid).unwrap_or_default());
        }
        next += 1;
    }
    found
}

/// Whether process `pid` has no child, zombies included; `None` where `/proc` does not say so without a look at everybody.
pub(crate) fn has_no_child(pid: u32) -> Option<bool> {
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
    let mut fields = rest.split(' ');
    let state = *fields.next()?.as_bytes().first()?;
    Some(Process { pid, state, parent: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
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
        let process = parse(7, "7 (a) R 1 1 (b) S 3 5 5 0 -1").unwrap();
        assert_eq!((process.state, process.parent, process.group), (b'S', 3, 5));
        assert!(process.is_alive());
        assert!(!parse(7, "7 (x) Z 3 5 5").unwrap().is_alive());
        assert_eq!(parse(7, "7 (x"), None);
    }

    #[test]
    fn descendants_are_found_below_each_other() {
        let process = |pid, parent| Process { pid, state: b'S', parent, group: 1 };
        let all = [process(5, 4), process(3, 2), process(4, 3), process(2, 1), process(9, 1)];
        let found: Vec<_> = descendants(2, &all).iter().map(|process| process.pid).collect();
        assert_eq!(found, [3, 4, 5]);
        assert!(descendants(9, &all).is_empty());
    }

    #[test]
    fn this_process_is_there() {
        let own = std::process::id();
        assert!(Process::all().iter().any(|process| process.pid == own && process.is_alive()));
    }
}
