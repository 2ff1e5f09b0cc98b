//! The word that says what has happened to a node.
//!
//! Only the holder of the node's lock writes it; a poll reads it without.

use crate::fault::{self, Fault};
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::read_alone;

/// Asked.
const STOPPED: u32 = 1;
/// No request can come any more.
pub(crate) const NO_SOURCE: u32 = 2;
/// Asked further up.
const INHERITED: u32 = 4;
/// No request can come from above: the parent of the node has no source.
pub(crate) const ORPHAN: u32 = 8;
/// Code that found its deadline passed keeps it in a list.
pub(crate) const KEPT: u32 = 16;
/// No handle is left, but it stays in its list: it is kept, or has a deadline for those below it.
pub(crate) const LEFT: u32 = 32;

/// What a read of the state shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// A stop was requested.
    Stopped,
    /// No source is left, so no stop can be requested.
    NoSource,
    /// A stop can still be requested.
    Open,
}

/// A link may still stop it, which counts as a source.
pub(crate) const LINKED: u32 = 64;

/// The bits above.
#[derive(Debug)]
pub(crate) struct State(AtomicU32);

impl State {
    /// Open.
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// No source is left, nor ever was.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn without_source() -> Self {
        Self(AtomicU32::new(NO_SOURCE))
    }

    /// Asked.
    #[inline]
    pub(crate) fn is_stop_requested(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `stop`: who sees the stop sees the request and all that was
        // written before it (law L3).
        self.0.load(Acquire) & STOPPED != 0
    }

    /// Whether it was asked further up, when it was asked.
    pub(crate) fn stopped(&self) -> Option<bool> {
        let order = if fault::is(Fault::RelaxedReason) { Relaxed } else { Acquire };
        // ORDERING: Acquire, as in `is_stop_requested`: the caller reads the request next.
        let state = self.0.load(order);
        (state & STOPPED != 0).then_some(state & INHERITED != 0)
    }

    /// Returns the state without blocking.
    pub(crate) fn seen(&self) -> Status {
        // ORDERING: Acquire, as in `is_stop_requested`: who returns from a wait with the stop sees what was written before it.
        match self.0.load(Acquire) {
            state if state & STOPPED != 0 => Status::Stopped,
            state if state & NO_SOURCE != 0 => Status::NoSource,
            _ => Status::Open,
        }
    }

    /// Whether it is stopped; for a caller that has the node alone.
    pub(crate) fn is_stopped_alone(&mut self) -> bool {
        read_alone(&mut self.0) & STOPPED != 0
    }
}

/// What is called under the lock only.
impl State {
    /// The bits.
    #[inline]
    fn bits(&self) -> u32 {
        // ORDERING: Relaxed, because the word changes only under the lock.
        self.0.load(Relaxed)
    }

    /// Neither asked nor without a source.
    pub(crate) fn is_open(&self) -> bool {
        self.bits() & (STOPPED | NO_SOURCE) == 0
    }

    /// Whether any of `bits` is set.
    pub(crate) fn has(&self, bits: u32) -> bool {
        self.bits() & bits != 0
    }

    /// Whether nothing but its children keeps the node.
    pub(crate) fn is_left_to_children(&self) -> bool {
        self.bits() & (KEPT | LEFT) == LEFT
    }

    /// The bits, when it was not asked yet.
    #[inline]
    pub(crate) fn unmarked(&self) -> Option<Unmarked> {
        let bits = self.bits();
        (bits & STOPPED == 0).then_some(Unmarked(bits))
    }

    /// Sets bits, and says whether any of them was set before.
    pub(crate) fn set(&self, bits: u32) -> bool {
        self.change(|before| before | bits) & bits != 0
    }

    /// Takes bits away.
    pub(crate) fn clear(&self, bits: u32) {
        self.change(|before| before & !bits);
    }

    /// Stores that it was asked, once the request is in its place.
    #[inline]
    pub(crate) fn stop(&self, before: Unmarked, inherited: bool) {
        let order = if fault::is(Fault::RelaxedPublication) { Relaxed } else { Release };
        let inherited = if inherited { INHERITED } else { 0 };
        // ORDERING: Release pairs with the Acquire of every poll: it publishes the request and all that the asking thread
        // wrote before.
        self.0.store(before.0 | STOPPED | inherited, order);
    }

    /// Takes a stop back, which only a seeded fault does.
    pub(crate) fn lower(&self) {
        // ORDERING: Relaxed: a seeded fault, wrong whatever its ordering.
        self.0.store(0, Relaxed);
    }

    fn change(&self, change: impl FnOnce(u32) -> u32) -> u32 {
        let before = self.bits();
        let order = if fault::is(Fault::RelaxedChange) { Relaxed } else { Release };
        // ORDERING: Release: a reader may see STOPPED from this store, because the alarm clears KEPT on a node that it has
        // stopped, and the reader then reads the request.
        self.0.store(change(before), order);
        before
    }
}

/// The bits of a node that was not asked yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unmarked(u32);

impl Unmarked {
    /// Those of a node that was just made.
    pub(crate) const NEW: Self = Self(0);
}
