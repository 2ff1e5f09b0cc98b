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
//! Tree, callbacks and wakers hang on the same word and the same list.

use std::panic::Location;
use std::pin::pin;
use std::time::Instant;

use crate::Reason;
use crate::fault::{self, Fault};
use crate::stop::waiters::{WaitList, Waiter};
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicUsize};
use crate::sync::{Mutex, MutexGuard, Parker, UnsafeCell, lock};

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
    /// The lock under which `state` changes, and the threads to wake when it does.
    waiters: Mutex<WaitList>,
    /// Written once, under the lock and before `state` becomes `STOPPED`; read only after that was seen.
    record: UnsafeCell<Option<Record>>,
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
            waiters: Mutex::new(WaitList::new()),
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
        let waiters = lock(&self.waiters);
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
        wake_all(&self.waiters, waiters);
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
        let waiters = lock(&self.waiters);
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here.
        if self.state.load(Relaxed) == OPEN {
            // ORDERING: Relaxed: the word carries nothing else; "no source" publishes no data.
            self.state.store(NO_SOURCE, Relaxed);
            wake_all(&self.waiters, waiters);
        }
    }

    /// Blocks until the state is no longer `OPEN`, or until `deadline`.
    #[allow(unsafe_code, reason = "links the calling frame into the list of waiters")]
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Seen {
        if self.seen() != Seen::Nothing {
            return self.seen();
        }
        let parker = Parker::new();
        let waiter = pin!(Waiter::new(parker.unparker()));
        {
            let mut waiters = lock(&self.waiters);
            // ORDERING: Relaxed, because `state` changes only under the lock that is held here. Reading it again is
            // what law L4 rests on: a request between the poll above and this lock found no waiter to wake.
            if self.state.load(Relaxed) != OPEN && !fault::is(Fault::LostWakeup) {
                drop(waiters);
                return self.seen();
            }
            // SAFETY: `waiter` is pinned to this frame and not in any list. The frame is left only below, after the
            // waker took it out of the list (`is_woken`) or after `remove`.
            unsafe { waiters.push(waiter.as_ref()) };
        }
        while !waiter.is_woken() {
            if parker.park_until(deadline) {
                let mut waiters = lock(&self.waiters);
                if !waiter.is_woken() {
                    // SAFETY: the lock is held and the waker has not taken `waiter` out, so it is still in this list.
                    unsafe { waiters.remove(waiter.as_ref()) };
                }
                break;
            }
        }
        // SAFETY: the waiter was popped, or removed above.
        debug_assert!(unsafe { waiter.is_unlinked() }, "the frame is left while the list points to it (law L4)");
        self.seen()
    }

    fn seen(&self) -> Seen {
        // ORDERING: Acquire, as in `is_stopped`: who returns from a wait with the stop sees what was written before it.
        match self.state.load(Acquire) {
            STOPPED => Seen::Stop,
            NO_SOURCE => Seen::NoSource,
            _ => Seen::Nothing,
        }
    }
}

/// Wakes every thread in the list, holding the lock only to take the next one out.
///
/// No new one comes: a registration finds the state changed.
fn wake_all<'a>(mutex: &'a Mutex<WaitList>, mut waiters: MutexGuard<'a, WaitList>) {
    while let Some(unparker) = waiters.pop() {
        let last = waiters.is_empty();
        drop(waiters);
        unparker.unpark();
        if last || fault::is(Fault::OneWoken) {
            return;
        }
        waiters = lock(mutex);
    }
}
