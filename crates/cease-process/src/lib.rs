//! Stops a worker by ending the process that it runs in.

pub mod containment;
pub mod ladder;
mod patience;
pub mod pidfd;
mod procfs;
pub mod tree;
