//! The protocol: what a request does to a tree, and the life of a node.

pub(crate) mod lifecycle;
pub(crate) mod notify;
pub(crate) mod sweep;
