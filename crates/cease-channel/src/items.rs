//! Channels for items, of which none is lost: closed from either side, and drained to the end.
//!
//! # How it works
//!
//! The library's only sending end that lasts stands in a slot; whoever sends borrows a clone of it.
//! Closing takes it out of the slot, from whichever side, and wakes the senders that wait for room.
//! When the last borrowed clone is gone the library's channel is disconnected, so a receiver that received until then has
//! seen every item that was accepted: no item can be accepted behind its back.

use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;

use cease_core::sync::{Arc, Mutex, lock};
use cease_core::{Checkpoint, Fault};

use crate::library;
use crate::{SendError, SendUntilStoppedError, StopReceiver, TrySendError};

/// A channel that accepts at most `capacity` items that were not received; with none, each is handed from hand to hand.
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

/// The sending end; the channel is closed when the last clone is dropped.
pub struct Sender<T> {
    queue: Arc<Queue<T>>,
    closes: Arc<Closes<T>>,
}

/// The receiving end; the channel is closed when the last clone is dropped.
///
/// It dereferences to a `crossbeam_channel::Receiver`, for `select!` and everything else that can be done with one.
pub struct Receiver<T> {
    queue: Arc<Queue<T>>,
    closes: Arc<Closes<T>>,
}

impl<T> Sender<T> {
    /// Sends `item`, and waits for room.
    ///
    /// # Errors
    ///
    /// [`SendError`], with the item in it, once the channel was closed, also when that is while it waits.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread while the channel is full.
    pub fn send(&self, item: T) -> Result<(), SendError<T>> {
        let Some(sending) = self.queue.borrow() else { return Err(SendError(item)) };
        let closed: &[_] = if Fault::BlockedSendNotWoken.is_seeded() { &[] } else { &[&self.queue.closed] };
        library::send_unless(&sending, item, closed).map_err(|unsent| SendError(unsent.item))
    }

    /// Sends `item`, and waits for room until the sender's own stop, which goes first.
    ///
    /// When the last source of `stop` goes unasked, it waits on as [`Sender::send`] does.
    ///
    /// # Errors
    ///
    /// [`SendUntilStoppedError`], with the item in it, which was not accepted: a stop was asked for, also when that was
    /// before the call, or the channel was closed.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread while the channel is full, until a stop is asked for.
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
        let Some(sending) = self.queue.borrow() else {
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
            // Nobody is left who could ask.
            Ok(()) => self.send(unsent.item).map_err(|error| SendUntilStoppedError::Closed(error.into_inner())),
        }
    }

    /// Sends `item` if there is room.
    ///
    /// # Errors
    ///
    /// [`TrySendError`], with the item in it: the channel is full, or it was closed.
    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let Some(sending) = self.queue.borrow() else { return Err(TrySendError::Closed(item)) };
        sending.try_send(item).map_err(|error| match error {
            library::TrySendError::Full(item) => TrySendError::Full(item),
            library::TrySendError::Disconnected(item) => TrySendError::Closed(item),
        })
    }

    /// Closes the channel: what was accepted is still received, and nothing else is accepted.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether the channel was closed, from either side.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the channel, and takes what was accepted and not received: nothing is lost when the receivers are gone.
    #[must_use]
    pub fn into_rest(self) -> Vec<T> {
        self.queue.close();
        self.queue.rest()
    }
}

impl<T> Receiver<T> {
    /// Closes the channel without loss: what was accepted is still received, and each later send gives its item back.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether the channel was closed, from either side.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Closes the channel, and takes what was accepted and not received.
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
        Self { queue: Arc::clone(&self.queue), closes: Arc::clone(&self.closes) }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), closes: Arc::clone(&self.closes) }
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

/// What both ends share.
pub(crate) struct Queue<T> {
    gate: Mutex<Gate<T>>,
    items: library::Receiver<T>,
    /// Disconnected once the channel was closed.
    closed: library::Receiver<Infallible>,
    /// What a consumer took and did not handle.
    returned: Mutex<Vec<T>>,
}

/// Who is still there.
struct Gate<T> {
    /// `None` once the channel was closed.
    open: Option<Open<T>>,
    has_receivers: bool,
}

/// What closing takes away.
struct Open<T> {
    sending: library::Sender<T>,
    _closing: library::Sender<Infallible>,
}

impl<T> Queue<T> {
    /// What can be sent with, until the channel was closed.
    fn borrow(&self) -> Option<library::Sender<T>> {
        lock(&self.gate).open.as_ref().map(|open| open.sending.clone())
    }

    pub(crate) fn close(&self) {
        if Fault::SendAfterClose.is_seeded() {
            return;
        }
        let open = lock(&self.gate).open.take();
        drop(open);
    }

    fn is_closed(&self) -> bool {
        lock(&self.gate).open.is_none()
    }

    /// Keeps an item that was received and not handled.
    pub(crate) fn give_back(&self, item: T) {
        lock(&self.returned).push(item);
    }

    /// What is left when some consumers are gone: if they were the last, all of it.
    pub(crate) fn left(&self) -> Vec<T> {
        let has_receivers = lock(&self.gate).has_receivers;
        if has_receivers { std::mem::take(&mut *lock(&self.returned)) } else { self.rest() }
    }

    /// Takes everything that is left of a channel that was closed: what was given back, and then what was not received.
    fn rest(&self) -> Vec<T> {
        let mut rest = std::mem::take(&mut *lock(&self.returned));
        if Fault::RestTakenEarly.is_seeded() {
            rest.extend(std::iter::from_fn(|| self.items.try_recv().ok()));
        } else {
            // To the disconnect, and not only until it is empty: a sender that was let in before the close may be about to.
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

/// Closes the channel when the last end of one side is dropped.
struct Closes<T> {
    queue: Arc<Queue<T>>,
    receives: bool,
}

impl<T> Drop for Closes<T> {
    fn drop(&mut self) {
        if self.receives {
            lock(&self.queue.gate).has_receivers = false;
        }
        self.queue.close();
    }
}

fn ends<T>((sending, items): (library::Sender<T>, library::Receiver<T>)) -> (Sender<T>, Receiver<T>) {
    let (closing, closed) = library::bounded(1);
    let gate = Gate { open: Some(Open { sending, _closing: closing }), has_receivers: true };
    let queue = Arc::new(Queue { gate: Mutex::new(gate), items, closed, returned: Mutex::new(Vec::new()) });
    let closes = |receives| Arc::new(Closes { queue: Arc::clone(&queue), receives });
    let (sends, receives) = (closes(false), closes(true));
    (Sender { queue: Arc::clone(&queue), closes: sends }, Receiver { queue, closes: receives })
}
