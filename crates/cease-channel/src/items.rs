//! Channels that lose no accepted item: either side closes them, and the receivers drain them.
//!
//! # How it works
//!
//! A slot keeps one sending end of the library's channel, and each send borrows a clone of it.
//! A close from either side empties the slot, and wakes the sends that wait for room.
//! The library's channel is disconnected when the last borrowed clone is dropped. A receiver that receives until then gets
//! every accepted item, because no send can be accepted later.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use cease_core::sync::{Arc, Mutex, lock};
use cease_core::{Checkpoint, Fault};

use crate::library;
use crate::{SendError, SendUntilStoppedError, StopReceiver, TrySendError};

/// A channel that keeps at most `capacity` accepted items. With a capacity of zero, a send waits until a receiver takes its
/// item.
///
/// # Examples
///
/// ```
/// let (sender, receiver) = cease_channel::bounded(2);
/// sender.send("kept").unwrap();
/// receiver.close();
/// assert_eq!(sender.send("late").unwrap_err().into_inner(), "late");
/// assert_eq!(receiver.into_rest(), ["kept"]);
/// ```
#[must_use]
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    ends(library::bounded(capacity))
}

/// A channel that accepts any number of items.
#[must_use]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    ends(library::unbounded())
}

/// The sending end; dropping the last clone closes the channel.
pub struct Sender<T> {
    queue: Arc<Queue<T>>,
    on_drop: Arc<CloseOnDrop<T>>,
}

/// The receiving end; dropping the last clone closes the channel.
///
/// It dereferences to a `crossbeam_channel::Receiver`, so `select!` takes it, and it has the methods of that type.
pub struct Receiver<T> {
    queue: Arc<Queue<T>>,
    on_drop: Arc<CloseOnDrop<T>>,
}

impl<T> Sender<T> {
    /// Sends `item`, and waits for room.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the item in it, when the channel was closed before the call or during the wait.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread while the channel is full and open.
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let Some(sending) = self.queue.sending() else { return Err(SendError(item)) };
        let closed: &[_] = if Fault::BlockedSendNotWoken.is_seeded() { &[] } else { &[&self.queue.closed] };
        library::send_unless(&sending, item, closed).map_err(|unsent| SendError(unsent.item))
    }

    /// Sends `item`, and waits for room until a stop is requested at `stop`.
    ///
    /// When the stop was requested, the channel is closed and there is room at the same time, the stop is the result.
    /// When the last source of `stop` is dropped without a request, it waits as [`Sender::send`] does.
    ///
    /// # Errors
    ///
    /// [`SendUntilStoppedError`], with the item in it: the stop was requested or the channel was closed, before the call or
    /// during the wait.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread while the channel is full and open, and no stop is requested.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_channel::{SendUntilStoppedError, bounded, stop_receiver};
    /// use cease_core::StopSource;
    ///
    /// let (sender, receiver) = bounded(1);
    /// let source = StopSource::new();
    /// let stop = stop_receiver(&source.token());
    /// sender.send_until_stopped("accepted", &stop).unwrap();
    /// source.request_with("shutting down");
    /// let error = sender.send_until_stopped("kept", &stop).unwrap_err();
    /// assert!(matches!(error, SendUntilStoppedError::Stopped("kept", _)));
    /// # drop(receiver);
    /// ```
    pub fn send_until_stopped(&self, item: T, stop: &StopReceiver) -> Result<(), SendUntilStoppedError<T>> {
        let Some(sending) = self.queue.sending() else {
            return Err(match stop.check() {
                Ok(()) => SendUntilStoppedError::Closed(item),
                Err(stopped) => SendUntilStoppedError::Stopped(item, stopped),
            });
        };
        let others = [&**stop, &self.queue.closed];
        let woken_by = if Fault::BlockedSendNotWoken.is_seeded() { &others[..1] } else { &others };
        let unsent = match library::send_unless(&sending, item, woken_by) {
            Ok(()) => return Ok(()),
            Err(unsent) => unsent,
        };
        if unsent.by > 0 {
            return Err(SendUntilStoppedError::Closed(unsent.item));
        }
        match stop.check() {
            Err(_) if Fault::StoppedSendAccepted.is_seeded() => Ok(()),
            Err(stopped) => Err(SendUntilStoppedError::Stopped(unsent.item, stopped)),
            // The last source was dropped without a request.
            Ok(()) => self.send(unsent.item).map_err(|error| SendUntilStoppedError::Closed(error.into_inner())),
        }
    }

    /// Sends `item` if there is room; never blocks.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the item in it: the channel is full, or it was closed.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let Some(sending) = self.queue.sending() else { return Err(TrySendError::Closed(item)) };
        sending.try_send(item).map_err(|error| match error {
            library::TrySendError::Full(item) => TrySendError::Full(item),
            library::TrySendError::Disconnected(item) => TrySendError::Closed(item),
        })
    }

    /// Closes the channel: accepted items are still received, and later sends fail with their item. A second call does
    /// nothing.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether either side has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the channel, and takes the accepted items that were not received, also when all receivers were dropped.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread until each send that began before the close has ended.
    #[must_use]
    pub fn into_rest(self) -> Vec<T> {
        self.queue.close();
        self.queue.rest()
    }
}

impl<T> Receiver<T> {
    /// Closes the channel: accepted items are still received, and later sends fail with their item. A second call does
    /// nothing.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether either side has closed the channel.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the channel, and takes the accepted items that were not received.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread until each send that began before the close has ended.
    #[must_use]
    pub fn into_rest(self) -> Vec<T> {
        self.queue.close();
        self.queue.rest()
    }

    pub(crate) const fn queue(&self) -> &Arc<Queue<T>> {
        &self.queue
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), on_drop: Arc::clone(&self.on_drop) }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), on_drop: Arc::clone(&self.on_drop) }
    }
}

impl<T> Deref for Receiver<T> {
    type Target = library::Receiver<T>;

    fn deref(&self) -> &Self::Target {
        &self.queue.items
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The channel that both ends share.
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    items: library::Receiver<T>,
    /// Disconnected once the channel was closed.
    closed: library::Receiver<Infallible>,
    /// The items that consumers received and returned unhandled.
    returned: Mutex<Vec<T>>,
}

/// Whether the channel is open, and whether it has receivers.
struct State<T> {
    /// `None` once the channel was closed.
    open: Option<Open<T>>,
    has_receivers: bool,
}

/// The ends of the library's channels that a close drops.
struct Open<T> {
    sending: library::Sender<T>,
    _closing: library::Sender<Infallible>,
}

impl<T> Queue<T> {
    /// A sending end; `None` when the channel is closed.
    fn sending(&self) -> Option<library::Sender<T>> {
        lock(&self.state).open.as_ref().map(|open| open.sending.clone())
    }

    pub(crate) fn close(&self) {
        if Fault::SendAfterClose.is_seeded() {
            return;
        }
        let open = lock(&self.state).open.take();
        drop(open);
    }

    fn is_closed(&self) -> bool {
        lock(&self.state).open.is_none()
    }

    /// Keeps an item that was received and not handled.
    pub(crate) fn give_back(&self, item: T) {
        lock(&self.returned).push(item);
    }

    /// The items that ended consumers left: the returned ones and, if no receiver is left, also those not received.
    pub(crate) fn left(&self) -> Vec<T> {
        let has_receivers = lock(&self.state).has_receivers;
        if has_receivers { std::mem::take(&mut *lock(&self.returned)) } else { self.rest() }
    }

    /// Takes the items of a channel that is closed: the returned ones, and then those not received.
    fn rest(&self) -> Vec<T> {
        let mut rest = std::mem::take(&mut *lock(&self.returned));
        if Fault::RestTakenEarly.is_seeded() {
            rest.extend(std::iter::from_fn(|| self.items.try_recv().ok()));
        } else {
            // Until the disconnect, not until it is empty: a send that began before the close can still be accepted.
            rest.extend(std::iter::from_fn(|| self.items.recv().ok()));
        }
        rest
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// Closes the channel when it is dropped, with the last end of its side.
struct CloseOnDrop<T> {
    queue: Arc<Queue<T>>,
    of_receivers: bool,
}

impl<T> Drop for CloseOnDrop<T> {
    fn drop(&mut self) {
        if self.of_receivers {
            lock(&self.queue.state).has_receivers = false;
        }
        self.queue.close();
    }
}

fn ends<T>((sending, items): (library::Sender<T>, library::Receiver<T>)) -> (Sender<T>, Receiver<T>) {
    let (closing, closed) = library::bounded(1);
    let state = State { open: Some(Open { sending, _closing: closing }), has_receivers: true };
    let queue = Arc::new(Queue { state: Mutex::new(state), items, closed, returned: Mutex::new(Vec::new()) });
    let on_drop = |of_receivers| Arc::new(CloseOnDrop { queue: Arc::clone(&queue), of_receivers });
    let (of_senders, of_receivers) = (on_drop(false), on_drop(true));
    (Sender { queue: Arc::clone(&queue), on_drop: of_senders }, Receiver { queue, on_drop: of_receivers })
}
