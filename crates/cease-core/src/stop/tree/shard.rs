//! A shard: a lock, the list of nodes that it guards, and their deadlines.
//!
//! `N` is the node. A shard stores pointers to nodes, compares and returns them, and never follows them; the links of the
//! list it follows through [`Element`].
//!
//! # How it works
//!
//! A node stays in the shard in which it was made, with everything below it.
//! The root of a tree has a shard of its own, which also guards the root, and gets more of them when threads have to wait
//! for each other.
#![allow(unsafe_code, reason = "a lock points to its shard")]

use std::ptr::NonNull;

use crate::fault::{self, Fault};
use crate::stop::data::attached::Attached;
use crate::stop::data::brackets::{Bracket, Element, Mark};
use crate::stop::data::schedule::Schedule;
use crate::stop::data::timer::Alarm;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::Relaxed;
use crate::sync::{Condvar, Mutex, MutexGuard, Unmodelled, lock, thread, wait};

/// How often a paused request yields the processor to threads that wait for the lock.
const YIELDS: usize = 64;

/// A lock and the list of nodes that it guards.
#[derive(Debug)]
pub(crate) struct Shard<N> {
    lock: Mutex<Held<N>>,
    /// Notified when the last paused sweep ends.
    swept: Condvar,
    /// How many threads wait for the lock.
    contenders: AtomicU32,
    pub(crate) anchor: Mark<N>,
    /// The node of the root, which lies at the address of the root.
    pub(crate) top: NonNull<N>,
}

/// What the lock guards beside the nodes.
#[derive(Debug)]
struct Held<N> {
    shard: NonNull<Shard<N>>,
    /// How many sweeps have paused in the middle.
    sweeps: u32,
    /// How many threads wait for those sweeps.
    late_requesters: u32,
    /// Whether the shard gives a share of the root back when its list becomes empty.
    orphaned: bool,
    /// The deadlines of the nodes in the list; `None` before the first deadline.
    schedule: Option<Box<Schedule<NonNull<N>>>>,
    /// The clock of the tree; in the shard of the root itself from the first deadline of the tree on, in the others from
    /// the first one of theirs.
    clock: Option<Alarm>,
    /// What stops the root from other trees; only in the shard of the root itself.
    attached: Option<Unmodelled<dyn Attached>>,
}

impl<N> Shard<N> {
    /// A shard that is about to be written to `shard`.
    pub(crate) fn new(shard: NonNull<Self>, top: NonNull<N>) -> Self {
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
            top,
        }
    }

    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, N> {
        self.try_lock().unwrap_or_else(|| self.lock_waiting())
    }

    /// Takes the lock if it is free; a model explores the order of the threads, not the waiting, and always takes it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, N>> {
        if cfg!(any(loom, shuttle)) {
            return Some(Guard(lock(&self.lock)));
        }
        self.lock.try_lock().ok().map(Guard)
    }

    /// Takes the lock, and counts as a contender while another thread has it.
    #[cold]
    pub(crate) fn lock_waiting(&self) -> Guard<'_, N> {
        // ORDERING: Relaxed, here and below: a hint for the thread that holds the lock.
        self.contenders.fetch_add(1, Relaxed);
        let held = lock(&self.lock);
        self.contenders.fetch_sub(1, Relaxed);
        Guard(held)
    }
}

impl<N: Element> Shard<N> {
    /// Whether no node is in the list; called under the lock, or when no other thread has the shard.
    pub(crate) fn is_empty(&self) -> bool {
        let anchor = Bracket::anchor(&self.anchor);
        anchor.next() == anchor
    }
}

/// The lock of a shard, held.
///
/// It is one pointer and a flag, so that it is passed in registers.
#[derive(Debug)]
pub(crate) struct Guard<'a, N>(MutexGuard<'a, Held<N>>);

impl<'a, N> Guard<'a, N> {
    /// The shard whose lock it is.
    pub(crate) fn shard(&self) -> &'a Shard<N> {
        // SAFETY: the lock is a field of it.
        unsafe { self.0.shard.as_ref() }
    }

    /// Releases the lock, yields to the threads that wait for it, and takes it again.
    pub(crate) fn pause(self) -> Self {
        let shard = self.shard();
        drop(self);
        for _ in 0..YIELDS {
            // ORDERING: Relaxed: a hint.
            if shard.contenders.load(Relaxed) == 0 {
                break;
            }
            thread::yield_now();
        }
        shard.lock()
    }

    /// Notes that a sweep pauses in the middle.
    pub(crate) fn begin_sweep(&mut self) {
        self.0.sweeps += 1;
    }

    /// Notes that a paused sweep has ended, and wakes the threads that wait for it.
    pub(crate) fn end_sweep(&mut self) {
        self.0.sweeps -= 1;
        if self.0.sweeps == 0 && self.0.late_requesters > 0 {
            self.shard().swept.notify_all();
        }
    }

    /// Blocks until no sweep is in the middle.
    pub(crate) fn wait_for_sweeps(mut self) {
        self.0.late_requesters += 1;
        while self.0.sweeps > 0 {
            self.0 = wait(&self.shard().swept, self.0);
            if fault::is(Fault::SweepWaitedOnce) {
                break;
            }
        }
        self.0.late_requesters -= 1;
    }

    /// The deadlines in this shard; `None` before the first one.
    pub(crate) fn schedule(&mut self) -> Option<&mut Schedule<NonNull<N>>> {
        self.0.schedule.as_deref_mut()
    }

    /// The deadlines in this shard; `None` before the first one.
    pub(crate) fn peek_schedule(&self) -> Option<&Schedule<NonNull<N>>> {
        self.0.schedule.as_deref()
    }

    /// Notes the clock of the tree, for when the last deadline in this shard goes.
    pub(crate) fn note_clock(&mut self, clock: &Alarm) {
        self.0.clock.get_or_insert_with(|| clock.clone());
    }

    /// The clock of the tree, when the shard had deadlines and none of them is left to pass.
    pub(crate) fn idle_clock(&self) -> Option<Alarm> {
        self.0.clock.clone().filter(|_| self.peek_schedule().is_some_and(|schedule| schedule.next().is_none()))
    }

    /// The deadlines in this shard, which are made for the first one.
    pub(crate) fn schedule_or_new(&mut self) -> &mut Schedule<NonNull<N>> {
        self.0.schedule.get_or_insert_default()
    }

    /// The clock of the tree, when this shard has noted it.
    pub(crate) fn clock(&self) -> Option<&Alarm> {
        self.0.clock.as_ref()
    }

    /// Sets the clock of the tree.
    pub(crate) fn set_clock(&mut self, clock: Alarm) {
        self.0.clock = Some(clock);
    }

    /// Takes the clock of the tree out.
    pub(crate) fn take_clock(&mut self) -> Option<Alarm> {
        self.0.clock.take()
    }

    /// What stops the root from other trees.
    pub(crate) fn attached(&self) -> Option<&Unmodelled<dyn Attached>> {
        self.0.attached.as_ref()
    }

    /// Sets what stops the root from other trees.
    pub(crate) fn attach(&mut self, attached: Unmodelled<dyn Attached>) {
        self.0.attached = Some(attached);
    }

    /// Takes out what stops the root from other trees.
    pub(crate) fn take_attached(&mut self) -> Option<Unmodelled<dyn Attached>> {
        self.0.attached.take()
    }

    /// Notes that the root waits for this shard to become empty.
    pub(crate) fn orphan(&mut self) {
        self.0.orphaned = true;
    }
}

impl<N: Element> Guard<'_, N> {
    /// Whether the root waits for this shard, and its list is empty now.
    pub(crate) fn gives_up_root(&self) -> bool {
        self.0.orphaned && self.shard().is_empty()
    }
}
