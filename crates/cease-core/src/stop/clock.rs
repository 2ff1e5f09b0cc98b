//! What a tree has to do with time: when its next deadline passes, and who tells.
//!
//! # How it works
//!
//! A timer knows of a tree only the alarm that it was given last, and that may ring at any time.
//! When it rings, everything that is due is taken out under the locks of the shards, and then stopped by ordinary requests
//! with the reason [`crate::Reason::Deadline`].
//! An alarm that outlives its tree finds nobody.
#![allow(unsafe_code, reason = "points to the root for as long as there is one")]

use std::fmt;
use std::io::{self, Write};
use std::mem;
use std::ptr::NonNull;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::kept::Kept;
use crate::stop::request::{DeadlineSetting, Request};
use crate::stop::shard::Root;
use crate::stop::timer::{Timer, TimerError};
use crate::sync::{Arc, Mutex, Unmodelled, lock};

/// Rings when a deadline may have passed; given to a [`Timer`].
///
/// It does not keep the tree, nor anybody in it.
#[derive(Clone)]
pub struct Alarm(Arc<Clock>);

impl Alarm {
    /// Stops whatever is due, and sets the timer for what comes next.
    ///
    /// It may be called at any time, also when nothing is due or the tree is gone.
    pub fn fire(&self) {
        // From here on a deadline that is set sets the timer again.
        let rung = mem::take(&mut *lock(&self.0.armed));
        drop(rung);
        let (due, next) = self.0.take_due();
        let mut calls = Vec::new();
        for (node, setting) in due {
            if let Some(mut due) = node.request(Request::of_deadline(&setting)) {
                due.wake();
                if due.has_calls() {
                    calls.push((due, node));
                }
            }
        }
        // One call for each deadline, so that a slow callback of one need not delay the others.
        for (mut due, node) in calls {
            self.0.timer.call(Box::new(move || {
                due.call();
                drop(node);
            }));
        }
        self.set_next(next);
    }

    /// Takes the alarm back when no deadline is left in the tree, and sets it for the next one otherwise.
    pub(crate) fn release(&self) {
        // As in `fire`, so that a deadline which is set meanwhile is either found below, or sets the timer again.
        let before = mem::take(&mut *lock(&self.0.armed));
        if before.at.is_some() {
            self.set_next(self.0.next());
        }
        drop(before);
    }

    fn set_next(&self, next: Option<Instant>) {
        if let Some(next) = next
            && let Err(error) = self.set(next)
        {
            // No caller waits for an answer here; the next deadline that is set tries again.
            let _ = writeln!(io::stderr(), "cease: {error}");
        }
    }

    pub(crate) fn new(timer: Unmodelled<dyn Timer>, root: NonNull<Root>) -> Self {
        Self(Arc::new(Clock { timer, root: Mutex::new(Some(root)), armed: Mutex::new(Armed::default()) }))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.timer.now()
    }

    /// Sees to it that the timer rings at `at` or before.
    pub(crate) fn set(&self, at: Instant) -> Result<(), TimerError> {
        let process = process();
        let at = {
            let mut armed = lock(&self.0.armed);
            let earlier = armed.at.filter(|earlier| *earlier <= at);
            // What was set before a `fork` is set again: the thread that was to fire it exists in the parent only.
            if earlier.is_some() && armed.process == process {
                return Ok(());
            }
            armed.process = process;
            *armed.at.insert(earlier.unwrap_or(at))
        };
        // The timer is somebody else's code, so it is set and taken back with no lock held.
        let setting = self.0.timer.set(at, self.clone());
        let mut armed = lock(&self.0.armed);
        let (result, stale) = match setting {
            // It rang meanwhile, or is to ring earlier.
            Ok(setting) if armed.at != Some(at) => (Ok(()), Some(setting)),
            Ok(setting) => (Ok(()), armed.setting.replace(setting)),
            Err(error) => {
                if armed.at == Some(at) {
                    armed.at = None;
                }
                (Err(error), None)
            }
        };
        drop(armed);
        drop(stale);
        result
    }

    /// Notes that the tree is gone, once nobody looks into it any more.
    pub(crate) fn forget(&self) {
        *lock(&self.0.root) = None;
        let armed = mem::take(&mut *lock(&self.0.armed));
        drop(armed);
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Alarm").finish()
    }
}

/// The time of one tree.
struct Clock {
    timer: Unmodelled<dyn Timer>,
    /// None when the tree is gone, which waits for a ring that looks into it.
    root: Mutex<Option<NonNull<Root>>>,
    armed: Mutex<Armed>,
}

#[derive(Default)]
struct Armed {
    /// When the timer will ring at the latest.
    at: Option<Instant>,
    /// The process in which it was set.
    process: u32,
    /// Takes the alarm back when it is dropped.
    setting: Option<Box<dyn Send>>,
}

// SAFETY: the root is used only under the lock around its pointer, and may be used from any thread.
unsafe impl Send for Clock {}
// SAFETY: as above.
unsafe impl Sync for Clock {}

impl Clock {
    /// When the next deadline of the tree passes.
    fn next(&self) -> Option<Instant> {
        let root = lock(&self.root);
        let root = (*root)?;
        // SAFETY: as in `take_due`.
        let root = unsafe { root.as_ref() };
        let shards = std::iter::once(&root.shard).chain(root.others());
        shards.filter_map(|shard| shard.lock().peek_schedule()?.next()).min()
    }

    /// Takes out what is due, and says when the next deadline passes.
    fn take_due(&self) -> (Vec<(Kept, DeadlineSetting)>, Option<Instant>) {
        let root = lock(&self.root);
        let Some(root) = *root else { return (Vec::new(), None) };
        // SAFETY: whoever gives the root's memory back first takes the lock that is held here.
        let root = unsafe { root.as_ref() };
        let now = self.timer.now();
        let mut due = Vec::new();
        let mut next = None;
        for shard in std::iter::once(&root.shard).chain(root.others()) {
            let mut guard = shard.lock();
            let Some(schedule) = guard.schedule() else { continue };
            let early = fault::is(Fault::EarlyDeadline).then(|| schedule.next()).flatten();
            let mut passed = Vec::new();
            while let Some(one) = schedule.pop_due(early.unwrap_or(now)) {
                passed.push(one);
            }
            next = [next, schedule.next()].into_iter().flatten().min();
            for (node, setting) in passed {
                // SAFETY: a node with an entry is alive under the lock.
                due.extend(unsafe { Kept::keep(node) }.map(|kept| (kept, setting)));
            }
        }
        (due, next)
    }
}

/// The process that runs; asked for when a timer is set, because a child of `fork` has no thread of its parent's timer.
#[cfg(not(any(loom, shuttle)))]
fn process() -> u32 {
    std::process::id()
}

/// A model is one process.
#[cfg(any(loom, shuttle))]
const fn process() -> u32 {
    0
}
