//! The channel strategy is held to every law, and to the one about items.

use cease_channel::{Channel, Consume, Consumers, Sender, bounded, stop_receiver, unbounded};
use cease_conformance::laws::{Items, Mirror};
use cease_core::{Checkpoint, StopSource, StopToken};

cease_conformance::laws!(channel, cease_channel::Channel::new());
cease_conformance::item_laws!(channel, crate::Handling);
cease_conformance::mirror_law!(channel, crate::Receiving);

/// The receiver of the channel, as law L12 looks at it.
struct Receiving;

impl Mirror for Receiving {
    type Checkpoint = cease_channel::StopReceiver;

    fn follow(&self, stop: &StopToken) -> cease_channel::StopReceiver {
        stop_receiver(stop)
    }

    fn reads_stopped(checkpoint: &cease_channel::StopReceiver) -> bool {
        // Crossbeam's error is another type than the model's, but both print the same.
        format!("{:?}", checkpoint.try_recv()) == "Err(Disconnected)"
    }
}

/// Workers that handle items, as law L17 looks at them.
struct Handling;

impl Items for Handling {
    type Sender = Sender<u32>;
    type Consumers = Consumers<u32>;

    fn open<F>(&self, capacity: Option<usize>, workers: usize, handle: F) -> (Sender<u32>, Consumers<u32>)
    where
        F: Fn(u32, bool) -> bool + Send + Sync + 'static,
    {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let handle = move |item, stop: &cease_channel::StopReceiver| {
            if handle(item, stop.is_stop_requested()) { Err(item) } else { Ok(()) }
        };
        let consumers = Channel::new().consume(workers, receiver, StopSource::new(), handle);
        (sender, consumers.expect("a law starts only a few workers"))
    }

    fn send(sender: &Sender<u32>, item: u32) -> bool {
        sender.send(item).is_ok()
    }

    fn send_until_stopped(sender: &Sender<u32>, item: u32, stop: &StopToken) -> bool {
        sender.send_until_stopped(item, &stop_receiver(stop)).is_ok()
    }

    fn stop(consumers: &Consumers<u32>) {
        consumers.stop();
    }

    fn close(consumers: &Consumers<u32>) {
        consumers.close();
    }

    fn join(consumers: Consumers<u32>) -> (u64, Vec<u32>) {
        let consumed = consumers.join();
        consumed.exits.into_iter().for_each(|exit| {
            if let cease_core::Exit::Panicked(panic) = exit {
                panic.resume();
            }
        });
        (consumed.handled, consumed.left)
    }
}
