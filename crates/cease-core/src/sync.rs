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

/// What is shared, and of no interest to a model.
pub(crate) use std::sync::Arc as Unmodelled;

pub use cell::UnsafeCell;
pub(crate) use count::Count;
pub(crate) use park::{Parker, Unparker};

use std::time::{Duration, Instant};

/// Takes a lock whose holder cannot panic, and so is never poisoned.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Reads an atomic that nobody else has.
#[cfg(not(loom))]
pub(crate) fn read_alone(atomic: &mut atomic::AtomicU32) -> u32 {
    *atomic.get_mut()
}

/// Reads an atomic that nobody else has.
#[cfg(loom)]
pub(crate) fn read_alone(atomic: &mut atomic::AtomicU32) -> u32 {
    atomic.with_mut(|value| *value)
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

/// A number of its own for each thread, which the thread may change.
pub(crate) mod slot {
    use std::cell::Cell;

    /// Calls `f` with the calling thread's number; threads that are started one after the other have different ones.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn with<R>(f: impl FnOnce(&Cell<usize>) -> R) -> R {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

        static NEXT: AtomicUsize = AtomicUsize::new(0);
        std::thread_local! {
            // ORDERING: Relaxed: only the number matters.
            static SLOT: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed));
        }
        // A thread that is ending has no number left.
        let mut f = Some(f);
        let mut call = |slot: &Cell<usize>| f.take().map(|f| f(slot));
        let result = SLOT.try_with(&mut call).ok().flatten();
        result.or_else(|| call(&Cell::new(0))).expect("it was called here or there")
    }

    /// In a model all threads have the same.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn with<R>(f: impl FnOnce(&Cell<usize>) -> R) -> R {
        f(&Cell::new(0))
    }
}

/// A flag that is raised once, by a thread that has a handle, and looked at by the one that has the last.
///
/// The count of handles orders the two, so no model needs to see it: it is a shortcut past what a model does explore.
#[derive(Debug)]
pub(crate) struct Shortcut(std::sync::atomic::AtomicBool);

impl Shortcut {
    pub(crate) const fn new() -> Self {
        Self(std::sync::atomic::AtomicBool::new(false))
    }

    #[inline]
    pub(crate) fn raise(&self) {
        if !self.is_raised() {
            // ORDERING: Relaxed: the count of handles orders it.
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(not(loom))]
mod count {
    //! How many handles there are.

    use super::atomic::AtomicU32;
    use super::atomic::Ordering::{Acquire, Relaxed, Release};

    /// A number that begins at one.
    #[derive(Debug)]
    pub(crate) struct Count(AtomicU32);

    impl Count {
        pub(crate) fn one() -> Self {
            Self(AtomicU32::new(1))
        }

        /// Counts `more` more.
        #[inline]
        pub(crate) fn add(&self, more: u32) {
            // ORDERING: Relaxed: only the number matters, and the caller holds one already.
            if self.0.fetch_add(more, Relaxed) > u32::MAX / 2 {
                // There is no memory for so many: they were leaked, and counting on would wrap around.
                std::process::abort();
            }
        }

        /// Counts one less; true for the last one, for which nobody counts any more.
        #[inline]
        pub(crate) fn release(&self) -> bool {
            // ORDERING: Release, so that the last touch through this handle happens before the memory is given back;
            // Acquire, so that whoever is left with the last one sees those touches.
            self.0.fetch_update(Release, Acquire, |count| (count > 1).then(|| count - 1)).is_err()
        }

        /// Whether there is one.
        #[inline]
        pub(crate) fn is_one(&self) -> bool {
            // ORDERING: Acquire, as in `release`.
            self.0.load(Acquire) == 1
        }
    }
}

#[cfg(loom)]
mod count {
    //! loom's own reference count, because loom knows which of its changes can be told apart, and need to be explored.

    use std::cell::Cell;
    use std::mem::ManuallyDrop;
    use std::ptr;
    use std::rc::Rc;

    use super::Arc;

    /// A number that begins at one.
    #[derive(Debug)]
    pub(crate) struct Count {
        /// Copied bit by bit for each handle, and dropped as often.
        counted: std::cell::UnsafeCell<ManuallyDrop<Arc<Last>>>,
        is_over: Rc<Cell<bool>>,
    }

    /// Notes that the last one is gone.
    #[derive(Debug)]
    struct Last(Rc<Cell<bool>>);

    impl Drop for Last {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }

    impl Count {
        pub(crate) fn one() -> Self {
            let is_over = Rc::new(Cell::new(false));
            let last = Arc::new(Last(Rc::clone(&is_over)));
            Self { counted: std::cell::UnsafeCell::new(ManuallyDrop::new(last)), is_over }
        }

        /// Counts `more` more.
        #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
        pub(crate) fn add(&self, more: u32) {
            for _ in 0..more {
                // SAFETY: loom runs one thread at a time, and nobody writes the cell.
                std::mem::forget(Arc::clone(unsafe { &*self.counted.get() }));
            }
        }

        /// Counts one less; true for the last one, for which nobody counts any more.
        #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
        pub(crate) fn release(&self) -> bool {
            let is_over = Rc::clone(&self.is_over);
            // SAFETY: as many copies are dropped as were made, and one for the first.
            drop(ManuallyDrop::into_inner(unsafe { ptr::read(self.counted.get()) }));
            is_over.get()
        }

        /// Whether there is one.
        #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
        pub(crate) fn is_one(&self) -> bool {
            // SAFETY: loom runs one thread at a time, and the value is not written.
            Arc::get_mut(unsafe { &mut *self.counted.get() }).is_some()
        }
    }
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

        /// What it holds.
        pub fn into_inner(self) -> T {
            self.0.into_inner()
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
