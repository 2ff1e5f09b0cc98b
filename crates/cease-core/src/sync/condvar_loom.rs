//! loom's condition variable, which also wakes for no reason when the harness asks for it.

use std::sync::LockResult;
use std::sync::atomic::AtomicBool;

use loom::sync::MutexGuard;

use super::model;

/// loom's condition variable; see [`model::wake_spuriously`].
#[derive(Debug)]
pub struct Condvar {
    inner: loom::sync::Condvar,
    /// Whether a wait has ended without a notification.
    given: AtomicBool,
}

impl Condvar {
    /// A condition variable that no thread waits for.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self { inner: loom::sync::Condvar::new(), given: AtomicBool::new(false) }
    }

    /// Blocks until a notification comes, or ends at once.
    ///
    /// # Errors
    ///
    /// When the lock is poisoned.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        model::note("Condvar::wait");
        if model::ends_at_once(&self.given) {
            // The thread was woken for no reason, and had the lock again before any other.
            return Ok(guard);
        }
        self.inner.wait(guard)
    }

    /// Wakes one thread.
    #[track_caller]
    pub fn notify_one(&self) {
        model::note("Condvar::notify_one");
        self.inner.notify_one();
    }

    /// Wakes all threads.
    #[track_caller]
    pub fn notify_all(&self) {
        model::note("Condvar::notify_all");
        self.inner.notify_all();
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}
