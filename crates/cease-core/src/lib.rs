#![doc = include_str!("../README.md")]

pub mod ambient;
pub mod sync;

mod checkpoint;
mod contract;
mod edge;
mod exit;
mod fault;
mod job;
mod noticed;
mod reason;
mod stop;
mod strategy;
mod thread;
mod worker;

pub use checkpoint::{Checkpoint, Chunks};
pub use contract::{Contract, Exception, Law, Modelled, RunsOn};
pub use edge::{Edge, Swallowed};
pub use exit::{Exit, Panic};
#[doc(hidden)]
pub use fault::Fault;
pub use job::Job;
pub use noticed::{Noticed, Watched};
pub use reason::{Payload, Reason, Stopped};
pub use stop::{
    Alarm, Deadline, DeferredCallbacks, Linked, NeverStops, OnStop, Request, StopCallback, StopGuard, StopSource,
    StopToken, Timer, TimerError, UntilStopped, WaitError,
};
pub use strategy::{SpawnError, SpawnFn, Strategy};
pub use thread::ThreadBuilder;
pub use worker::{JoinError, Running, ScopedWorker, Worker};
