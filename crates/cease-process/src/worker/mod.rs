//! The side of the worker: from the first line of `main` to the end of the process.
//!
//! # How it works
//!
//! A worker is the same program, started once more, with a socket as its standard input and an environment variable that
//! names the inode of that socket; a process whose standard input is another file is no worker, even if it inherits the variable.
//! The worker moves the socket away from its standard input before code of the user runs, sends its greeting, and receives a job.
//! A listening thread takes in stops, and kills the tree when the supervising process has ended.

mod current;
mod identity;
mod inbox;
mod inherited;
mod init;
mod job;
mod link;
mod namespace_init;
mod pooled;

pub(crate) use identity::{MARK, build, number_of};
pub(crate) use init::init_ran;
pub(crate) use namespace_init::{NAMESPACE_INIT, is_told as first_is_told};

pub use current::due;
pub use init::init;
pub use link::{log, progress};
