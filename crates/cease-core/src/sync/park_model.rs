//! A lock and a condition variable, because loom's `unpark` also wakes a thread that waits for something else.

use super::{Condvar, Mutex, lock, thread};
use std::sync::Arc;
use std::time::Instant;

struct Token {
    given: Mutex<bool>,
    changed: Condvar,
}

/// The calling thread's own ability to be suspended.
pub(crate) struct Parker(Arc<Token>);

/// Wakes the thread that made the [`Parker`].
pub(crate) struct Unparker(Arc<Token>);

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Token { given: Mutex::new(false), changed: Condvar::new() }))
    }

    pub(crate) fn unparker(&self) -> Unparker {
        Unparker(Arc::clone(&self.0))
    }

    /// Suspends until woken; with a deadline, lets others run once and says that it has passed.
    pub(crate) fn park_until(&self, deadline: Option<Instant>) -> bool {
        if deadline.is_some() {
            thread::yield_now();
            return true;
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
    pub(crate) fn unpark(self) {
        *lock(&self.0.given) = true;
        self.0.changed.notify_one();
    }
}
