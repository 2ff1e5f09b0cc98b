//! `thread::park`: one wake-up is remembered, and a wake-up for no reason is allowed.

use std::thread::{self, Thread};
use std::time::Instant;

/// The calling thread's own ability to be suspended.
pub(crate) struct Parker(());

/// Wakes the thread that made the [`Parker`].
pub(crate) struct Unparker(Thread);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(())
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(thread::current())
    }

    /// Suspends until woken or `deadline`; true when the deadline has passed.
    pub(crate) fn park_until(&self, deadline: Option<Instant>) -> bool {
        let Some(deadline) = deadline else {
            thread::park();
            return false;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::park_timeout(left);
        false
    }
}

impl Unparker {
    pub(crate) fn unpark(self) {
        self.0.unpark();
    }
}
