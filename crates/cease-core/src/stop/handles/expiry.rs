//! What happens when a deadline passes: its node is kept until it was stopped.
#![allow(unsafe_code, reason = "keeps a node without a handle")]

use std::ops::Deref;
use std::ptr::NonNull;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::data::request::{DeadlineSetting, Request};
use crate::stop::data::state::KEPT;
use crate::stop::data::timer::{Passed, Tree};
use crate::stop::protocol::lifecycle;
use crate::stop::tree::node::Node;
use crate::stop::tree::root::Root;

/// Keeps a node, also when its last handle goes meanwhile.
pub(crate) struct NodeHold(NonNull<Node>);

// SAFETY: a node may be used from any thread.
unsafe impl Send for NodeHold {}

impl NodeHold {
    /// Keeps `node`; `None` when it is not open, is kept already, or its memory is about to be freed.
    ///
    /// # Safety
    ///
    /// The lock of the node is held, and the node is alive.
    pub(crate) unsafe fn keep(node: NonNull<Node>) -> Option<Self> {
        // SAFETY: by the caller's promise it is alive.
        let this = unsafe { node.as_ref() };
        // A root has to be kept besides, which fails when its memory is about to be given back.
        let free = this.is_open() && !this.state.has(KEPT);
        let kept = free && this.as_root().is_none_or(Root::keep) && !this.state.set(KEPT);
        kept.then(|| Self(node))
    }
}

impl Deref for NodeHold {
    type Target = Node;

    fn deref(&self) -> &Node {
        // SAFETY: a node that is kept stays where it is.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for NodeHold {
    fn drop(&mut self) {
        // SAFETY: it was kept by this, and is not used again.
        unsafe { lifecycle::let_go(self.0) };
    }
}

// SAFETY: a root is given back only after the alarm was told to forget it, and nodes are reached only under the locks of
// their shards, which may be taken on any thread.
unsafe impl Tree for Root {
    fn next(&self) -> Option<Instant> {
        let shards = std::iter::once(&self.shard).chain(self.others());
        shards.filter_map(|shard| shard.lock().peek_schedule()?.next()).min()
    }

    fn take_due(&self, now: Instant) -> (Box<dyn Passed>, Option<Instant>) {
        let mut due = Vec::new();
        let mut next = None;
        for shard in std::iter::once(&self.shard).chain(self.others()) {
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
                due.extend(unsafe { NodeHold::keep(node) }.map(|kept| (kept, setting)));
            }
        }
        (Box::new(HeldNodes(due)), next)
    }
}

/// Nodes that are kept, and how their deadlines were set.
struct HeldNodes(Vec<(NodeHold, DeadlineSetting)>);

impl Passed for HeldNodes {
    fn stop(self: Box<Self>) -> Vec<Box<dyn FnOnce() + Send>> {
        let mut calls: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for (node, setting) in self.0 {
            let Some(mut notifications) = node.request(Request::of_deadline(&setting)) else { continue };
            notifications.wake();
            if notifications.has_calls() {
                calls.push(Box::new(move || {
                    notifications.call();
                    drop(node);
                }));
            }
        }
        calls
    }
}
