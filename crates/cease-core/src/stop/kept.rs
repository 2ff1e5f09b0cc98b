//! A node whose deadline has passed, kept until it was stopped.
#![allow(unsafe_code, reason = "keeps a node without a handle")]

use std::ops::Deref;
use std::ptr::NonNull;

use crate::stop::node::Node;
use crate::stop::node_ref;
use crate::stop::shard::Root;
use crate::stop::state::KEPT;

/// Keeps a node, also when its last handle goes meanwhile.
pub(crate) struct Kept(NonNull<Node>);

// SAFETY: a node may be used from any thread.
unsafe impl Send for Kept {}

impl Kept {
    /// Keeps `node`; none when somebody does already, or nobody is left to be stopped.
    ///
    /// # Safety
    ///
    /// The lock of the node is held, and the node is alive.
    pub(super) unsafe fn keep(node: NonNull<Node>) -> Option<Self> {
        // SAFETY: by the caller's promise it is alive.
        let this = unsafe { node.as_ref() };
        // A root has to be kept besides, which fails when its memory is about to be given back.
        let free = this.is_open() && !this.state.has(KEPT);
        let kept = free && this.as_root().is_none_or(Root::keep) && !this.state.set(KEPT);
        kept.then(|| Self(node))
    }
}

impl Deref for Kept {
    type Target = Node;

    fn deref(&self) -> &Node {
        // SAFETY: a node that is kept stays where it is.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: it was kept by this, and is not used again.
        unsafe { node_ref::let_go(self.0) };
    }
}
