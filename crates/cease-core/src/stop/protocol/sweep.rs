//! A sweep: it visits everything below a node, in portions.
//!
//! # How it works
//!
//! A subtree is a stretch of its list; a sweep visits it from the front to the back.
//! After each portion the sweep releases the lock, so that no thread waits for a million nodes; a cursor in the list keeps
//! the place.
//! Meanwhile nodes come and go. One that is born below a node that was marked is marked at its birth, and one that is born
//! below any other stands behind it, and so behind the cursor.
//!
//! A later request that finds a sweep in the middle waits for its end: whenever a request returns,
//! every descendant reads stopped.
#![allow(unsafe_code, reason = "goes through an intrusive list")]

use std::pin::pin;

use crate::fault::{self, Fault};
use crate::stop::data::brackets::{self, Bracket, Mark};
use crate::stop::data::request::RequestRef;
use crate::stop::data::schedule::Scope;
use crate::stop::data::state::ORPHAN;
use crate::stop::protocol::notify::Notifications;
use crate::stop::tree::node::Node;
use crate::stop::tree::shard::Guard;

/// How many places are gone through in one hold of the lock; in a model few, so that it pauses at all.
const PORTION: usize = if cfg!(any(loom, shuttle)) { 3 } else { 512 };

/// What is done with each node.
pub(crate) trait Visitor {
    /// Visits a node under its lock; false when what lies below it is to be left out.
    fn visit(&mut self, node: &Node) -> bool;

    /// The lock is about to be let go.
    fn end_portion(&mut self);
}

/// Visits `top` and everything below it; `guard` is the lock of `top`.
pub(crate) fn from(top: &Node, guard: Guard<'_, Node>, visitor: &mut impl Visitor) {
    let descend = visitor.visit(top);
    let Some(root) = top.as_root() else {
        // SAFETY: the lock is held.
        if descend && let Some((from, until)) = unsafe { brackets::below(top) } {
            portions(guard, from, until, visitor);
        } else {
            visitor.end_portion();
        }
        return;
    };
    // Loaded after the root was marked and under its lock: a call that adds shards does so before, or not at all.
    let spread = root.others().next().is_some() && !fault::is(Fault::ShardsApart);
    let mut guard = guard;
    if spread {
        guard.begin_sweep();
    }
    let anchor = Bracket::anchor(&root.shard.anchor);
    portions(guard, anchor, anchor, visitor);
    for shard in root.others().filter(|_| !fault::is(Fault::ShardNotSwept)) {
        let anchor = Bracket::anchor(&shard.anchor);
        portions(shard.lock(), anchor, anchor, visitor);
    }
    if spread {
        root.shard.lock().end_sweep();
    }
}

/// Visits what stands between two places, and lets go of the lock.
fn portions(mut guard: Guard<'_, Node>, from: Bracket<Node>, until: Bracket<Node>, visitor: &mut impl Visitor) {
    let cursor = pin!(Mark::new());
    let mut place = from.next();
    let mut paused = false;
    loop {
        for _ in 0..PORTION {
            if place == until {
                visitor.end_portion();
                if paused {
                    guard.end_sweep();
                }
                return;
            }
            place = match place.opening() {
                // SAFETY: the lock is held.
                Some(node) if !visitor.visit(node) => unsafe { brackets::behind(node) },
                _ => place.next(),
            };
        }
        visitor.end_portion();
        if !paused {
            guard.begin_sweep();
            paused = true;
        }
        // SAFETY: the lock is held, and the cursor is taken out below.
        unsafe { brackets::put_cursor(&cursor, place) };
        guard = guard.pause();
        // SAFETY: the lock is held, and the cursor was put there above.
        place = unsafe { brackets::take_cursor(&cursor) };
        if fault::is(Fault::CursorSkips) && place != until {
            place = place.next();
        }
    }
}

/// Notes at everything below `top`, which got a deadline of its own at `scope`, that this is now nearer than `before`.
pub(crate) fn rescope(top: &Node, guard: &mut Guard<'_, Node>, before: Scope, scope: Scope) {
    if top.as_root().is_some() {
        // The deadline of a root holds for every node, and is in no node's chain.
        return;
    }
    // SAFETY: the lock is held.
    let Some((from, until)) = (unsafe { brackets::below(top) }) else { return };
    let mut place = from.next();
    while place != until {
        match place.opening() {
            Some(node) if node.scope() == before => node.set_scope(scope),
            Some(node) => guard.schedule_or_new().put_below(node.scope(), before, scope),
            None => {}
        }
        place = place.next();
    }
}

/// Marks nodes as stopped, and takes out everything that waits at them.
pub(crate) struct Stopping<'a> {
    top: &'a Node,
    request: RequestRef,
    /// How many nodes were marked whose shares were not added yet.
    marked: u32,
    notifications: Notifications,
}

impl<'a> Stopping<'a> {
    pub(crate) fn new(top: &'a Node, request: RequestRef) -> Self {
        Self { top, request, marked: 0, notifications: Notifications::default() }
    }

    /// What is to be done once the sweep is over.
    pub(crate) fn into_notifications(self) -> Notifications {
        self.notifications.of_request(self.request)
    }
}

impl Visitor for Stopping<'_> {
    #[inline]
    fn visit(&mut self, node: &Node) -> bool {
        if let Some(state) = node.state.unmarked() {
            let waiters = node.mark(state, self.request.as_raw(), !std::ptr::eq(node, self.top));
            self.marked += 1;
            self.notifications.take(node, waiters);
        }
        !fault::is(Fault::ShallowSweep) || std::ptr::eq(node, self.top)
    }

    fn end_portion(&mut self) {
        self.request.add_shares(std::mem::take(&mut self.marked));
    }
}

/// Marks nodes that no request can reach any more, and removes all their waiters.
pub(crate) struct Closing<'a> {
    top: &'a Node,
    notifications: Notifications,
}

impl<'a> Closing<'a> {
    pub(crate) fn new(top: &'a Node) -> Self {
        Self { top, notifications: Notifications::default() }
    }

    /// What is to be done once the sweep is over.
    pub(crate) fn into_notifications(self) -> Notifications {
        self.notifications
    }
}

impl Visitor for Closing<'_> {
    fn visit(&mut self, node: &Node) -> bool {
        if !node.is_open() {
            return false;
        }
        if node.has_source() && !std::ptr::eq(node, self.top) {
            if !fault::is(Fault::OrphanUnmarked) {
                node.state.set(ORPHAN);
            }
            return false;
        }
        let waiters = node.mark_closed();
        self.notifications.take(node, waiters);
        true
    }

    fn end_portion(&mut self) {}
}
