//! The locks of a tree: one, until threads are seen to wait for it.
//!
//! # How it works
//!
//! A shard is a lock with a list of nodes, and a node lives and dies in the shard that it was born in, with everything
//! below it.
//! A root has a shard of its own, which also guards the root.
//! When threads that make children of a root have to wait for each other, the root gets more shards, and each thread makes
//! its children in another one.
//!
//! The shards of a root are made under the lock of its own, and only while it is open; a request first marks the root under
//! that lock and then goes through all shards that there are.
//! So whoever makes a child finds the root marked, or its child is found (law L12).
#![allow(unsafe_code, reason = "a shard and its root point to each other")]

use std::ptr::{self, NonNull};

use crate::fault::{self, Fault};
use crate::stop::attached::Attached;
use crate::stop::default_timer;
use crate::stop::node::Node;
use crate::stop::schedule::Schedule;
use crate::stop::state::LINKED;
use crate::stop::timer::{Alarm, Timer, TimerError};
use crate::stop::tree::{Bracket, Mark};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
use crate::sync::{Condvar, Mutex, MutexGuard, Shortcut, Unmodelled, lock, slot, thread, wait};

/// How many shards a root gets when its own is not enough; a model has one more.
const MORE: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };
/// How often a request that pauses offers its place to others.
const OFFERS: usize = 64;

/// A lock and the list of nodes that it guards.
#[derive(Debug)]
pub(crate) struct Shard {
    lock: Mutex<Held>,
    /// Told when the last sweep that paused is over.
    swept: Condvar,
    /// How many threads wait for the lock.
    contenders: AtomicU32,
    pub(super) anchor: Mark<Node>,
    pub(super) root: NonNull<Root>,
}

/// What the lock guards beside the nodes.
#[derive(Debug)]
struct Held {
    shard: NonNull<Shard>,
    /// How many sweeps have paused in the middle.
    sweeps: u32,
    /// How many threads wait for them.
    late_requesters: u32,
    /// Whether the root counts on being told when the list is empty.
    orphaned: bool,
    /// The deadlines of the nodes in the list; none while there are none.
    schedule: Option<Box<Schedule<NonNull<Node>>>>,
    /// The clock of the tree; in the shard of the root itself from the first deadline of the tree on, in the others from
    /// the first one of theirs.
    clock: Option<Alarm>,
    /// What stops the root from other trees, in the shard of the root itself.
    attached: Option<Unmodelled<dyn Attached>>,
}

/// The node at the top of a tree, with what the whole tree needs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Root {
    /// Comes first, so that a pointer to it is one to the root.
    pub(super) node: Node,
    pub(super) shard: Shard,
    more: AtomicPtr<[Padded; MORE]>,
    /// How many of these keep the root's memory: its handles, all together, and each orphaned shard that is not empty.
    keepers: AtomicUsize,
    /// Whether it ever had a child.
    pub(super) had_children: Shortcut,
    /// Whether it ever had a clock, or was attached to other trees.
    is_equipped: Shortcut,
    /// Whether its last share is gone.
    #[cfg(debug_assertions)]
    given_back: Shortcut,
}

/// A shard on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Shard);

impl Root {
    /// A root that nobody points to, with one handle and one source.
    pub(super) fn allocate() -> NonNull<Self> {
        let root = NonNull::from(Box::leak(Box::<Self>::new_uninit())).cast::<Self>();
        // SAFETY: the address of a field of what is being made.
        let shard = unsafe { &raw mut (*root.as_ptr()).shard };
        let shard = NonNull::new(shard).expect("what lies inside of something has an address");
        let made = Self {
            node: Node::new(Some(shard)),
            shard: Shard::new(shard, root),
            more: AtomicPtr::new(ptr::null_mut()),
            keepers: AtomicUsize::new(1),
            had_children: Shortcut::new(),
            is_equipped: Shortcut::new(),
            #[cfg(debug_assertions)]
            given_back: Shortcut::new(),
        };
        // SAFETY: the place is big enough, and nobody else has it.
        unsafe { root.write(made) };
        root
    }

    /// The shard in which the calling thread makes a child, and its lock.
    #[inline]
    pub(super) fn child_shard(&self) -> Guard<'_> {
        self.had_children.raise();
        match self.more() {
            Some(more) => slot::with(|slot| {
                let shard = &more[slot.get() % MORE].0;
                shard.try_lock().unwrap_or_else(|| {
                    slot.set(slot.get().wrapping_add(1));
                    shard.lock_waiting()
                })
            }),
            None => self.shard.try_lock().unwrap_or_else(|| self.child_shard_contended()),
        }
    }

    /// What is done when threads have to wait for each other.
    #[cold]
    fn child_shard_contended(&self) -> Guard<'_> {
        let guard = self.shard.lock_waiting();
        if self.node.is_open() {
            self.grow(&guard);
        }
        guard
    }

    /// Gives the root more shards, unless it has them; `_own` is the lock of its own.
    pub(super) fn grow(&self, _own: &Guard<'_>) {
        if self.more().is_some() {
            return;
        }
        let root = NonNull::from(self);
        let more = NonNull::from(Box::leak(Box::<[Padded; MORE]>::new_uninit())).cast::<[Padded; MORE]>();
        for index in 0..MORE {
            // SAFETY: it lies inside of the array.
            let place = unsafe { more.cast::<Padded>().add(index) };
            // A padded shard begins with the shard.
            let made = Padded(Shard::new(place.cast(), root));
            // SAFETY: the place is that of one element, and nobody else has it.
            unsafe { place.write(made) };
        }
        let order = if fault::is(Fault::ShardsUnpublished) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire in `more`: who finds the shards finds them made.
        self.more.store(more.as_ptr(), order);
    }

    /// Whether it never had a child, nor a clock, and is attached to no other tree; asked by whoever has the last handle.
    pub(super) fn is_plain(&self) -> bool {
        !self.had_children.is_raised() && !self.is_equipped.is_raised()
    }

    /// The shards beside its own.
    pub(super) fn others(&self) -> impl Iterator<Item = &Shard> {
        self.more().into_iter().flatten().map(|padded| &padded.0)
    }

    fn more(&self) -> Option<&[Padded; MORE]> {
        // ORDERING: Acquire pairs with the Release in `grow`.
        let more = self.more.load(Acquire);
        // SAFETY: it is null or came from a box, and is given back with the root.
        unsafe { more.as_ref() }
    }

    /// The clock of the tree, which is made for the first deadline.
    ///
    /// # Errors
    ///
    /// When the process has no timer.
    pub(super) fn clock(&self) -> Result<Alarm, TimerError> {
        let mut guard = self.shard.lock();
        if guard.0.clock.is_none() {
            guard.0.clock = Some(Alarm::new(default_timer::of_process()?, NonNull::from(self)));
            self.is_equipped.raise();
        }
        Ok(guard.0.clock.clone().expect("it was just made"))
    }

    /// Gives the tree a timer; called before anybody else has it.
    pub(super) fn set_timer(&self, timer: Unmodelled<dyn Timer>) {
        self.shard.lock().0.clock = Some(Alarm::new(timer, NonNull::from(self)));
        self.is_equipped.raise();
    }

    /// Attaches what stops the root from other trees; called before another thread has the root.
    pub(super) fn attach(&self, attached: Unmodelled<dyn Attached>) {
        self.shard.lock().0.attached = Some(attached);
        self.is_equipped.raise();
    }

    /// Notes that a link counts as the source of the root; called before another thread has the root.
    pub(super) fn set_linked(&self) {
        let _guard = self.shard.lock();
        self.node.state.set(LINKED);
    }

    /// What stops the root from other trees.
    pub(super) fn attached(&self) -> Option<Unmodelled<dyn Attached>> {
        if self.is_equipped.is_raised() { self.shard.lock().0.attached.clone() } else { None }
    }

    /// Lets the alarms and what is attached know that the tree is gone, and returns what is attached, for the caller to drop
    /// once the memory is given back.
    pub(super) fn forget(&self) -> Option<Unmodelled<dyn Attached>> {
        if !self.is_equipped.is_raised() {
            return None;
        }
        let (clock, attached) = {
            let mut guard = self.shard.lock();
            (guard.0.clock.take(), guard.0.attached.take())
        };
        if let Some(clock) = clock {
            clock.forget();
        }
        attached.inspect(|attached| attached.forget())
    }

    /// Takes a share, unless the last one is gone.
    pub(super) fn keep(&self) -> bool {
        // ORDERING: Relaxed: only the number matters; the caller has the lock around the pointer to the root, which is
        // taken before the memory is given back.
        let more = |keepers| (keepers > 0 || fault::is(Fault::RootRevived)).then_some(keepers + 1);
        self.keepers.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Notes that no handle of the root is left: from now on each shard that is not empty keeps it.
    pub(super) fn orphan(&self) {
        for shard in std::iter::once(&self.shard).chain(self.others()) {
            let mut guard = shard.lock();
            guard.0.orphaned = true;
            if !shard.is_empty() {
                // ORDERING: Relaxed: only the number matters; the shard gives its share back under the same lock.
                self.keepers.fetch_add(1, Relaxed);
            }
        }
    }

    /// Gives one keeper's share back; true when it was the last.
    pub(super) fn release(&self) -> bool {
        let order = if fault::is(Fault::RelaxedKeepers) { Relaxed } else { AcqRel };
        // ORDERING: AcqRel: every keeper's last touch happens before the memory is given back by the last one.
        let is_last = self.keepers.fetch_sub(1, order) == 1;
        #[cfg(debug_assertions)]
        assert!(!is_last || self.given_back.is_first(), "L18: a root is given back a second time");
        is_last
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // The lists are read once more, so that a model sees who touches one too late.
        let shards = || std::iter::once(&self.shard).chain(self.others());
        debug_assert!(shards().all(Shard::is_empty), "a root is given back while there are nodes below it (law L18)");
        // ORDERING: Relaxed: nobody else has the root any more.
        let more = self.more.load(Relaxed);
        if !more.is_null() {
            // SAFETY: it came from a box, and nobody else has it any more.
            drop(unsafe { Box::from_raw(more) });
        }
    }
}

impl Shard {
    /// A shard that is about to be written to `shard`.
    fn new(shard: NonNull<Self>, root: NonNull<Root>) -> Self {
        Self {
            lock: Mutex::new(Held {
                shard,
                sweeps: 0,
                late_requesters: 0,
                orphaned: false,
                schedule: None,
                clock: None,
                attached: None,
            }),
            swept: Condvar::new(),
            contenders: AtomicU32::new(0),
            anchor: Mark::new(),
            root,
        }
    }

    #[inline]
    pub(super) fn lock(&self) -> Guard<'_> {
        self.try_lock().unwrap_or_else(|| self.lock_waiting())
    }

    /// Takes the lock if nobody has it; a model looks at who comes first, not at who waits, and always takes it.
    #[inline]
    fn try_lock(&self) -> Option<Guard<'_>> {
        if cfg!(any(loom, shuttle)) {
            return Some(Guard(lock(&self.lock)));
        }
        self.lock.try_lock().ok().map(Guard)
    }

    #[cold]
    fn lock_waiting(&self) -> Guard<'_> {
        // ORDERING: Relaxed, here and below: a hint for whoever holds the lock.
        self.contenders.fetch_add(1, Relaxed);
        let held = lock(&self.lock);
        self.contenders.fetch_sub(1, Relaxed);
        Guard(held)
    }

    /// Whether no node is in the list; called under the lock, or when nobody else has the shard.
    fn is_empty(&self) -> bool {
        let anchor = Bracket::anchor(&self.anchor);
        anchor.next() == anchor
    }
}

/// The lock of a shard, held.
///
/// It is one pointer and a flag, so that it travels in registers.
#[derive(Debug)]
pub(crate) struct Guard<'a>(MutexGuard<'a, Held>);

impl<'a> Guard<'a> {
    /// The shard whose lock it is.
    pub(super) fn shard(&self) -> &'a Shard {
        // SAFETY: the lock is a field of it.
        unsafe { self.0.shard.as_ref() }
    }

    /// Lets whoever waits for the lock have it once, and takes it again.
    pub(super) fn pause(self) -> Self {
        let shard = self.shard();
        drop(self);
        for _ in 0..OFFERS {
            // ORDERING: Relaxed: a hint.
            if shard.contenders.load(Relaxed) == 0 {
                break;
            }
            thread::yield_now();
        }
        shard.lock()
    }

    /// Notes that a sweep pauses in the middle.
    pub(super) fn begin_sweep(&mut self) {
        self.0.sweeps += 1;
    }

    /// Notes that a sweep that has paused is over, and tells those who wait for it.
    pub(super) fn end_sweep(&mut self) {
        self.0.sweeps -= 1;
        if self.0.sweeps == 0 && self.0.late_requesters > 0 {
            self.shard().swept.notify_all();
        }
    }

    /// Blocks until no sweep is in the middle.
    pub(super) fn wait_for_sweeps(mut self) {
        self.0.late_requesters += 1;
        while self.0.sweeps > 0 {
            self.0 = wait(&self.shard().swept, self.0);
            if fault::is(Fault::SweepWaitedOnce) {
                break;
            }
        }
        self.0.late_requesters -= 1;
    }

    /// The deadlines in this shard, if there are any.
    pub(super) fn schedule(&mut self) -> Option<&mut Schedule<NonNull<Node>>> {
        self.0.schedule.as_deref_mut()
    }

    /// The deadlines in this shard, if there are any.
    pub(super) fn peek_schedule(&self) -> Option<&Schedule<NonNull<Node>>> {
        self.0.schedule.as_deref()
    }

    /// Notes the clock of the tree, for when the last deadline in this shard goes.
    pub(super) fn note_clock(&mut self, clock: &Alarm) {
        self.0.clock.get_or_insert_with(|| clock.clone());
    }

    /// The clock of the tree, when the shard had deadlines and none of them is left to pass.
    pub(super) fn idle_clock(&self) -> Option<Alarm> {
        self.0.clock.clone().filter(|_| self.peek_schedule().is_some_and(|schedule| schedule.next().is_none()))
    }

    /// The deadlines in this shard.
    pub(super) fn schedule_or_new(&mut self) -> &mut Schedule<NonNull<Node>> {
        self.0.schedule.get_or_insert_default()
    }

    /// Whether `node` has a deadline of its own.
    pub(super) fn has_entry(&self, node: &Node) -> bool {
        self.peek_schedule().is_some_and(|schedule| schedule.is_own(node.scope(), node.address()))
    }

    /// Whether `node` has a deadline of its own that did not pass yet.
    pub(super) fn is_armed(&self, node: &Node) -> bool {
        self.has_entry(node) && self.peek_schedule().is_some_and(|schedule| schedule.is_armed(node.scope()))
    }

    /// Forgets the deadline of a node that goes away; returns the clock when it was the last one in the shard.
    #[must_use = "with the last deadline the alarm is to be released"]
    pub(super) fn forget_entry(&mut self, node: &Node) -> Option<Alarm> {
        if !self.has_entry(node) {
            return None;
        }
        let was_armed = self.is_armed(node);
        self.schedule()?.forget(node.scope());
        self.idle_clock().filter(|_| was_armed)
    }

    /// Whether the root waits for this shard, and its list is empty now.
    pub(super) fn gives_up_root(&self) -> bool {
        self.0.orphaned && self.shard().is_empty()
    }
}
