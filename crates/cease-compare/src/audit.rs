//! What a process has, and what is left of it: threads and descriptors, as `/proc/self` shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

const THREADS: &str = "/proc/self/task";
const DESCRIPTORS: &str = "/proc/self/fd";

/// The threads and descriptors of this process at one moment.
#[derive(Debug)]
pub(crate) struct Inventory {
    threads: BTreeSet<u32>,
    descriptors: BTreeMap<u32, PathBuf>,
}

/// What a process has that it did not have before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftBehind {
    /// Its threads.
    pub(crate) threads: Vec<LeftThread>,
    /// What its descriptors are open on.
    pub(crate) descriptors: Vec<String>,
}

/// A thread that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftThread {
    /// What it is called.
    pub(crate) name: String,
    /// The letter of the kernel.
    pub(crate) state: char,
    /// What that letter says.
    pub(crate) doing: String,
}

impl Inventory {
    /// Looks at this process.
    pub(crate) fn take() -> io::Result<Self> {
        let threads = numbers_in(THREADS)?;
        // The descriptor by which the directory was read is closed by now, and so has no target.
        let open = numbers_in(DESCRIPTORS)?.into_iter();
        let descriptors =
            open.filter_map(|number| Some((number, fs::read_link(format!("{DESCRIPTORS}/{number}")).ok()?)));
        Ok(Self { threads, descriptors: descriptors.collect() })
    }

    /// What this process has now and did not have then; looks again until there is nothing, or `patience` is over.
    ///
    /// A thread that was joined is in `/proc` for some moments more, and no event tells when it is not.
    pub(crate) fn left_behind(&self, patience: Duration) -> io::Result<LeftBehind> {
        let started = Instant::now();
        loop {
            let left = self.compare(&Self::take()?)?;
            if left.is_empty() || started.elapsed() >= patience {
                return Ok(left);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn compare(&self, now: &Self) -> io::Result<LeftBehind> {
        let mut threads = Vec::new();
        for id in now.threads.difference(&self.threads) {
            match fs::read_to_string(format!("{THREADS}/{id}/stat")) {
                Ok(stat) => threads.extend(LeftThread::parse(&stat)),
                // It went away between the two looks. The kernel says "no such process" to who has opened the file.
                Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(3) => {}
                Err(error) => return Err(error),
            }
        }
        let opened = now.descriptors.iter().filter(|(number, target)| self.descriptors.get(number) != Some(target));
        let descriptors = opened.map(|(_, target)| target.display().to_string()).collect();
        Ok(LeftBehind { threads, descriptors })
    }
}

impl LeftBehind {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.descriptors.is_empty()
    }

    /// It all, in a few words; empty when nothing is left.
    pub(crate) fn summary(&self) -> String {
        let threads =
            self.threads.iter().map(|thread| format!("thread `{}` ({}, {})", thread.name, thread.state, thread.doing));
        let descriptors = self.descriptors.iter().map(|target| format!("descriptor of {target}"));
        threads.chain(descriptors).collect::<Vec<_>>().join(", ")
    }
}

impl LeftThread {
    /// Reads `ID (NAME) STATE …`, where the name may have anything in it.
    fn parse(stat: &str) -> Option<Self> {
        let (front, back) = stat.rsplit_once(')')?;
        let (_, name) = front.split_once('(')?;
        let state = back.trim_start().chars().next()?;
        let doing = match state {
            'R' => "running",
            'S' => "asleep",
            'D' => "waiting for a device",
            'T' | 't' => "suspended",
            'Z' | 'X' => "ending",
            _ => "in a state of its own",
        };
        Some(Self { name: name.to_owned(), state, doing: doing.to_owned() })
    }
}

/// The entries of a directory of numbers.
fn numbers_in(directory: &str) -> io::Result<BTreeSet<u32>> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("cannot read `{directory}`: {error}"));
    let mut numbers = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(told)? {
        numbers.extend(entry.map_err(told)?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_and_a_descriptor_that_are_left_are_named() {
        let before = Inventory::take().unwrap();
        let (hold, held) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let left = thread::Builder::new().name("odd) name (".into()).spawn(move || {
            let open = File::open("/dev/zero").unwrap();
            tell.send(()).unwrap();
            let _ = held.recv();
            drop(open);
        });
        told.recv().unwrap();

        // Other tests run beside this one, and leave threads of their own for a while.
        let seen = before.left_behind(Duration::ZERO).unwrap();
        let named = seen.threads.iter().find(|thread| thread.name == "odd) name (").unwrap();
        assert!("RS".contains(named.state));
        assert!(seen.descriptors.iter().any(|target| target == "/dev/zero"));
        assert!(seen.summary().contains("thread `odd) name (` ("));
        assert!(seen.summary().contains("descriptor of /dev/zero"));
        drop(hold);
        left.unwrap().join().unwrap();
    }

    #[test]
    fn the_state_is_what_follows_the_last_parenthesis() {
        let thread = LeftThread::parse("12 (a) b (c) R 1 2 3").unwrap();
        assert_eq!((thread.name.as_str(), thread.state, thread.doing.as_str()), ("a) b (c", 'R', "running"));
        assert_eq!(LeftThread::parse("nothing"), None);
    }
}
