//! What the process of a cell has, and what is left of it: threads, descriptors and processes, as `/proc` shows them.

mod descendants;
mod numbers;

pub(crate) use descendants::{Descendant, MARK};

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use cease_os::threads::{Doing, ThreadId, ThreadState};
use serde::{Deserialize, Serialize};

use numbers::numbers_in;

const THREADS: &str = "/proc/self/task";
const DESCRIPTORS: &str = "/proc/self/fd";

/// The time between the two looks that tell a thread which spins from one that gets no processor.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The threads, descriptors and descendants of this process at one moment.
#[derive(Debug)]
pub(crate) struct Inventory {
    threads: BTreeSet<u32>,
    descriptors: BTreeMap<u32, PathBuf>,
    processes: Vec<Descendant>,
}

/// What a process has that it did not have before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftBehind {
    /// Its threads.
    pub(crate) threads: Vec<LeftThread>,
    /// What its descriptors are open on.
    pub(crate) descriptors: Vec<String>,
    /// The processes that descend from it, also those that have ended and are not reaped.
    pub(crate) processes: Vec<Descendant>,
}

/// A thread that is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LeftThread {
    /// What it is called.
    pub(crate) name: String,
    /// The letter of the kernel; `?` when it does not show it.
    pub(crate) state: char,
    /// What it does, in plain words.
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
        let processes = descendants::all(env::var_os(MARK).as_deref())?;
        Ok(Self { threads, descriptors: descriptors.collect(), processes })
    }

    /// What this process has now and did not have then; looks again until there is nothing, or `patience` is over.
    ///
    /// A thread that was joined is in `/proc` for some moments more, and no event tells when it is not.
    pub(crate) fn left_behind(&self, patience: Duration) -> io::Result<LeftBehind> {
        let started = Instant::now();
        loop {
            let now = Self::take()?;
            let threads: Vec<_> = now.threads.difference(&self.threads).copied().map(ThreadId::from_number).collect();
            let opened = now.descriptors.iter().filter(|(number, target)| self.descriptors.get(number) != Some(target));
            let descriptors: Vec<_> = opened.map(|(_, target)| target.display().to_string()).collect();
            let had = |number: u32| self.processes.iter().any(|process| process.pid == number);
            let processes: Vec<_> = now.processes.into_iter().filter(|process| !had(process.pid)).collect();
            let nothing = threads.is_empty() && descriptors.is_empty() && processes.is_empty();
            if nothing || started.elapsed() >= patience {
                return Ok(LeftBehind { threads: watch(&threads)?, descriptors, processes });
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What these threads do, by two looks at each; those that are gone by the second one are left out.
fn watch(threads: &[ThreadId]) -> io::Result<Vec<LeftThread>> {
    let first = threads.iter().map(|&id| ThreadState::look(id)).collect::<io::Result<Vec<_>>>()?;
    if !first.is_empty() {
        thread::sleep(LOOK_AGAIN);
    }
    let mut left = Vec::new();
    for earlier in first {
        let now = ThreadState::look(earlier.id)?;
        let doing = now.doing_since(&earlier);
        if doing != Doing::Gone {
            let name = now.name.unwrap_or_else(|| now.id.to_string());
            left.push(LeftThread { name, state: now.letter.unwrap_or('?'), doing: doing.to_string() });
        }
    }
    Ok(left)
}

impl LeftBehind {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.descriptors.is_empty() && self.processes.is_empty()
    }

    /// It all, in a few words; empty when nothing is left.
    pub(crate) fn summary(&self) -> String {
        let threads =
            self.threads.iter().map(|thread| format!("thread `{}` ({}, {})", thread.name, thread.state, thread.doing));
        let descriptors = self.descriptors.iter().map(|target| format!("descriptor of {target}"));
        let processes = self.processes.iter();
        let processes =
            processes.map(|process| format!("process `{}` ({}, {})", process.name, process.state, process.pid));
        threads.chain(descriptors).chain(processes).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_process_that_is_left_is_named() {
        let before = Inventory::take().unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let left = before.left_behind(Duration::ZERO).unwrap();
        let named = left.processes.iter().find(|process| process.pid == child.id()).unwrap();
        assert!(!left.is_empty());
        assert!(left.summary().contains(&format!("process `{}` ({}, {})", named.name, named.state, named.pid)));
        drop(child.stdin.take());
        child.wait().unwrap();
        // Other tests start processes too.
        let left = before.left_behind(Duration::ZERO).unwrap();
        assert!(!left.processes.iter().any(|process| process.pid == child.id()));
    }

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
        let deadline = Instant::now() + Duration::from_secs(60);
        let seen = loop {
            let seen = before.left_behind(Duration::ZERO).unwrap();
            let named = seen.threads.iter().find(|thread| thread.name == "odd) name (").unwrap();
            if (named.state, named.doing.as_str()) == ('S', "waiting for a lock or for another thread") {
                break seen;
            }
            assert!(Instant::now() < deadline, "{named:?}");
        };
        assert!(seen.descriptors.iter().any(|target| target == "/dev/zero"));
        assert!(seen.summary().contains("thread `odd) name (` (S, waiting for a lock or for another thread)"));
        assert!(seen.summary().contains("descriptor of /dev/zero"));
        drop(hold);
        left.unwrap().join().unwrap();
    }
}
