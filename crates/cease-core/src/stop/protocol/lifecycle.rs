//! The life of a node: the counted pointer to it, the birth of a child, a request, the end of the last source, and the end
//! of the last pointer.
//!
//! A request marks the whole subtree and takes out everything that waits in it under the lock. Then, with no lock held, it
//! wakes threads and tasks and calls callbacks, in this order: a slow callback delays no thread and no task that waits.
#![allow(unsafe_code, reason = "counts references by hand")]

use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::fault::{self, Fault};
use crate::stop::data::attached;
use crate::stop::data::brackets::{self, Bracket};
use crate::stop::data::request::{Request, RequestRef};
use crate::stop::data::schedule::Scope;
use crate::stop::data::state::{KEPT, LEFT, LINKED, NO_SOURCE, ORPHAN, Unmarked};
use crate::stop::protocol::notify::Notifications;
use crate::stop::protocol::sweep::{self, Closing, Stopping};
#[cfg(not(any(loom, shuttle)))]
use crate::stop::tree::node::NEVER;
use crate::stop::tree::node::Node;
use crate::stop::tree::root::Root;
use crate::stop::tree::shard::{Guard, Shard};

/// What sources, tokens and guards hold: a handle of a node.
///
/// It is like `Arc`, but a node that loses its last handle also leaves its list, and the memory of a child is that of the
/// node and no more.
#[derive(Debug)]
pub(crate) struct NodeRef(NonNull<Node>);

// SAFETY: a node is `Send` and `Sync`, and handles are counted by an atomic.
unsafe impl Send for NodeRef {}
// SAFETY: as above.
unsafe impl Sync for NodeRef {}

// A panic of a callback or a waker is caught where it is called, so no unwinding leaves a node's lists half changed.
impl UnwindSafe for NodeRef {}
impl RefUnwindSafe for NodeRef {}

impl NodeRef {
    /// The node of a new root.
    pub(crate) fn root() -> Self {
        Self(Root::allocate().cast())
    }

    /// A node that belongs into `home`, and is not in its list yet.
    fn in_shard(home: &Shard<Node>) -> Self {
        Self::allocate(Some(NonNull::from(home)))
    }

    /// A node that is in no list.
    fn in_no_list() -> Self {
        Self::allocate(None)
    }

    /// A node on the heap, written where it stays: writing it elsewhere first and copying it costs as much as a lock.
    #[inline]
    fn allocate(home: Option<NonNull<Shard<Node>>>) -> Self {
        let place = NonNull::from(Box::leak(Box::<Node>::new_uninit())).cast::<Node>();
        // SAFETY: the place is big enough, and no other code has it.
        unsafe { place.write(Node::new(home)) };
        Self(place)
    }

    /// A handle of the node that can never stop, which is a static; this one is not counted.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn never() -> Self {
        Self(NonNull::from_ref(&NEVER))
    }

    /// A handle of a node that can never stop; a model has no statics of its types.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn never() -> Self {
        let node = Self::in_no_list();
        node.state.set(NO_SOURCE);
        node
    }

    /// Whether both are handles of one node.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0 || self.is_never() && other.is_never()
    }

    /// The address of the node, the same for all that can never stop from the start.
    pub(crate) fn identity(&self) -> Option<NonNull<Node>> {
        (!self.is_never()).then_some(self.0)
    }

    /// Whether the node was made without a source.
    fn is_never(&self) -> bool {
        self.home.is_none() && !self.is_stop_requested()
    }

    /// Whether this is the only handle, and stays the only one until it is cloned.
    pub(crate) fn is_alone(&self) -> bool {
        self.handles.is_one()
    }
}

impl Deref for NodeRef {
    type Target = Node;

    #[inline]
    fn deref(&self) -> &Node {
        // SAFETY: this handle keeps the node.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for NodeRef {
    fn clone(&self) -> Self {
        self.handles.add(1);
        Self(self.0)
    }
}

impl Drop for NodeRef {
    #[inline]
    fn drop(&mut self) {
        if self.handles.release() {
            // SAFETY: this is the only handle, and is not used again.
            unsafe { end(self.0) };
        }
    }
}

impl Node {
    /// A child with one source, stopped when this is.
    pub(crate) fn child(&self) -> NodeRef {
        let seen_open = fault::is(Fault::BirthUnseen) && !self.is_stop_requested();
        if self.home.is_none() {
            // Below a node that can never stop, a source is stopped by itself only.
            return if self.is_stop_requested() { self.already_stopped() } else { NodeRef::root() };
        }
        let (guard, parent, scope) = match self.as_root() {
            Some(root) => {
                let guard = root.child_shard();
                let anchor = Bracket::anchor(&guard.shard().anchor);
                (guard, anchor, Scope::NONE)
            }
            None => {
                let guard = self.lock();
                let scope = self.scope();
                (guard, Bracket::open(self), scope)
            }
        };
        // A request marks a node before it goes through the list that this lock guards, so it either is seen here, or finds
        // the child in the list (law L12).
        if self.state.unmarked().is_none() && !seen_open {
            drop(guard);
            return self.already_stopped();
        }
        let child = NodeRef::in_shard(guard.shard());
        if self.state.has(NO_SOURCE) {
            child.state.set(ORPHAN);
        }
        if scope != Scope::NONE {
            child.set_scope(scope);
        }
        // SAFETY: the lock is held. The child was just made, and takes itself out before it goes away.
        unsafe { brackets::insert(parent, &child) };
        child
    }

    /// A child of this node, which is stopped.
    fn already_stopped(&self) -> NodeRef {
        let child = NodeRef::in_no_list();
        let request = self.share_request().expect("a node that is stopped has a request");
        // A node that was just created has no waiters.
        let _ = child.mark(Unmarked::NEW, request.as_raw(), true);
        std::mem::forget(request);
        child
    }
}

impl Node {
    /// Stops this node and every one below it; what is to be woken and called, when this was the first request.
    pub(crate) fn request(&self, request: Request) -> Option<Notifications> {
        let guard = match self.home().map(Shard::lock) {
            Some(guard) if self.is_open() => guard,
            late => {
                self.late_request(late, request);
                return None;
            }
        };
        let mut stopping = Stopping::new(self, RequestRef::new(request));
        sweep::from(self, guard, &mut stopping);
        Some(stopping.into_notifications())
    }

    /// Counts one source less; after the last one here and above, no request can come any more.
    ///
    /// `alone` says that no other handle refers to this node: then it has no waiter to notify, and the nodes below are notified
    /// when the node goes away, which is at once.
    pub(crate) fn drop_source(&self, alone: bool) {
        if alone || !self.remove_source() || fault::is(Fault::OrphanNotTold) {
            return;
        }
        if self.home().is_some() {
            self.close(self.lock()).settle();
        }
    }

    /// Notes that no source is left, here and for all below that have none of their own, if no source above is left.
    pub(crate) fn close(&self, guard: Guard<'_, Node>) -> Notifications {
        let mut closing = Closing::new(self);
        if self.is_open() && self.is_orphan() {
            sweep::from(self, guard, &mut closing);
        }
        closing.into_notifications()
    }
}

/// Takes a node out of its list, and gives its memory back, unless something else keeps it.
///
/// # Safety
///
/// The caller has the only handle, and does not use it again.
unsafe fn end(node: NonNull<Node>) {
    // SAFETY: the handle keeps the node.
    let this = unsafe { node.as_ref() };
    let Some(home) = this.home() else {
        // Handles of the static are made without counting, so that each may be taken for the last.
        #[cfg(not(any(loom, shuttle)))]
        if node == NonNull::from_ref(&NEVER) {
            return;
        }
        // SAFETY: a node that is in no list came from a box, and no other code has it.
        drop(unsafe { Box::from_raw(node.as_ptr()) });
        return;
    };
    if let Some(root) = this.as_root() {
        // SAFETY: it stands at the address of its node, and this was the only handle.
        unsafe { end_root(NonNull::from(root)) };
        return;
    }
    let mut guard = home.lock();
    let asks = guard.peek_schedule().is_some() && (guard.is_armed(this) || passed(this));
    if this.is_open() && this.state.has(ORPHAN) && !asks {
        this.close(guard).settle();
        guard = home.lock();
    }
    if guard.peek_schedule().is_none() {
        // SAFETY: it is in the list, and without deadlines no `NodeHold` keeps it.
        unsafe { take_out(node, guard) };
    } else if this.state.has(KEPT) || has_deadline_for_others(this, &guard) {
        this.mark_left(asks);
    } else {
        // SAFETY: it is in the list, and no `NodeHold` keeps it.
        unsafe { take_out_with_parents(node, guard) };
    }
}

/// Lets go of a node that was kept because its deadline had passed.
///
/// # Safety
///
/// The caller kept it, and does not use it again.
pub(crate) unsafe fn let_go(node: NonNull<Node>) {
    // SAFETY: it is kept until here.
    let this = unsafe { node.as_ref() };
    let guard = this.lock();
    this.state.clear(KEPT);
    if let Some(root) = this.as_root() {
        drop(guard);
        // SAFETY: the caller's share is not used again.
        unsafe { release_root(NonNull::from(root)) };
        return;
    }
    if this.state.has(LEFT) && !has_deadline_for_others(this, &guard) {
        // SAFETY: it is in the list, and no `NodeHold` keeps it.
        unsafe { take_out_with_parents(node, guard) };
    }
}

/// Whether its deadline has passed just now, and is about to ask.
fn passed(node: &Node) -> bool {
    node.state.has(KEPT) && !fault::is(Fault::PassedForgotten)
}

/// Whether there are nodes below it for which its deadline counts.
fn has_deadline_for_others(node: &Node, guard: &Guard<'_, Node>) -> bool {
    // SAFETY: the lock is held.
    guard.has_entry(node) && unsafe { brackets::has_children(node) }
}

/// Takes a node out, and those above it that were kept only for its sake.
///
/// # Safety
///
/// `guard` is the lock of the node, which is in the list, without a handle or a `NodeHold`.
#[cold]
unsafe fn take_out_with_parents(node: NonNull<Node>, mut guard: Guard<'_, Node>) {
    let mut gone = Vec::new();
    let mut idle = None;
    let mut last = node;
    loop {
        // SAFETY: it is in the list.
        let this = unsafe { last.as_ref() };
        // SAFETY: the lock is held.
        let childless = !unsafe { brackets::has_children(this) };
        // SAFETY: the lock is held, and the node has no children.
        let parent = if childless { unsafe { brackets::only_child_of(this) } } else { None };
        idle = guard.forget_entry(this).or(idle);
        let Some(parent) = parent.filter(|parent| parent.state.is_left_to_children()) else { break };
        // SAFETY: the lock is held, and the node is in the list.
        unsafe { brackets::remove(this) };
        gone.push(std::mem::replace(&mut last, NonNull::from(parent)));
    }
    // SAFETY: it is in the list, and no `NodeHold` keeps it.
    unsafe { take_out(last, guard) };
    for node in gone {
        // SAFETY: it came from a box, is out of the list, and no other code has it.
        drop(unsafe { Box::from_raw(node.as_ptr()) });
    }
    if let Some(clock) = idle {
        clock.release();
    }
}

/// Takes a node out, and gives its memory back.
///
/// # Safety
///
/// As for [`take_out_with_parents`], and no node above was kept for its sake.
#[inline(always)]
unsafe fn take_out(node: NonNull<Node>, guard: Guard<'_, Node>) {
    // SAFETY: it is in the list.
    let this = unsafe { node.as_ref() };
    // SAFETY: the lock is held, and the node is in the list.
    unsafe { brackets::remove(this) };
    let (root, gives_up_root) = (guard.shard().top.cast::<Root>(), guard.gives_up_root());
    drop(guard);
    // What a request owns may be anything, so it is given back with no lock held.
    // SAFETY: it came from a box, is out of the list, and no other code has it.
    drop(unsafe { Box::from_raw(node.as_ptr()) });
    if gives_up_root {
        // SAFETY: the share of the shard is not used again.
        unsafe { release_root(root) };
    }
}

/// Lets a root go, for as long as there are nodes below it.
///
/// # Safety
///
/// The caller had the only handle.
unsafe fn end_root(root: NonNull<Root>) {
    // SAFETY: its handles keep it until here.
    let this = unsafe { root.as_ref() };
    if this.is_plain() {
        // SAFETY: it came from a box, and no other code ever had it.
        drop(unsafe { Box::from_raw(root.as_ptr()) });
        return;
    }
    if this.had_children.is_raised() {
        let guard = this.shard.lock();
        if guard.is_armed(&this.node) || passed(&this.node) || is_linked(&this.node) {
            this.node.mark_left(true);
            drop(guard);
        } else {
            this.node.close(guard).settle();
        }
        this.orphan();
    }
    // SAFETY: the share of the handles is not used again.
    unsafe { release_root(root) };
}

/// Whether a link may still stop it.
fn is_linked(root: &Node) -> bool {
    root.state.has(LINKED) && !fault::is(Fault::LinkForgotten)
}

/// Gives a share in a root back, and the root with the last one.
///
/// # Safety
///
/// The caller has a share, and does not use it again.
unsafe fn release_root(root: NonNull<Root>) {
    // SAFETY: the share keeps it.
    if !unsafe { root.as_ref() }.release() {
        return;
    }
    // SAFETY: nothing keeps the root any more, so no other code frees it.
    let attached = unsafe { root.as_ref() }.forget();
    // SAFETY: it came from a box, and no code reads it any more.
    drop(unsafe { Box::from_raw(root.as_ptr()) });
    // It has handles of other trees.
    if let Some(attached) = attached {
        attached::drop_in_turn(attached);
    }
}
