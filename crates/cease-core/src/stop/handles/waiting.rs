//! Waiting at a node: how a waiter enters its list, and leaves it.
//!
//! A request and a registration both decide under the lock, so one of them sees the other: either the request finds the
//! waiter in the list, or the waiter finds the word changed and does not wait (law L4).
#![allow(unsafe_code, reason = "the list points to frames, futures and callbacks")]

use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::task::Waker;
use std::time::Instant;

use crate::fault::{self, Fault};
use crate::stop::data::default_timer;
use crate::stop::data::list;
use crate::stop::data::state::Status;
use crate::stop::data::waiter::{Waiter, Wake};
use crate::stop::tree::node::Node;
use crate::sync::Parker;

impl Node {
    /// Blocks until the state is no longer open, or until `deadline`.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Status {
        if self.state.seen() != Status::Open {
            return self.state.seen();
        }
        default_timer::resume();
        let parker = Parker::new();
        let waiter = pin!(Waiter::new());
        let waiter = waiter.as_ref();
        // SAFETY: `waiter` is pinned to this frame and in no list. The frame is left only below, after another thread removed it
        // (`is_done`) or after `leave`.
        if !unsafe { self.enter(NonNull::from(waiter.get_ref()), Wake::Thread(parker.unparker())) } {
            return self.state.seen();
        }
        while !waiter.is_done() {
            if parker.park_until(deadline) || fault::is(Fault::ParkedOnce) {
                // SAFETY: `waiter` entered above.
                unsafe { self.leave(waiter) };
                break;
            }
        }
        // SAFETY: the waiter is done, or left above.
        debug_assert!(unsafe { waiter.is_unlinked() }, "the frame is left while the list points to it (law L4)");
        self.state.seen()
    }

    /// Puts `waiter` into the list; false, and it is in no list, when there is nothing to wait for.
    ///
    /// # Safety
    ///
    /// - `waiter` is in no list, and does not move.
    /// - Its frame is not left before it is done or has left.
    #[inline]
    pub(crate) unsafe fn enter(&self, waiter: NonNull<Waiter>, wake: Wake) -> bool {
        let Some(home) = self.home() else { return false };
        let _guard = home.lock();
        // Looking again is what law L4 rests on: a request between the poll and this lock found no waiter to wake.
        if !self.is_open() {
            return fault::is(Fault::LostWakeup);
        }
        // SAFETY: by the caller's promise it is alive.
        let entering = unsafe { waiter.as_ref() };
        // SAFETY: it is in no list, and the lock is held.
        let none = unsafe { entering.renew(wake) };
        debug_assert!(none.is_none(), "a waiter enters while it waits (law L4)");
        // SAFETY: the caller's promises are those of `push`, and the lock is held.
        self.with_waiters(|waiters| unsafe { waiters.push(waiter) });
        true
    }

    /// Removes `waiter` from the list; true when it was still there.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node, once.
    pub(crate) unsafe fn leave(&self, waiter: Pin<&Waiter>) -> bool {
        let guard = self.lock();
        // SAFETY: the lock is held.
        let Some(wake) = (unsafe { waiter.take_wake() }) else { return false };
        // SAFETY: it still waited, so it is in the list.
        unsafe { self.take_out(waiter) };
        drop(guard);
        // What it would have done may own anything, so it is dropped with no lock held.
        drop(wake);
        true
    }

    /// Takes `waiter` out of the list that it is in: that of this node, or one of what a request has to call.
    ///
    /// # Safety
    ///
    /// It is in one of them, and the lock is held.
    #[inline]
    pub(crate) unsafe fn take_out(&self, waiter: Pin<&Waiter>) {
        let waiter = NonNull::from(waiter.get_ref());
        if self.state.unmarked().is_none() {
            // SAFETY: a stopped node has no waiters, so it is in a list that begins with another waiter.
            unsafe { list::remove_behind_front(waiter) };
        } else {
            // SAFETY: it is in such a list, or in that of this node.
            self.with_waiters(|waiters| unsafe { waiters.remove(waiter) });
        }
    }

    /// Lets a task that waits be woken by `waker` from now on; false when it was taken out.
    ///
    /// # Safety
    ///
    /// `waiter` has entered this node with [`Wake::Task`].
    pub(crate) unsafe fn renew(&self, waiter: Pin<&Waiter>, waker: &Waker) -> bool {
        // A waker runs foreign code, so it is cloned, and the old one dropped, with no lock held.
        let new = Wake::Task(waker.clone());
        let guard = self.lock();
        if waiter.is_done() && !fault::is(Fault::RenewedUnseen) {
            return false;
        }
        // SAFETY: the lock is held.
        let old = unsafe { waiter.renew(new) };
        drop(guard);
        drop(old);
        true
    }
}
