#![doc = include_str!("../README.md")]

#[cfg(not(target_os = "linux"))]
compile_error!("cease-process is for Linux: it ends processes by pidfds and cgroups");

pub mod cgroup;
pub mod containment;
pub mod ladder;
pub mod pidfd;
pub mod tree;
pub mod vfork;

mod descriptor;
mod ended;
mod exit_pipe;
mod frame;
mod member;
mod message;
mod options;
mod pool;
mod process;
mod procfs;
mod report;
mod supervisor;
mod timeout;
mod travels;
mod watch_escalated;
mod worker;

use cease_core::{Contract, Exception, Law, Modelled, RunsOn};

pub use frame::FrameError;
pub use message::RemotePanic;
pub use options::Progress;
pub use pool::Pool;
pub use process::{Process, Watch};
pub use report::{StartError, StopReport};
pub use travels::{Entry, RemoteJob, job};
pub use watch_escalated::WatchEscalated;
pub use worker::{due, init, log, progress};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("process", RunsOn::Process, Modelled::StdOnly)
    .technique(
        "a process of its own is asked, then told by SIGTERM, then ended by SIGKILL, with all that it has started",
    )
    .stops_at("a checkpoint, and after that anywhere")
    .cannot_stop("a process that waits in the kernel for a device that does not answer")
    .exceptions(&[
        Exception::new(Law::L3, "memory is not shared: what the job knows is what has travelled"),
        Exception::new(Law::L8, "nothing runs after join, but what was ended by a signal ran no destructors"),
    ]);
