//! The handles: sources, tokens, guards, futures, deadlines and links.

pub(crate) mod blocking;
pub(crate) mod callback;
pub(crate) mod children;
pub(crate) mod deadline;
pub(crate) mod deferred;
pub(crate) mod expiry;
pub(crate) mod follow;
pub(crate) mod future;
pub(crate) mod link;
pub(crate) mod source;
pub(crate) mod token;
pub(crate) mod waiting;
