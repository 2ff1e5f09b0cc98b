//! The workers of a strategy that have not ended: their number and their names.

use std::collections::BTreeMap;

use cease_core::sync::{Arc, Mutex, lock};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The workers that have not ended; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct TaskRegistry {
    /// Closed from the start, so that its `wait` ends whenever the registry is empty.
    tracker: TaskTracker,
    names: Arc<Mutex<Names>>,
}

#[derive(Debug, Default)]
struct Names {
    next: u64,
    registered: BTreeMap<u64, Arc<str>>,
}

impl TaskRegistry {
    pub(crate) fn new() -> Self {
        let tracker = TaskTracker::new();
        tracker.close();
        Self { tracker, names: Arc::default() }
    }

    pub(crate) const fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// The names of the registered workers, in the order of their spawns.
    pub(crate) fn names(&self) -> Vec<String> {
        lock(&self.names).registered.values().map(|name| name.to_string()).collect()
    }

    /// Registers a worker until the registration is dropped.
    pub(crate) fn register(&self, name: &Arc<str>) -> Registration {
        let mut names = lock(&self.names);
        let number = names.next;
        names.next += 1;
        names.registered.insert(number, Arc::clone(name));
        Registration { number, names: Arc::clone(&self.names), _tracked: self.tracker.token() }
    }
}

/// The place of one worker in the registry; dropping it removes the worker.
#[derive(Debug)]
pub(crate) struct Registration {
    number: u64,
    names: Arc<Mutex<Names>>,
    _tracked: TaskTrackerToken,
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.names).registered.remove(&self.number);
    }
}
