//! Laws about items that a channel accepted: L17.

use std::fmt::Debug;

use cease_core::sync::{Arc, Mutex, lock, thread};
use cease_core::{StopSource, StopToken};

/// What a strategy whose workers handle items shows of itself, to be held to law L17.
pub trait Items {
    /// Where items are sent; the channel is closed when the last clone is dropped.
    type Sender: Clone + Send + 'static;
    /// The workers that handle them.
    type Consumers: Debug;

    /// Opens a channel for `capacity` items, or any number, and starts `workers` that give each item to `handle`.
    ///
    /// `handle` is told whether a stop was asked for, and hands an item back by returning true.
    fn open<F>(&self, capacity: Option<usize>, workers: usize, handle: F) -> (Self::Sender, Self::Consumers)
    where
        F: Fn(u32, bool) -> bool + Send + Sync + 'static;

    /// Sends, and waits for room; false when the item was given back.
    fn send(sender: &Self::Sender, item: u32) -> bool;

    /// Sends, and waits for room until `stop` is stopped; false when the item was given back.
    fn send_until_stopped(sender: &Self::Sender, item: u32, stop: &StopToken) -> bool;

    /// Asks for a hard stop.
    fn stop(consumers: &Self::Consumers);

    /// Closes the channel from the receiving side.
    fn close(consumers: &Self::Consumers);

    /// Waits for the end: how many items were handled, as the strategy says, and those that are handed back.
    fn join(consumers: Self::Consumers) -> (u64, Vec<u32>);
}

/// What was handled, in the law's own book.
type Book = Arc<Mutex<Vec<u32>>>;

/// L17: dropping the sender ends the worker after it has handled everything.
pub fn l17_what_is_accepted_is_drained<S: Items>(strategy: &S) {
    let (book, sender, consumers) = open(strategy, None, 1);
    assert!(S::send(&sender, 1) && S::send(&sender, 2), "L17: an open channel refused an item");
    drop(sender);
    let (handled, left) = S::join(consumers);
    assert_eq!(*lock(&book), [1, 2], "L17: the drain lost an item, or changed the order");
    assert_eq!((handled, left), (2, vec![]), "L17: what was handled was handed back too");
}

/// L17: a hard stop and a send that waits for room race, and every item has one place.
pub fn l17_a_stop_races_with_a_send<S: Items>(strategy: &S) {
    let (book, sender, consumers) = open(strategy, Some(1), 1);
    let sending = thread::spawn(move || [1, 2].map(|item| S::send(&sender, item)));
    S::stop(&consumers);
    let (handled, left) = S::join(consumers);
    let accepted = sending.join().expect("sending does not panic");
    settle(&book, handled, left, &[(1, accepted[0]), (2, accepted[1])]);
}

/// L17: a send that waits for room races with its own sender's stop, and the item is accepted or given back, never both.
pub fn l17_a_senders_own_stop_races_with_room<S: Items>(strategy: &S) {
    let (book, sender, consumers) = open(strategy, Some(1), 1);
    let source = StopSource::new();
    let stop = source.token();
    let sending = thread::spawn(move || [1, 2].map(|item| S::send_until_stopped(&sender, item, &stop)));
    source.request();
    let accepted = sending.join().expect("sending does not panic");
    let (handled, left) = S::join(consumers);
    assert!(left.is_empty(), "L17: the drain that follows the last sender hands nothing back");
    settle(&book, handled, left, &[(1, accepted[0]), (2, accepted[1])]);
}

/// L17: closing from the receiving side and a send race; what was accepted is handled, and nothing is accepted later.
pub fn l17_a_close_races_with_a_send<S: Items>(strategy: &S) {
    let (book, sender, consumers) = open(strategy, None, 1);
    let racing = sender.clone();
    let sending = thread::spawn(move || S::send(&racing, 1));
    S::close(&consumers);
    assert!(!S::send(&sender, 2), "L17: an item was accepted after the close");
    let (handled, left) = S::join(consumers);
    let accepted = sending.join().expect("sending does not panic");
    settle(&book, handled, left, &[(1, accepted), (2, false)]);
}

/// L17: closing wakes a send that waits for room, and the send gives its item back.
///
/// The consumer holds the first item until the send has returned, so the channel never has room for the third.
pub fn l17_a_close_wakes_a_send_that_waits<S: Items>(strategy: &S) {
    let gate = StopSource::new();
    let opened = gate.token();
    let (sender, consumers) = strategy.open(Some(1), 1, move |_, _| opened.wait().is_err());
    assert!(S::send(&sender, 1) && S::send(&sender, 2), "L17: an open channel refused an item");
    let sending = thread::spawn(move || S::send(&sender, 3));
    S::close(&consumers);
    assert!(!sending.join().expect("sending does not panic"), "L17: an item was accepted without room for it");
    gate.request();
    assert_eq!(S::join(consumers), (2, vec![]), "L17: the drain lost an item");
}

/// L17: closing also wakes a send that could be stopped while it waits for room.
pub fn l17_a_close_wakes_a_send_that_could_be_stopped<S: Items>(strategy: &S) {
    let gate = StopSource::new();
    let opened = gate.token();
    let (sender, consumers) = strategy.open(Some(1), 1, move |_, _| opened.wait().is_err());
    assert!(S::send(&sender, 1) && S::send(&sender, 2), "L17: an open channel refused an item");
    let source = StopSource::new();
    let stop = source.token();
    let sending = thread::spawn(move || S::send_until_stopped(&sender, 3, &stop));
    S::close(&consumers);
    assert!(!sending.join().expect("sending does not panic"), "L17: an item was accepted without room for it");
    gate.request();
    assert_eq!(S::join(consumers), (2, vec![]), "L17: the drain lost an item");
    drop(source);
}

/// L17: two consumers of one channel are stopped while there are items; no item goes to both, and none to nobody.
pub fn l17_consumers_share_what_there_is<S: Items>(strategy: &S) {
    let (book, sender, consumers) = open(strategy, Some(2), 2);
    let accepted = [1, 2].map(|item| (item, S::send(&sender, item)));
    S::stop(&consumers);
    let (handled, left) = S::join(consumers);
    assert!(!S::send(&sender, 3), "L17: an item was accepted when nobody was there to handle it");
    settle(&book, handled, left, &accepted);
}

/// Opens a channel whose items are entered in a book, and handed back once a stop was seen.
fn open<S: Items>(strategy: &S, capacity: Option<usize>, workers: usize) -> (Book, S::Sender, S::Consumers) {
    let book = Book::default();
    let entered = Arc::clone(&book);
    let (sender, consumers) = strategy.open(capacity, workers, move |item, stopped| {
        if !stopped {
            lock(&entered).push(item);
        }
        stopped
    });
    (book, sender, consumers)
}

/// Every item that was accepted is handled or handed back, and never both; no other is.
fn settle(book: &Book, handled: u64, left: Vec<u32>, sent: &[(u32, bool)]) {
    let book = lock(book);
    assert_eq!(handled, book.len() as u64, "L17: more or fewer items count as handled than were");
    let mut all: Vec<_> = book.iter().copied().chain(left).collect();
    all.sort_unstable();
    let accepted: Vec<_> = sent.iter().filter(|(_, accepted)| *accepted).map(|(item, _)| *item).collect();
    assert_eq!(all, accepted, "L17: what was handled or handed back is not what was accepted");
}
