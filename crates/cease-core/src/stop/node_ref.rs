//! A counted pointer to a node, and what happens when the last one goes.
#![allow(unsafe_code, reason = "counts references by hand")]

use std::ops::Deref;
use std::ptr::NonNull;

use crate::stop::node::Node;
use crate::stop::shard::{Root, Shard};
use crate::stop::tree;

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

impl NodeRef {
    /// The node of a new root.
    pub(crate) fn root() -> Self {
        Self(Root::allocate().cast())
    }

    /// A node that belongs into `home`, and is not in its list yet.
    pub(super) fn child(home: &Shard) -> Self {
        Self::allocate(Some(NonNull::from(home)))
    }

    /// A node that is in no list.
    pub(super) fn stillborn() -> Self {
        Self::allocate(None)
    }

    /// A node on the heap, written where it stays: writing it elsewhere first and copying it costs as much as a lock.
    #[inline]
    fn allocate(home: Option<NonNull<Shard>>) -> Self {
        let place = NonNull::from(Box::leak(Box::<Node>::new_uninit())).cast::<Node>();
        // SAFETY: the place is big enough, and nobody else has it.
        unsafe { place.write(Node::new(home)) };
        Self(place)
    }

    /// Whether this is the only handle, and stays the only one for as long as nobody clones it.
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

/// Takes a node out of its list, and gives its memory back.
///
/// # Safety
///
/// The caller has the only handle, and does not use it again.
unsafe fn end(node: NonNull<Node>) {
    // SAFETY: the handle keeps the node.
    let this = unsafe { node.as_ref() };
    let Some(home) = this.home() else {
        // SAFETY: a node that is in no list came from a box, and nobody else has it.
        drop(unsafe { Box::from_raw(node.as_ptr()) });
        return;
    };
    if let Some(root) = this.as_root() {
        // SAFETY: the node of a root stands at its address, and this was its only handle.
        unsafe { end_root(root) };
        return;
    }
    let mut guard = home.lock();
    if this.is_open() && this.is_orphan() {
        this.close(guard).settle();
        guard = home.lock();
    }
    // SAFETY: the lock is held, and the node is in the list.
    unsafe { tree::remove(this) };
    let gives_up_root = guard.gives_up_root();
    drop(guard);
    let root = home.root;
    // SAFETY: it came from a box, nobody else has it, and it is out of the list.
    drop(unsafe { Box::from_raw(node.as_ptr()) });
    // SAFETY: the share of the shard keeps the root until it is given back.
    if gives_up_root && unsafe { root.as_ref() }.release() {
        // SAFETY: nothing keeps the root any more.
        drop(unsafe { Box::from_raw(root.as_ptr()) });
    }
}

/// Lets a root go, for as long as there are nodes below it.
///
/// # Safety
///
/// The caller had the only handle.
unsafe fn end_root(root: &Root) {
    let this = NonNull::from(root);
    if root.fruitful.is_raised() {
        root.node.close(root.shard.lock()).settle();
        if !root.orphan() {
            return;
        }
    }
    // SAFETY: nothing keeps the root any more, and it came from a box.
    drop(unsafe { Box::from_raw(this.as_ptr()) });
}
