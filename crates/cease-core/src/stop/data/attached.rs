//! What stops a root from other trees, and is dropped with the root.
#![allow(unsafe_code, reason = "a thread's own variable points to a frame of its stack")]

use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::time::Instant;

use crate::sync::{Unmodelled, thread_own};

/// What stops a root from other trees, and lives as long as the root: the inputs of a link.
pub(crate) trait Attached: fmt::Debug + Send + Sync {
    /// Notes that the root goes away; called before its memory is given back, with no lock held.
    fn forget(&self);

    /// When it stops the root at the latest.
    fn deadline(&self) -> Option<Instant>;
}

type Pending = Vec<Unmodelled<dyn Attached>>;

thread_own! { static PENDING: Cell<*mut Pending> = Cell::new(ptr::null_mut()); }

/// Drops `attached`, which may hold the last handles of other roots, whose attachments are dropped here one after the other:
/// a long chain of links takes no stack.
pub(crate) fn drop_in_turn(attached: Unmodelled<dyn Attached>) {
    let outer = PENDING.with(Cell::get);
    if !outer.is_null() {
        // SAFETY: it points to the `pending` of a call of this function further up in this thread's stack, which holds no
        // reference to it while it drops anything, and removes the pointer before it returns.
        let pending = unsafe { &mut *outer };
        pending.push(attached);
        return;
    }
    let mut pending: Pending = vec![attached];
    let place = &raw mut pending;
    let _restore = Restore;
    PENDING.with(|own| own.set(place));
    // SAFETY: `pending` is alive, and only this thread has a pointer to it; the reference ends before anything is dropped.
    while let Some(next) = unsafe { &mut *place }.pop() {
        drop(next);
    }
}

/// Removes the pointer to the frame, also when a drop panics.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        PENDING.with(|own| own.set(ptr::null_mut()));
    }
}
