//! The tree: a shard, the nodes in it, and the root; data and locks only.

pub(crate) mod node;
pub(crate) mod root;
pub(crate) mod shard;
