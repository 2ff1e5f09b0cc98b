//! Who of a strategy's workers is left: how many, and what they are called.

use std::collections::BTreeMap;

use cease_core::sync::{Arc, Mutex, lock};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The workers that are left; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Crew {
    /// Closed from the start, so that a wait ends whenever nobody is left.
    tracker: TaskTracker,
    names: Arc<Mutex<Names>>,
}

#[derive(Debug, Default)]
struct Names {
    next: u64,
    left: BTreeMap<u64, Arc<str>>,
}

impl Crew {
    pub(crate) fn new() -> Self {
        let tracker = TaskTracker::new();
        tracker.close();
        Self { tracker, names: Arc::default() }
    }

    pub(crate) const fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// What those who are left are called, the first that was started first.
    pub(crate) fn names(&self) -> Vec<String> {
        lock(&self.names).left.values().map(|name| name.to_string()).collect()
    }

    /// One more, until what is returned is dropped.
    pub(crate) fn sign_on(&self, name: &Arc<str>) -> Member {
        let mut names = lock(&self.names);
        let number = names.next;
        names.next += 1;
        names.left.insert(number, Arc::clone(name));
        Member { number, names: Arc::clone(&self.names), _tracked: self.tracker.token() }
    }
}

/// A worker that is left; dropped just before its end is told.
#[derive(Debug)]
pub(crate) struct Member {
    number: u64,
    names: Arc<Mutex<Names>>,
    _tracked: TaskTrackerToken,
}

impl Drop for Member {
    fn drop(&mut self) {
        lock(&self.names).left.remove(&self.number);
    }
}
