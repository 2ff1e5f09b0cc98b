//! The state that sources and tokens share.
//!
//! # How it works
//!
//! One word says what has happened, and only its holder of the lock writes it:
//!
//! | state | meaning | who may leave it |
//! |---|---|---|
//! | `OPEN` | not asked, and a source exists | the first request, or the drop of the last source |
//! | `STOPPED` | asked; the record is set for good | nobody |
//! | `NO_SOURCE` | the last source is gone unasked | nobody |
//!
//! A request and a registration both decide under the lock, so one of them sees the other: either the request finds the
//! waiter in the list, or the waiter finds the word changed and does not wait (law L4).
//! A poll reads the word without the lock.
//! Threads and tasks that wait stand in one list, callbacks in another, and a request empties the first one first: a slow
//! callback holds up nobody who waits.

use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::Waker;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::waiters::{WaitList, Waiter, Wake};
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicUsize};
use crate::sync::{Mutex, MutexGuard, Parker, UnsafeCell, lock};
use crate::{Panic, Reason};

const OPEN: u32 = 0;
const STOPPED: u32 = 1;
const NO_SOURCE: u32 = 2;

/// The winning request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) reason: Reason,
    pub(crate) asked_at: &'static Location<'static>,
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Stop,
    NoSource,
    Nothing,
}

#[derive(Debug)]
pub(crate) struct Node {
    /// One of the three constants above.
    state: AtomicU32,
    /// How many sources exist.
    sources: AtomicUsize,
    /// The lock under which `state` changes, and what is to be done when it does.
    waiting: Mutex<Waiting>,
    /// Written once, under the lock and before `state` becomes `STOPPED`; read only after that was seen.
    record: UnsafeCell<Option<Record>>,
}

/// Where a waiter stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Queue {
    /// Threads and tasks, which any end of the waiting wakes.
    Waiters,
    /// Functions, which only a stop calls.
    Callbacks,
}

/// What is to be done when the state changes.
#[derive(Debug)]
struct Waiting {
    waiters: WaitList,
    callbacks: WaitList,
    /// What callbacks panicked with.
    panics: Vec<Panic>,
}

#[allow(unsafe_code, reason = "the record is read without the lock, and only through this impl")]
// SAFETY: `record` is the one field that is not `Sync` by itself. It is written once, before the Release store of
// `STOPPED`, and read only after an Acquire load saw `STOPPED`; no reference to it exists before that, and nothing writes
// it afterwards. `Record` itself is `Send + Sync`.
unsafe impl Sync for Node {}

impl Node {
    /// A state with one source.
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(OPEN),
            sources: AtomicUsize::new(1),
            waiting: Mutex::new(Waiting { waiters: WaitList::new(), callbacks: WaitList::new(), panics: Vec::new() }),
            record: UnsafeCell::new(None),
        }
    }

    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store of STOPPED in `request`: who sees the stop sees the record and
        // all that was written before the request (law L3).
        self.state.load(Acquire) == STOPPED
    }

    pub(crate) fn can_stop(&self) -> bool {
        // ORDERING: Acquire, as in `is_stopped`, so that "yes, it did stop" carries the same promise.
        self.state.load(Acquire) != NO_SOURCE
    }

    #[allow(unsafe_code, reason = "reads the record without the lock")]
    pub(crate) fn record(&self) -> Option<&Record> {
        if !self.is_stopped() {
            return None;
        }
        // SAFETY: the pointer is that of a live field, and `is_stopped` saw STOPPED with Acquire: the one write of the
        // record happened before, and none comes after, so a shared reference is valid for as long as the node.
        self.record.with(|record| unsafe { &*record }.as_ref())
    }

    /// Makes `record` the stop of this node, and wakes whoever waits; true for the one call that was first.
    #[allow(unsafe_code, reason = "writes the record that readers read without the lock")]
    pub(crate) fn request(&self, record: Record) -> bool {
        let waiting = lock(&self.waiting);
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here.
        if self.state.load(Relaxed) != OPEN {
            return self.late_request(record);
        }
        // SAFETY: the pointer is that of a live field. The lock is held and the state is still OPEN, so no other request
        // writes and, the state not being STOPPED, nobody reads.
        self.record.with_mut(|slot| unsafe { *slot = Some(record) });
        let order = if fault::is(Fault::RelaxedPublication) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire of every poll: it publishes the record and all that the asking thread
        // wrote before.
        self.state.store(STOPPED, order);
        self.sweep(waiting, Waiting::pop);
        true
    }

    /// What a request does that was not first: nothing.
    #[allow(unsafe_code, reason = "a seeded fault writes the record a second time")]
    fn late_request(&self, record: Record) -> bool {
        match fault::active() {
            Some(Fault::TwoFirsts) => return true,
            // ORDERING: Relaxed: a seeded fault, wrong whatever its ordering.
            Some(Fault::Lowered) => self.state.store(OPEN, Relaxed),
            // SAFETY: none; this is the fault, and it is compiled for models only.
            Some(Fault::ReasonOverwritten) => self.record.with_mut(|slot| unsafe { *slot = Some(record) }),
            _ => {}
        }
        false
    }

    pub(crate) fn add_source(&self) {
        // ORDERING: Relaxed: only the number matters, and the caller holds a source, so that it cannot reach zero.
        self.sources.fetch_add(1, Relaxed);
    }

    /// Counts one source less; after the last one, nobody can ask any more.
    pub(crate) fn drop_source(&self) {
        // ORDERING: Relaxed, because the lock orders what matters. A request that was made through another source came
        // before that source's decrement; had `close` taken the lock before it, this decrement would come before that
        // one, and could not be the one that reaches zero.
        if self.sources.fetch_sub(1, Relaxed) == 1 {
            self.close();
        }
    }

    /// Notes that the last source is gone, unless somebody asked before, and tells whoever waits.
    fn close(&self) {
        if fault::is(Fault::OrphanNotTold) {
            return;
        }
        let waiting = lock(&self.waiting);
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here.
        if self.state.load(Relaxed) == OPEN {
            // ORDERING: Relaxed: the word carries nothing else; "no source" publishes no data.
            self.state.store(NO_SOURCE, Relaxed);
            self.sweep(waiting, |waiting| waiting.waiters.pop());
        }
    }

    /// Blocks until the state is no longer `OPEN`, or until `deadline`.
    #[allow(unsafe_code, reason = "the calling frame is in the list of waiters")]
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Seen {
        if self.seen() != Seen::Nothing {
            return self.seen();
        }
        let parker = Parker::new();
        let waiter = pin!(Waiter::new());
        let waiter = waiter.as_ref();
        // SAFETY: `waiter` is pinned to this frame and in no list. The frame is left only below, after the waker took it
        // out (`is_woken`) or after `leave`.
        if !unsafe { self.enter(waiter, Queue::Waiters, Wake::Thread(parker.unparker())) } {
            return self.seen();
        }
        while !waiter.is_woken() {
            if parker.park_until(deadline) {
                // SAFETY: `waiter` entered above.
                unsafe { self.leave(waiter, Queue::Waiters) };
                break;
            }
        }
        // SAFETY: the waiter was popped, or left above.
        debug_assert!(unsafe { waiter.is_unlinked() }, "the frame is left while the list points to it (law L4)");
        self.seen()
    }

    /// Puts `waiter` into `queue`; false, and it is in no list, when there is nothing to wait for.
    ///
    /// # Safety
    ///
    /// - `waiter` is in no list.
    /// - Its frame is not left before `is_woken` is true or `leave` was called.
    #[allow(unsafe_code, reason = "the list points to the frame")]
    pub(crate) unsafe fn enter(&self, waiter: Pin<&Waiter>, queue: Queue, wake: Wake) -> bool {
        let mut waiting = lock(&self.waiting);
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here. Reading it again is what law
        // L4 rests on: a request between an earlier poll and this lock found no waiter to wake.
        if self.state.load(Relaxed) != OPEN && !fault::is(Fault::LostWakeup) {
            return false;
        }
        // SAFETY: the caller's promises are those of `push`.
        unsafe { waiting.list(queue).push(waiter, wake) };
        true
    }

    /// Takes `waiter` out of `queue`, unless a waker has done so before; true when it was still there.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node, and this queue, once.
    #[allow(unsafe_code, reason = "the list points to the frame")]
    pub(crate) unsafe fn leave(&self, waiter: Pin<&Waiter>, queue: Queue) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiter.is_woken() {
            return false;
        }
        // SAFETY: by the caller's promise it was in this list, and no waker has taken it out, so it still is.
        let wake = unsafe { waiting.list(queue).remove(waiter) };
        drop(waiting);
        // What it would have done may own anything, so it is dropped with no lock held.
        drop(wake);
        true
    }

    /// Lets a task that waits be woken by `waker` from now on; false when a waker has taken it out.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node with [`Wake::Task`].
    #[allow(unsafe_code, reason = "the list points to the frame")]
    pub(crate) unsafe fn renew(&self, waiter: Pin<&Waiter>, waker: &Waker) -> bool {
        let mut waiting = lock(&self.waiting);
        if waiter.is_woken() {
            return false;
        }
        // SAFETY: it has entered, the lock is held, and no waker has taken it out, so it is in the list of tasks.
        unsafe { waiting.waiters.renew(waiter, waker) };
        true
    }

    /// What callbacks have panicked with since the last call.
    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        std::mem::take(&mut lock(&self.waiting).panics)
    }

    fn seen(&self) -> Seen {
        // ORDERING: Acquire, as in `is_stopped`: who returns from a wait with the stop sees what was written before it.
        match self.state.load(Acquire) {
            STOPPED => Seen::Stop,
            NO_SOURCE => Seen::NoSource,
            _ => Seen::Nothing,
        }
    }

    /// Does what is to be done, holding the lock only to take the next one out.
    ///
    /// No new one comes: a registration finds the state changed.
    /// One that panics loses no other.
    fn sweep<'a>(&'a self, mut waiting: MutexGuard<'a, Waiting>, pop: fn(&mut Waiting) -> Option<Wake>) {
        while let Some(wake) = pop(&mut waiting) {
            let last = waiting.is_empty();
            drop(waiting);
            let outcome = wake.wake();
            if last && outcome.is_ok() || fault::is(Fault::OneWoken) {
                return;
            }
            waiting = lock(&self.waiting);
            if let Err(panic) = outcome {
                waiting.panics.push(panic);
                if fault::is(Fault::PanicEndsSweep) {
                    return;
                }
            }
        }
    }
}

impl Waiting {
    const fn list(&mut self, queue: Queue) -> &mut WaitList {
        match queue {
            Queue::Waiters => &mut self.waiters,
            Queue::Callbacks => &mut self.callbacks,
        }
    }

    fn pop(&mut self) -> Option<Wake> {
        self.waiters.pop().or_else(|| self.callbacks.pop())
    }

    const fn is_empty(&self) -> bool {
        self.waiters.is_empty() && self.callbacks.is_empty()
    }
}
