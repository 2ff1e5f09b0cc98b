//! A lock and a condition variable, because loom's `unpark` also wakes a thread that waits for something else.

use super::{Condvar, Mutex, lock, thread};
use std::sync::Arc;
use std::time::Instant;

struct Token {
    given: Mutex<bool>,
    changed: Condvar,
    /// Whether the thread has gone on for no reason once.
    #[cfg(loom)]
    spurious: std::sync::atomic::AtomicBool,
}

/// The calling thread's own ability to be suspended.
pub(crate) struct Parker(Arc<Token>);

/// Wakes the thread that made the [`Parker`].
pub(crate) struct Unparker(Arc<Token>);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Token {
            given: Mutex::new(false),
            changed: Condvar::new(),
            #[cfg(loom)]
            spurious: std::sync::atomic::AtomicBool::new(false),
        }))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Arc::clone(&self.0))
    }

    /// Suspends until woken; with a deadline, lets others run once and says that it has passed.
    ///
    /// It may return early for no reason, as `std`'s does; see `model::wake_spuriously`.
    #[track_caller]
    pub(crate) fn park_until(&self, deadline: Option<Instant>) -> bool {
        #[cfg(loom)]
        super::model::note("park");
        if deadline.is_some() {
            thread::yield_now();
            return true;
        }
        #[cfg(loom)]
        if super::model::ends_at_once(&self.0.spurious) {
            return false;
        }
        let mut given = lock(&self.0.given);
        while !*given {
            given = super::wait(&self.0.changed, given);
        }
        *given = false;
        false
    }
}

impl Unparker {
    #[track_caller]
    pub(crate) fn unpark(self) {
        #[cfg(loom)]
        super::model::note("unpark");
        *lock(&self.0.given) = true;
        self.0.changed.notify_one();
    }
}
