//! Waiting at a node: how a waiter enters its lists, and leaves them.
//!
//! A request and a registration both decide under the lock, so one of them sees the other: either the request finds the
//! waiter in the list, or the waiter finds the word changed and does not wait (law L4).
#![allow(unsafe_code, reason = "the lists point to frames, futures and callbacks")]

use std::pin::{Pin, pin};
use std::task::Waker;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::node::{Locked, NO_SOURCE, Node, OPEN, STOPPED};
use crate::stop::wait_list::{WaitList, Waiter, Wake};
use crate::sync::Parker;
use crate::sync::atomic::Ordering::{Acquire, Relaxed};

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Stop,
    NoSource,
    Nothing,
}

/// Where a waiter stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Queue {
    /// Threads and tasks, which any end of the waiting wakes.
    Waiters,
    /// Functions, which only a stop calls.
    Callbacks,
}

impl Node {
    /// Blocks until the state is no longer `OPEN`, or until `deadline`.
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
    pub(crate) unsafe fn enter(&self, waiter: Pin<&Waiter>, queue: Queue, wake: Wake) -> bool {
        let _tree = self.lock_tree();
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here. Reading it again is what law
        // L4 rests on: a request between an earlier poll and this lock found no waiter to wake.
        if self.state.load(Relaxed) != OPEN && !fault::is(Fault::LostWakeup) {
            return false;
        }
        // SAFETY: the caller's promises are those of `push`.
        self.with_locked(|locked| unsafe { locked.list(queue).push(waiter, wake) });
        true
    }

    /// Takes `waiter` out of `queue`, unless a waker has done so before; true when it was still there.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node, and this queue, once.
    pub(crate) unsafe fn leave(&self, waiter: Pin<&Waiter>, queue: Queue) -> bool {
        let tree = self.lock_tree();
        if waiter.is_woken() {
            return false;
        }
        // SAFETY: by the caller's promise it was in this list, and no waker has taken it out, so it still is.
        let wake = self.with_locked(|locked| unsafe { locked.list(queue).remove(waiter) });
        drop(tree);
        // What it would have done may own anything, so it is dropped with no lock held.
        drop(wake);
        true
    }

    /// Lets a task that waits be woken by `waker` from now on; false when a waker has taken it out.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node with [`Wake::Task`].
    pub(crate) unsafe fn renew(&self, waiter: Pin<&Waiter>, waker: &Waker) -> bool {
        // A waker is somebody else's code, so it is cloned, and the old one dropped, with no lock held.
        let new = Wake::Task(waker.clone());
        let tree = self.lock_tree();
        if waiter.is_woken() {
            return false;
        }
        // SAFETY: it has entered, the lock is held, and no waker has taken it out, so it is in the list of tasks.
        let old = self.with_locked(|locked| unsafe { locked.waiters.renew(waiter, new) });
        drop(tree);
        drop(old);
        true
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

impl Locked {
    const fn list(&mut self, queue: Queue) -> &mut WaitList {
        match queue {
            Queue::Waiters => &mut self.waiters,
            Queue::Callbacks => &mut self.callbacks,
        }
    }
}
