#![doc = include_str!("../README.md")]

mod consume;
mod items;
mod library;
mod refused;
#[cfg(any(loom, shuttle, test))]
mod stand_in;
mod stop_receiver;

use cease_core::{Contract, Modelled, RunsOn, StopToken, Stopped, Technique, ThreadStrategy};

pub use consume::{Consume, Consumed, Consumers};
pub use items::{Receiver, Sender, bounded, unbounded};
pub use refused::{SendError, SendUntilStoppedError, TrySendError};
pub use stop_receiver::{StopReceiver, stop_receiver};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("channel", RunsOn::Thread, Modelled::StandIn)
    .technique(
        "a flag is raised and a channel is disconnected; the job polls the flag, or waits in `select!` for the channel",
    )
    .stops_at("a checkpoint, a wait on the token, or a `select!` with the stop in it")
    .cannot_stop("code without checkpoints, and blocking calls that wait for neither the channel nor the token");

/// Runs each job on a thread of its own, and stops it by disconnecting a channel.
///
/// A value of it is a set of options: each worker spawned from it gets a thread and, unless the caller passes a source, a
/// source of its own. It is a [`ThreadStrategy`], whose page lists the methods; [`Consume`] adds workers that handle items.
///
/// ```
/// use cease_channel::Channel;
/// use cease_core::{Checkpoint, SpawnFn};
/// use crossbeam_channel::{select, unbounded};
///
/// let (sender, lines) = unbounded::<String>();
/// let worker = Channel::new().name("reader").spawn_fn(move |stop| {
///     loop {
///         select! {
///             recv(lines) -> line => drop(line),
///             recv(stop) -> _ => stop.check()?,
///         }
///     }
///     # #[allow(unreachable_code)] Ok(())
/// });
/// let worker = worker.unwrap();
/// worker.stop();
/// assert!(worker.join().unwrap().as_stopped().is_some());
/// # drop(sender);
/// ```
pub type Channel = ThreadStrategy<ByChannel>;

/// The technique of [`Channel`]: the checkpoint is a [`StopReceiver`].
#[derive(Debug)]
pub enum ByChannel {}

impl Technique for ByChannel {
    type Boundary = StopToken;
    type Checkpoint = StopReceiver;
    const CONTRACT: &'static Contract = &CONTRACT;

    fn run<T>(stop: &StopToken, job: impl FnOnce(&StopReceiver) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(&stop_receiver(stop))
    }
}
