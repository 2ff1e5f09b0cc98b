//! Workers that handle the items of a channel, and hand back those that they do not handle.

use std::any::Any;

use cease_core::sync::Arc;
use cease_core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use cease_core::{Checkpoint, Exit, Fault, Reason, SpawnError, StopSource, Stopped, Worker};

use crate::items::Queue;
use crate::library::{self, Next};
use crate::{Channel, Receiver, StopReceiver};

/// Workers that handle the items of a channel: what [`Channel`] does beside running jobs.
///
/// ```
/// use cease_channel::{Channel, Consume, bounded};
/// use cease_core::StopSource;
///
/// let (sender, receiver) = bounded(8);
/// let consumers = Channel::new().consume(2, receiver, StopSource::new(), |number: u32, _stop| {
///     println!("{number}");
///     Ok(())
/// })?;
/// for number in 0..10 {
///     sender.send(number)?;
/// }
/// drop(sender);
/// let consumed = consumers.join();
/// assert_eq!((consumed.handled, consumed.left.len()), (10, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Consume: sealed::Sealed {
    /// Starts `workers` workers that call `handle` with each item of `receiver`, and are stopped through `source`.
    ///
    /// They end when the channel was closed and they have handled every item in it.
    /// A stop ends each worker after the item that it handles. `handle` also gets the stop; it leaves an item early by
    /// returning it as the error, and the item is handed back.
    /// The channel is closed when the last worker has ended, unless the caller keeps another clone of `receiver`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the receiver in it, when a worker could not be started. The workers that were started are then
    /// stopped through `source` and joined, and the items that they did not handle are still in the channel.
    ///
    /// # Panics
    ///
    /// When `workers` is zero.
    fn consume<T, F>(
        &self,
        workers: usize,
        receiver: Receiver<T>,
        source: StopSource,
        handle: F,
    ) -> Result<Consumers<T>, SpawnError<Receiver<T>>>
    where
        T: Send + 'static,
        F: Fn(T, &StopReceiver) -> Result<(), T> + Send + Sync + 'static;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for crate::Channel {}
}

impl Consume for Channel {
    fn consume<T, F>(
        &self,
        workers: usize,
        receiver: Receiver<T>,
        source: StopSource,
        handle: F,
    ) -> Result<Consumers<T>, SpawnError<Receiver<T>>>
    where
        T: Send + 'static,
        F: Fn(T, &StopReceiver) -> Result<(), T> + Send + Sync + 'static,
    {
        assert!(workers > 0, "at least one worker has to handle the items");
        let (handle, handled) = (Arc::new(handle), Arc::new(AtomicU64::new(0)));
        let mut started = Vec::with_capacity(workers);
        for _ in 0..workers {
            let consumer =
                Consumer { receiver: receiver.clone(), handle: Arc::clone(&handle), handled: Arc::clone(&handled) };
            match self.start(source.clone(), consumer, Consumer::run) {
                Ok(worker) => started.push(worker),
                Err(error) => {
                    source.request_with_location(Reason::PeerFailed, None);
                    drop(started);
                    return Err(error.map_job(|consumer| consumer.receiver));
                }
            }
        }
        Ok(Consumers { workers: started, source, handled, queue: Arc::clone(receiver.queue()) })
    }
}

/// Workers that handle the items of one channel; dropping it stops and joins them.
///
/// [`Consumers::join`] returns the items that they did not handle; the drop discards these items, unless the caller keeps
/// an end of the channel.
#[derive(Debug)]
#[must_use = "dropping it stops the workers and waits for them"]
pub struct Consumers<T> {
    workers: Vec<Worker<()>>,
    source: StopSource,
    handled: Arc<AtomicU64>,
    queue: Arc<Queue<T>>,
}

/// The exits of the workers, and the items that they did not handle; the result of [`Consumers::join`].
#[derive(Debug)]
#[must_use = "it has the items that were not handled"]
pub struct Consumed<T> {
    /// The exit of each worker. A worker that itself calls [`Consumers::join`] cannot wait for its own end: its exit is
    /// [`Exit::Abandoned`], and it goes on to handle items.
    pub exits: Vec<Exit<()>>,
    /// The number of items whose handling returned `Ok`; an item whose handling panicked is neither handled nor left.
    pub handled: u64,
    /// The items that were accepted and not handled; while a clone of the receiver exists, only those that `handle`
    /// returned.
    pub left: Vec<T>,
}

impl<T> Consumers<T> {
    /// The source through which they are stopped.
    #[must_use]
    pub const fn source(&self) -> &StopSource {
        &self.source
    }

    /// Requests a stop of each worker, after the item that it handles; true for the first request at the source.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.source.request()
    }

    /// Closes the channel: the workers end when they have handled the accepted items. A second call does nothing.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Waits until all workers have ended, and returns the items that they did not handle; it requests no stop.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread until a stop was requested, or the channel was closed and drained.
    pub fn join(self) -> Consumed<T> {
        let join = |worker: Worker<()>| {
            worker.join().unwrap_or_else(|error| {
                error.into_worker().detach();
                Exit::Abandoned
            })
        };
        let exits = self.workers.into_iter().map(join).collect();
        // ORDERING: Relaxed: the joins order the counts of the workers before this load.
        let handled = self.handled.load(Relaxed);
        Consumed { exits, handled, left: self.queue.left() }
    }
}

/// The job of one worker.
struct Consumer<T, F> {
    receiver: Receiver<T>,
    handle: Arc<F>,
    handled: Arc<AtomicU64>,
}

impl<T: 'static, F: Fn(T, &StopReceiver) -> Result<(), T>> Consumer<T, F> {
    fn run(self, stop: &StopReceiver) -> Result<(), Stopped> {
        while let Some(item) = self.next(stop)? {
            if Fault::ItemLostAtStop.is_seeded() {
                stop.check()?;
            }
            if Fault::ItemHandledTwice.is_seeded() {
                self.handle_a_twin_of(&item, stop);
            }
            match (self.handle)(item, stop) {
                Ok(()) => self.count(),
                Err(item) => {
                    self.receiver.queue().give_back(item);
                    if Fault::ReturnedItemCounted.is_seeded() {
                        self.count();
                    }
                }
            }
        }
        Ok(())
    }

    /// The next item; `None` after the drain.
    fn next(&self, stop: &StopReceiver) -> Result<Option<T>, Stopped> {
        match library::recv_unless(&self.receiver, stop) {
            Next::Item(item) => Ok(Some(item)),
            Next::End => Ok(None),
            Next::Disconnected => {
                stop.check()?;
                // The last source was dropped without a request, so only the drain ends this worker.
                Ok(self.receiver.recv().ok())
            }
        }
    }

    /// Makes the seeded mistake; the items of a law are numbers, which can be copied.
    fn handle_a_twin_of(&self, item: &T, stop: &StopReceiver) {
        let mut twin = (item as &dyn Any).downcast_ref::<u32>().copied();
        let twin = (&mut twin as &mut dyn Any).downcast_mut::<Option<T>>().and_then(Option::take);
        if twin.is_some_and(|twin| (self.handle)(twin, stop).is_ok()) {
            self.count();
        }
    }

    fn count(&self) {
        // ORDERING: Relaxed: it orders nothing else, and the only load follows the joins of the workers.
        self.handled.fetch_add(1, Relaxed);
    }
}
