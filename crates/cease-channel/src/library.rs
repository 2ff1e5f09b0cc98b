//! The channels of the library: those of crossbeam, and a stand-in for them in a model.

#[cfg(any(loom, shuttle))]
pub(crate) use crate::stand_in::{Receiver, Sender, TrySendError, bounded, recv_unless, send_unless, unbounded};
#[cfg(all(test, not(any(loom, shuttle))))]
pub(crate) use crossbeam_channel::TryRecvError;
#[cfg(not(any(loom, shuttle)))]
pub(crate) use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use real::{recv_unless, send_unless};

/// An item that was not sent, and the index of the other channel that was disconnected; the number of the other channels
/// when its own channel was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsent<T> {
    pub(crate) item: T,
    pub(crate) by: usize,
}

/// The event that ended a wait for an item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// An item.
    Item(T),
    /// The channel of the items is disconnected, and every item was received.
    End,
    /// The other channel was disconnected.
    Disconnected,
}

#[cfg(not(any(loom, shuttle)))]
mod real {
    //! Waits for several channels of crossbeam.

    use std::convert::Infallible;

    use crossbeam_channel::{Receiver, Select, Sender};

    use super::{Next, Unsent};

    /// Receives the next item, unless `other` is disconnected, which goes first.
    pub(crate) fn recv_unless<T>(items: &Receiver<T>, other: &Receiver<Infallible>) -> Next<T> {
        let mut select = Select::new_biased();
        let disconnected = select.recv(other);
        select.recv(items);
        let ready = select.select();
        if ready.index() == disconnected {
            let Err(_) = ready.recv(other);
            return Next::Disconnected;
        }
        ready.recv(items).map_or(Next::End, Next::Item)
    }

    /// Sends `item`, unless one of `others` is disconnected; these go first, in order.
    pub(crate) fn send_unless<T>(
        items: &Sender<T>,
        item: T,
        others: &[&Receiver<Infallible>],
    ) -> Result<(), Unsent<T>> {
        let mut select = Select::new_biased();
        for other in others {
            select.recv(other);
        }
        select.send(items);
        let ready = select.select();
        let by = ready.index();
        if let Some(other) = others.get(by) {
            let Err(_) = ready.recv(other);
            return Err(Unsent { item, by });
        }
        ready.send(items, item).map_err(|error| Unsent { item: error.into_inner(), by })
    }
}
