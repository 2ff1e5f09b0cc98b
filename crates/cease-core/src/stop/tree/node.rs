//! The state that sources and tokens share.
//!
//! # How it works
//!
//! One word says what has happened, and only the holder of the node's lock writes it:
//!
//! | state | meaning | who may leave it |
//! |---|---|---|
//! | open | not asked, and a source of this node or of one above it exists | the first request here or above, or the drop of the last such source |
//! | `STOPPED` | requested; the request is set for good | never changed |
//! | `NO_SOURCE` | the last source was dropped without a request | never changed |
//!
//! A request and the birth of a child both decide under the lock, so one of them sees the other (law L12).
//! A poll reads the word without the lock.

use std::fmt;
use std::marker::PhantomPinned;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use crate::fault::{self, Fault};
use crate::stop::data::brackets::{Brackets, Element};
use crate::stop::data::request::{Request, RequestRef};
use crate::stop::data::schedule::Scope;
use crate::stop::data::state::{LEFT, NO_SOURCE, State, Status, Unmarked};
use crate::stop::data::timer::Alarm;
use crate::stop::data::waiter::WaitList;
use crate::stop::tree::shard::{Guard, Shard};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Count, UnsafeCell};

/// What a source or a token points to.
#[derive(Debug)]
pub(crate) struct Node {
    /// What has happened.
    pub(crate) state: State,
    /// How many handles point here.
    pub(crate) handles: Count,
    /// How many of them are sources.
    sources: AtomicU32,
    /// The lock and the list; none for who was born stopped, and is in no list.
    pub(crate) home: Option<NonNull<Shard<Self>>>,
    /// Guarded by the lock.
    pub(crate) brackets: UnsafeCell<Brackets<Self>>,
    slot: UnsafeCell<Slot>,
    /// The nearest deadline at or above it, in the schedule of its shard; guarded by the lock.
    scope: UnsafeCell<Scope>,
    /// The list points here, also while the node is dropped.
    _pinned: PhantomPinned,
}

/// What a node keeps: the waiters for its stop, or its request.
union Slot {
    /// While the state is not `STOPPED`; guarded by the lock.
    waiters: ManuallyDrop<WaitList>,
    /// From then on; never changes again, and is a share.
    request: NonNull<()>,
}

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Node>() == 64, "a child is one cache line's worth");

#[allow(unsafe_code, reason = "fields are shared whose guard is not their type")]
// SAFETY: everything in a node may be used from any thread: the pointers are followed under the lock, and the request is
// `Send` and `Sync`.
unsafe impl Send for Node {}

#[allow(unsafe_code, reason = "fields are shared whose guard is not their type")]
// SAFETY: `home` is written before the node is shared. `brackets` and `slot` are reached only under the lock, but for the
// request in `slot`: it is written once, before the Release store of `STOPPED`, and read only after an Acquire load saw
// that; no reference to it exists before, and nothing writes it afterwards.
unsafe impl Sync for Node {}

#[allow(unsafe_code, reason = "promises where the links of the list are")]
// SAFETY: `brackets` is a field, and a node is aligned to a pointer, which the list checks when it is compiled.
unsafe impl Element for Node {
    #[inline]
    fn brackets(&self) -> &UnsafeCell<Brackets<Self>> {
        &self.brackets
    }
}

/// What every token points to that can never stop.
#[cfg(not(any(loom, shuttle)))]
pub(crate) static NEVER: Node = Node::never();

impl Node {
    /// An open node with one handle, which is a source.
    #[inline]
    pub(crate) fn new(home: Option<NonNull<Shard<Self>>>) -> Self {
        Self {
            state: State::new(),
            handles: Count::one(),
            sources: AtomicU32::new(1),
            home,
            brackets: UnsafeCell::new(Brackets::new()),
            slot: UnsafeCell::new(Slot { waiters: ManuallyDrop::new(WaitList::new()) }),
            scope: UnsafeCell::new(Scope::NONE),
            _pinned: PhantomPinned,
        }
    }

    /// A node in no list that has no source.
    #[cfg(not(any(loom, shuttle)))]
    const fn never() -> Self {
        Self {
            state: State::without_source(),
            handles: Count::one_static(),
            sources: AtomicU32::new(0),
            home: None,
            brackets: UnsafeCell::new(Brackets::new()),
            slot: UnsafeCell::new(Slot { waiters: ManuallyDrop::new(WaitList::new()) }),
            scope: UnsafeCell::new(Scope::NONE),
            _pinned: PhantomPinned,
        }
    }

    #[inline]
    pub(crate) fn is_stop_requested(&self) -> bool {
        self.state.is_stop_requested()
    }

    pub(crate) fn stop_possible(&self) -> bool {
        self.state.seen() != Status::NoSource
    }

    /// Neither asked nor without a source; called under the lock.
    pub(crate) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Notes that no handle is left, called under the lock; `asks` says whether a deadline may still pass.
    pub(crate) fn mark_left(&self, asks: bool) {
        self.state.set(LEFT);
        // ORDERING: Relaxed: no thread counts any more, and it is read under the lock.
        self.sources.store(u32::from(asks), Relaxed);
    }

    /// The request that stopped this node, and whether it was made further up.
    #[allow(unsafe_code, reason = "reads the request without the lock")]
    pub(crate) fn asked(&self) -> Option<(&Request, bool)> {
        let inherited = self.state.stopped()?;
        // SAFETY: STOPPED was seen with Acquire.
        let raw = unsafe { self.raw_request() };
        // SAFETY: the share in `slot` is held for as long as the node.
        Some((unsafe { RequestRef::look(raw) }, inherited))
    }

    /// Where the request is.
    ///
    /// # Safety
    ///
    /// The state was seen to be `STOPPED` with Acquire, so that the one write of the request happened before.
    #[allow(unsafe_code, reason = "reads the request without the lock")]
    unsafe fn raw_request(&self) -> NonNull<()> {
        self.slot.with(|slot| {
            // SAFETY: no thread writes it any more.
            let slot = unsafe { &*slot };
            // SAFETY: it holds the request since the state is STOPPED.
            unsafe { slot.request }
        })
    }

    /// A share of the request.
    #[allow(unsafe_code, reason = "reads the request without the lock")]
    pub(crate) fn share_request(&self) -> Option<RequestRef> {
        if !self.is_stop_requested() {
            return None;
        }
        // SAFETY: STOPPED was seen with Acquire.
        let raw = unsafe { self.raw_request() };
        // SAFETY: the share is that of `slot`, which keeps it: only a clone of it is given away.
        let own = ManuallyDrop::new(unsafe { RequestRef::from_raw(raw) });
        Some(RequestRef::clone(&own))
    }

    /// Keeps the request, stores the state and returns the waiters.
    ///
    /// The share in the request was added before, or will be before the lock is let go.
    /// Called under the lock with the bits as they are, or on a node that no other code has.
    #[allow(unsafe_code, reason = "writes the request that readers read without the lock")]
    pub(crate) fn mark(&self, before: Unmarked, request: NonNull<()>, inherited: bool) -> WaitList {
        let waiters = self.with_waiters(WaitList::take);
        // SAFETY: the state is not STOPPED yet, so no thread reads the request, and the list was taken; it becomes STOPPED
        // only under the lock, so no other thread writes.
        self.slot.with_mut(|slot| unsafe { *slot = Slot { request } });
        self.state.stop(before, inherited);
        waiters
    }

    /// What a request does that was not first: it waits for one that is in the middle.
    #[allow(unsafe_code, reason = "a seeded fault writes the request a second time")]
    pub(crate) fn late_request(&self, guard: Option<Guard<'_, Node>>, request: Request) {
        if fault::is(Fault::Lowered) {
            // SAFETY: none; this is the fault, and it is compiled for models only.
            self.slot.with_mut(|slot| unsafe { *slot = Slot { waiters: ManuallyDrop::new(WaitList::new()) } });
            self.state.lower();
        }
        if fault::is(Fault::ReasonOverwritten) {
            let request = ManuallyDrop::new(RequestRef::new(request));
            // SAFETY: none; this is the fault, and it is compiled for models only.
            self.slot.with_mut(|slot| unsafe { *slot = Slot { request: request.as_raw() } });
        }
        if let Some(guard) = guard.filter(|_| !fault::is(Fault::LoserDoesNotWait)) {
            guard.wait_for_sweeps();
        }
    }

    pub(crate) fn add_source(&self) {
        // ORDERING: Relaxed: only the number matters, and the caller holds a source, so that it cannot reach zero.
        self.sources.fetch_add(1, Relaxed);
    }

    /// Counts one source less; true for the last one.
    pub(crate) fn remove_source(&self) -> bool {
        // ORDERING: Relaxed, because the lock orders what matters. A request that was made through another source came
        // before that source's decrement; had `close` taken the lock before it, this decrement would come before that
        // one, and could not be the one that reaches zero.
        self.sources.fetch_sub(1, Relaxed) == 1
    }

    /// Whether this node has a source of its own.
    pub(crate) fn has_source(&self) -> bool {
        // ORDERING: Relaxed: who counts down to zero takes the lock afterwards, and finds what was decided meanwhile.
        self.sources.load(Relaxed) > 0
    }

    /// Stores that no request can come any more and returns the waiters; called under the lock, on an open node.
    pub(crate) fn mark_closed(&self) -> WaitList {
        self.state.set(NO_SOURCE);
        self.with_waiters(WaitList::take)
    }

    /// The nearest deadline at or above it; called under the lock.
    #[allow(unsafe_code, reason = "the lock lies elsewhere")]
    pub(crate) fn scope(&self) -> Scope {
        // SAFETY: the lock is held.
        self.scope.with(|scope| unsafe { *scope })
    }

    /// Notes the nearest deadline at or above it; called under the lock.
    #[allow(unsafe_code, reason = "the lock lies elsewhere")]
    pub(crate) fn set_scope(&self, new: Scope) {
        // SAFETY: the lock is held.
        self.scope.with_mut(|scope| unsafe { *scope = new });
    }

    /// Where it is.
    pub(crate) fn address(&self) -> NonNull<Self> {
        NonNull::from(self)
    }

    /// Calls `f` with the waiters; the caller holds the lock, the state is not `STOPPED`, and `f` does not come back.
    #[allow(unsafe_code, reason = "the lock lies elsewhere")]
    pub(crate) fn with_waiters<R>(&self, f: impl FnOnce(&mut WaitList) -> R) -> R {
        self.slot.with_mut(|slot| {
            // SAFETY: the caller holds the lock.
            let slot = unsafe { &mut *slot };
            // SAFETY: until the state is STOPPED it holds the waiters.
            f(unsafe { &mut slot.waiters })
        })
    }

    /// The lock of a node that is in a list.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, Node> {
        self.home().expect("who was born stopped is never locked").lock()
    }

    #[allow(unsafe_code, reason = "follows the pointer to the shard")]
    #[inline]
    pub(crate) fn home(&self) -> Option<&Shard<Self>> {
        // SAFETY: a shard lives as long as the root, and the root as long as any node in its shards.
        self.home.map(|home| unsafe { home.as_ref() })
    }
}

/// The deadlines of the nodes in a shard, read and written under its lock.
impl Guard<'_, Node> {
    /// Whether `node` has a deadline of its own.
    pub(crate) fn has_entry(&self, node: &Node) -> bool {
        self.peek_schedule().is_some_and(|schedule| schedule.is_own(node.scope(), node.address()))
    }

    /// Whether `node` has a deadline of its own that did not pass yet.
    pub(crate) fn is_armed(&self, node: &Node) -> bool {
        self.has_entry(node) && self.peek_schedule().is_some_and(|schedule| schedule.is_armed(node.scope()))
    }

    /// Forgets the deadline of a node that goes away; returns the clock when it was the last one in the shard.
    #[must_use = "with the last deadline the alarm is to be released"]
    pub(crate) fn forget_entry(&mut self, node: &Node) -> Option<Alarm> {
        if !self.has_entry(node) {
            return None;
        }
        let was_armed = self.is_armed(node);
        self.schedule()?.forget(node.scope());
        self.idle_clock().filter(|_| was_armed)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl Drop for Node {
    #[allow(unsafe_code, reason = "gives the share back")]
    fn drop(&mut self) {
        if !self.state.is_stopped_alone() {
            return;
        }
        // SAFETY: STOPPED was seen, and no other code has the node any more.
        let raw = unsafe { self.raw_request() };
        // SAFETY: the share is that of `slot`.
        drop(unsafe { RequestRef::from_raw(raw) });
    }
}
