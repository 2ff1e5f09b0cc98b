//! What a model checker sees instead of crossbeam's channels: the same answers, from a lock and a condition variable.
//!
//! The differential test below compares the answers with crossbeam's own.

use std::collections::VecDeque;
use std::convert::Infallible;

use cease_core::sync::{Arc, Condvar, Mutex, lock};

use crate::library::{Next, Unsent};

/// Why no item was received.
#[allow(unreachable_pub, reason = "a model test reaches it through the `Deref` of `StopReceiver`")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    Empty,
    Disconnected,
}

/// Why an item was not sent; it has the item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TrySendError<T> {
    Full(T),
    Disconnected(T),
}

/// The sending end.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "an end of a channel dereferences to it in a model")]
pub struct Sender<T>(Arc<Shared<T>>);

/// The receiving end.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "an end of a channel dereferences to it in a model")]
pub struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
    /// The threads that wait for a change.
    waiting: Vec<Arc<Signal>>,
}

/// A thread that waits for a change of one of several channels.
#[derive(Debug)]
struct Signal {
    changed: Mutex<bool>,
    condition: Condvar,
}

/// A channel for at most `capacity` items; a capacity of zero has no stand-in.
pub(crate) fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "the stand-in needs a capacity");
    let state = State { queue: VecDeque::new(), capacity, senders: 1, receivers: 1, waiting: Vec::new() };
    let shared = Arc::new(Shared(Mutex::new(state)));
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

/// A channel for any number of items.
pub(crate) fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    bounded(usize::MAX)
}

/// Receives the next item, unless `other` is disconnected, which goes first.
pub(crate) fn recv_unless<T>(items: &Receiver<T>, other: &Receiver<Infallible>) -> Next<T> {
    wait_for(&[&*other.0, &*items.0], || {
        if other.try_recv() == Err(TryRecvError::Disconnected) {
            return Some(Next::Disconnected);
        }
        match items.try_recv() {
            Ok(item) => Some(Next::Item(item)),
            Err(TryRecvError::Disconnected) => Some(Next::End),
            Err(TryRecvError::Empty) => None,
        }
    })
}

/// Sends `item`, unless one of `others` is disconnected; these go first, in order.
pub(crate) fn send_unless<T>(items: &Sender<T>, item: T, others: &[&Receiver<Infallible>]) -> Result<(), Unsent<T>> {
    let mut item = Some(item);
    let mut channels: Vec<&dyn Changes> = vec![&*items.0];
    channels.extend(others.iter().map(|other| &*other.0 as &dyn Changes));
    wait_for(&channels, || {
        let mine = item.take()?;
        if let Some(by) = others.iter().position(|other| other.try_recv() == Err(TryRecvError::Disconnected)) {
            return Some(Err(Unsent { item: mine, by }));
        }
        match items.try_send(mine) {
            Ok(()) => Some(Ok(())),
            Err(TrySendError::Disconnected(mine)) => Some(Err(Unsent { item: mine, by: others.len() })),
            Err(TrySendError::Full(mine)) => {
                item = Some(mine);
                None
            }
        }
    })
}

impl<T> Sender<T> {
    /// Sends without waiting.
    pub(crate) fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut state = lock(&self.0.0);
        if state.receivers == 0 {
            return Err(TrySendError::Disconnected(item));
        }
        if state.queue.len() >= state.capacity {
            return Err(TrySendError::Full(item));
        }
        state.queue.push_back(item);
        state.wake();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// Receives without waiting.
    #[allow(unreachable_pub, reason = "a model test reaches it through the `Deref` of `StopReceiver`")]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut state = lock(&self.0.0);
        match state.queue.pop_front() {
            Some(item) => {
                state.wake();
                Ok(item)
            }
            None if state.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives the next item; an error when the channel is disconnected and empty.
    pub(crate) fn recv(&self) -> Result<T, TryRecvError> {
        wait_for(&[&*self.0], || Some(self.try_recv()).filter(|received| !matches!(received, Err(TryRecvError::Empty))))
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        lock(&self.0.0).senders += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        lock(&self.0.0).receivers += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.senders -= 1;
        if state.senders == 0 {
            state.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.receivers -= 1;
        if state.receivers == 0 {
            state.wake();
            let discarded = std::mem::take(&mut state.queue);
            drop(state);
            drop(discarded);
        }
    }
}

impl<T> State<T> {
    /// Wakes the waiting threads.
    fn wake(&self) {
        for signal in &self.waiting {
            *lock(&signal.changed) = true;
            signal.condition.notify_one();
        }
    }
}

/// A channel without the type of its items.
trait Changes {
    fn enter(&self, signal: &Arc<Signal>);
    fn leave(&self, signal: &Arc<Signal>);
}

impl<T> Changes for Shared<T> {
    fn enter(&self, signal: &Arc<Signal>) {
        lock(&self.0).waiting.push(Arc::clone(signal));
    }

    fn leave(&self, signal: &Arc<Signal>) {
        lock(&self.0).waiting.retain(|waiting| !Arc::ptr_eq(waiting, signal));
    }
}

/// Tries until it succeeds, and waits for a change of one of the channels in between.
fn wait_for<R>(channels: &[&dyn Changes], mut attempt: impl FnMut() -> Option<R>) -> R {
    if let Some(result) = attempt() {
        return result;
    }
    let signal = Arc::new(Signal { changed: Mutex::new(false), condition: Condvar::new() });
    channels.iter().for_each(|channel| channel.enter(&signal));
    let result = loop {
        if let Some(result) = attempt() {
            break result;
        }
        let mut changed = lock(&signal.changed);
        while !*changed {
            changed = signal.condition.wait(changed).expect("no thread panics with this lock");
        }
        *changed = false;
    };
    channels.iter().for_each(|channel| channel.leave(&signal));
    result
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HISTORIES: u64 = 5000;
    const STEPS: usize = 60;
    const ITEMS: u32 = 2000;

    /// The answer of a library to one step.
    #[derive(Debug, PartialEq)]
    enum Answer {
        Nothing,
        Sent,
        Full(u32),
        Refused(u32),
        Got(u32),
        Empty,
        Disconnected,
    }

    /// A module that takes steps with one library's channel, whose ends come and go.
    macro_rules! player {
        ($name:ident, $library:path) => {
            mod $name {
                use $library as library;

                use super::{Answer, Unsent};

                pub(super) struct Player {
                    senders: Vec<library::Sender<u32>>,
                    receivers: Vec<library::Receiver<u32>>,
                    closing: Option<library::Sender<std::convert::Infallible>>,
                    closed: library::Receiver<std::convert::Infallible>,
                }

                impl Player {
                    pub(super) fn new(capacity: Option<usize>) -> Self {
                        let (sender, receiver) = capacity.map_or_else(library::unbounded, library::bounded);
                        let (closing, closed) = library::bounded(1);
                        Self { senders: vec![sender], receivers: vec![receiver], closing: Some(closing), closed }
                    }

                    pub(super) fn step(&mut self, choice: u64, item: u32) -> Answer {
                        match choice {
                            0 => self.senders.extend(self.senders.first().cloned()),
                            1 => self.receivers.extend(self.receivers.first().cloned()),
                            2 => drop(self.senders.pop()),
                            3 => drop(self.receivers.pop()),
                            choice if choice % 2 == 0 => return self.send(item),
                            _ => return self.receive(),
                        }
                        Answer::Nothing
                    }

                    fn send(&self, item: u32) -> Answer {
                        match self.senders.first().map(|sender| sender.try_send(item)) {
                            None => Answer::Nothing,
                            Some(Ok(())) => Answer::Sent,
                            Some(Err(library::TrySendError::Full(item))) => Answer::Full(item),
                            Some(Err(library::TrySendError::Disconnected(item))) => Answer::Refused(item),
                        }
                    }

                    fn receive(&self) -> Answer {
                        match self.receivers.first().map(|receiver| receiver.try_recv()) {
                            None => Answer::Nothing,
                            Some(Ok(item)) => Answer::Got(item),
                            Some(Err(library::TryRecvError::Empty)) => Answer::Empty,
                            Some(Err(library::TryRecvError::Disconnected)) => Answer::Disconnected,
                        }
                    }

                    /// Disconnects the other channel and then this one, and waits by each function.
                    pub(super) fn end(mut self, item: u32) -> (Vec<Result<(), Unsent<u32>>>, String, Vec<u32>) {
                        let (_open, connected) = library::bounded(1);
                        self.closing = None;
                        let first = self.senders.first();
                        let sent = [&[&connected, &self.closed][..], &[&self.closed, &connected]]
                            .map(|others| first.map(|sender| library::send_unless(sender, item, others)));
                        let sent = sent.into_iter().flatten().collect();
                        let Some(receiver) = self.receivers.pop() else { return (sent, String::new(), Vec::new()) };
                        let next = library::recv_unless(&receiver, &self.closed);
                        self.senders.clear();
                        let rest = std::iter::from_fn(|| receiver.recv().ok()).collect();
                        (sent, format!("{next:?}"), rest)
                    }
                }
            }
        };
    }

    player!(crossbeam, crate::library);
    player!(stand_in, crate::stand_in);

    #[test]
    fn it_answers_as_crossbeam_does() {
        let mut seen = HashSet::new();
        for seed in 1..=HISTORIES {
            let mut random = Random(seed);
            let capacity = [None, Some(1), Some(2), Some(5)][random.below(4)];
            let (mut theirs, mut ours) = (crossbeam::Player::new(capacity), stand_in::Player::new(capacity));
            for item in 0..STEPS {
                let (choice, item) = (random.below(24) as u64, item as u32);
                let answer = theirs.step(choice, item);
                assert_eq!(ours.step(choice, item), answer, "seed {seed}, step {item}, choice {choice}");
                seen.insert(std::mem::discriminant(&answer));
            }
            assert_eq!(ours.end(7), theirs.end(7), "seed {seed}, when the other channel is disconnected");
        }
        assert_eq!(seen.len(), 7, "every kind of answer was compared");
    }

    #[test]
    fn threads_that_wait_get_every_item_once() {
        let (sender, receiver) = bounded(2);
        let (open, closed) = bounded::<Infallible>(1);
        let mut all = std::thread::scope(|scope| {
            let consumers = [(); 2].map(|()| {
                let (receiver, closed) = (receiver.clone(), closed.clone());
                let next = move || match recv_unless(&receiver, &closed) {
                    Next::Item(item) => Some(item),
                    Next::End => None,
                    Next::Disconnected => unreachable!("the other channel stays"),
                };
                scope.spawn(move || std::iter::from_fn(next).collect::<Vec<u32>>())
            });
            for from in 0..2 {
                let (sender, closed) = (sender.clone(), closed.clone());
                scope.spawn(move || {
                    for item in (from..ITEMS).step_by(2) {
                        send_unless(&sender, item, &[&closed]).expect("the other channel stays");
                    }
                });
            }
            drop(sender);
            consumers.map(|consumer| consumer.join().unwrap()).concat()
        });
        drop(open);
        all.sort_unstable();
        assert_eq!(all, (0..ITEMS).collect::<Vec<_>>());
    }

    /// Numbers that look random, the same ones for the same seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((self.0 >> 33) % end).expect("it is small")
        }
    }
}
