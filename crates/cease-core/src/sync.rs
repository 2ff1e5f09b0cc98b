//! The only place that chooses between `std`, `loom` and `shuttle`.
//!
//! # How it works
//!
//! Everything of Cease that runs inside a model imports its threads, locks, atomics and cells from here.
//! An ordinary build gets the types of `std`; `--cfg loom` and `--cfg shuttle` get those of the checkers.
//!
//! # Limits
//!
//! A model has no clock.
//! Where a build for a checker waits with a deadline, the deadline passes at once, after a point at which any other
//! thread may run: what a model explores is the race between the wake-up and the giving up, not the passing of time.

#[cfg(not(any(loom, shuttle)))]
pub use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

#[cfg(loom)]
pub use loom::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

#[cfg(shuttle)]
pub use shuttle::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

pub use cell::UnsafeCell;
pub(crate) use park::{Parker, Unparker};

use std::time::{Duration, Instant};

/// Takes a lock whose holder cannot panic, and so is never poisoned.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Suspends the calling thread until `deadline`, or for ever; in a model, until another thread had a chance to run.
pub(crate) fn sleep_until(deadline: Option<Instant>) {
    let parker = Parker::new();
    while !parker.park_until(deadline) {}
}

/// The moment that lies `duration` ahead, or `None` when that is further than the clock can count.
pub(crate) fn deadline_after(duration: Duration) -> Option<Instant> {
    Instant::now().checked_add(duration)
}

#[cfg(loom)]
mod cell {
    pub use loom::cell::UnsafeCell;
}

#[cfg(not(loom))]
mod cell {
    //! `std`'s cell behind loom's interface.

    /// A cell whose accesses loom checks for races; `std`'s own in every other build.
    #[derive(Debug)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// Wraps `value`.
        pub const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// Calls `f` with a pointer for reading.
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        /// Calls `f` with a pointer for writing.
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(not(any(loom, shuttle)))]
mod park {
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
}

#[cfg(any(loom, shuttle))]
mod park {
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
                given = self.0.changed.wait(given).unwrap_or_else(std::sync::PoisonError::into_inner);
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
}
