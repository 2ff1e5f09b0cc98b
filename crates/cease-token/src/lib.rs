#![doc = include_str!("../README.md")]

mod cancel_on_stop;
mod token;
mod token_stop;

#[cfg_attr(any(loom, shuttle), path = "blocking_model.rs")]
mod blocking;

#[cfg(not(any(loom, shuttle)))]
mod abort;
#[cfg(not(any(loom, shuttle)))]
mod from_tokio;
#[cfg(not(any(loom, shuttle)))]
mod propagation;
#[cfg(not(any(loom, shuttle)))]
mod stream;
#[cfg(not(any(loom, shuttle)))]
mod task;
#[cfg(not(any(loom, shuttle)))]
mod task_registry;
#[cfg(not(any(loom, shuttle)))]
mod task_state;
#[cfg(not(any(loom, shuttle)))]
mod task_stop;
#[cfg(not(any(loom, shuttle)))]
mod timer;
#[cfg(not(any(loom, shuttle)))]
mod to_tokio;

use cease_core::{Contract, Modelled, RunsOn};

pub use cancel_on_stop::CancelOnStop;
pub use token::Token;
pub use token_stop::TokenStop;

#[cfg(not(any(loom, shuttle)))]
pub use {
    abort::Abort,
    from_tokio::{CANCELLED, FromTokio, StopOnCancel, from_tokio},
    stream::{StopStreamExt, StreamUntilStopped},
    task::{AsyncJob, SpawnTask},
    task_state::RuntimeShutDown,
    task_stop::TaskStop,
    timer::TokioTimer,
    to_tokio::{ToTokio, to_tokio},
};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("token", RunsOn::Task, Modelled::Opaque)
    .technique("a flag is raised and a CancellationToken is cancelled; the job polls the flag, or awaits either")
    .stops_at("a checkpoint, or a wait or an await on the stop or on the CancellationToken")
    .cannot_stop(
        "code without checkpoints, and calls and awaits that wait for neither the stop nor the CancellationToken",
    );

/// What aborting promises.
pub const ABORT_CONTRACT: Contract = Contract::new("abort", RunsOn::Task, Modelled::StdOnly)
    .technique("the future is dropped where it awaits")
    .stops_at("the next await that is not ready")
    .cannot_stop("code between two awaits; and nothing that has to be awaited is done on the way out");
