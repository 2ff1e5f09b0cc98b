#![doc = include_str!("../README.md")]

pub mod current;
pub mod sync;

mod apart;
mod boundary;
mod checkpoint;
mod contract;
mod exit;
mod fallible;
mod fault;
mod guard;
mod job;
mod observed;
mod panic;
mod reason;
mod stop;
mod stopped;
mod strategy;
mod thread;
mod thread_strategy;
mod worker;

pub use boundary::{Swallowed, UnwindBoundary};
pub use checkpoint::{Checkpoint, Chunks};
pub use contract::{Contract, Exception, Law, Modelled, RunsOn};
pub use exit::Exit;
pub use fallible::{JobError, attempt};
#[doc(hidden)]
pub use fault::Fault;
pub use guard::StopGuard;
pub use job::Job;
pub use observed::{StopObserved, Watched};
pub use panic::Panic;
pub use reason::{Cause, Payload, Reason};
pub use stop::{
    Alarm, CallbackGuard, Deadline, DeferredCallbacks, LinkedToken, NeverStops, PinnedCallback, Request, StopSource,
    StopToken, StoppedFuture, Timer, TimerError, WaitError,
};
pub use stopped::Stopped;
pub use strategy::{SpawnError, SpawnFn, Strategy};
pub use thread::ThreadBuilder;
pub use thread_strategy::{JobBoundary, Technique, ThreadStrategy};
pub use worker::{JoinError, JoinFuture, ScopedWorker, Worker, WorkerHandle};
