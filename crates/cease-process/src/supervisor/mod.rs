//! The side of the parent: starts a worker's process, exchanges messages with it, and ends it.
//!
//! # How it works
//!
//! The thread that spawns does all of the start itself: the process begins inside its containment, and the spawning thread
//! writes the order and the job to the socket while the program is loaded.
//! A supervisor thread then waits for the end. A caller of `join` takes over from it: see [`crate::ladder::Supervisor`].

mod begin;
mod connection;
mod idle_worker;
mod os_backend;
mod pool_lease;
mod program;
mod shared;
mod start;
mod supervisor_thread;

pub(crate) use begin::{Begun, begin};
pub(crate) use idle_worker::{IdleWorker, NotBegun};
pub(crate) use pool_lease::{PoolHandle, Returned};
pub(crate) use shared::Shared;
pub(crate) use supervisor_thread::SupervisorThread;
