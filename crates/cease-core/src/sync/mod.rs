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
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

#[cfg(loom)]
pub use condvar_loom::Condvar;

#[cfg(shuttle)]
pub use shuttle::{
    sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
    thread,
};

/// What is shared, and of no interest to a model.
pub(crate) use std::sync::Arc as Unmodelled;

pub use cell::UnsafeCell;
pub(crate) use count::Count;
#[doc(hidden)]
pub use counted::Counted;
pub(crate) use park::{Parker, Unparker};

#[cfg(loom)]
#[path = "atomic_loom.rs"]
pub mod atomic;
#[cfg(loom)]
mod condvar_loom;
mod counted;
#[cfg(loom)]
pub mod model;

/// The count of handles as it is in an ordinary build, whichever build this is.
#[cfg(loom)]
#[path = "count.rs"]
mod own_count;
#[cfg(not(loom))]
use count as own_count;

#[cfg_attr(loom, path = "count_loom.rs")]
mod count;
#[cfg_attr(any(loom, shuttle), path = "park_model.rs")]
mod park;
pub(crate) mod slot;

#[cfg(not(loom))]
mod cell;
#[cfg(loom)]
use loom::cell;

use std::time::{Duration, Instant};

/// Stands in what is allocated; a model fails when it is not dropped.
#[cfg(loom)]
pub(crate) type Tracked = loom::alloc::Track<()>;

/// Stands in what is allocated, for models; nothing in any other build.
#[cfg(not(loom))]
#[derive(Debug)]
pub(crate) struct Tracked;

#[cfg(not(loom))]
impl Tracked {
    pub(crate) const fn new((): ()) -> Self {
        Self
    }
}

/// Takes a lock whose holder cannot panic, and so is never poisoned.
#[track_caller]
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(loom)]
    model::note("lock");
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits for `condition`; like `std`'s, the wait may end without a notification.
#[track_caller]
pub fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A point at which a model may let another thread run; nothing in any other build.
///
/// It stands before each call into a library that a model cannot look into, so that the order of such calls is explored.
/// It orders no memory: what such a library promises about that is not seen here.
#[inline]
pub fn schedule_point() {
    #[cfg(loom)]
    {
        loom::lazy_static! {
            static ref POINT: atomic::AtomicU32 = atomic::AtomicU32::new(0);
        }
        // ORDERING: Relaxed, so that it hides no order that is missing.
        POINT.fetch_add(1, atomic::Ordering::Relaxed);
    }
    #[cfg(shuttle)]
    // ORDERING: Relaxed: shuttle lets another thread run at any access, and orders all of them.
    atomic::AtomicU32::new(0).fetch_add(1, atomic::Ordering::Relaxed);
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

/// Whether the calling thread unwinds.
///
/// The threads of a model are one thread of the operating system, which cannot tell whose panic it is, so there nobody does.
pub(crate) fn is_unwinding() -> bool {
    cfg!(not(any(loom, shuttle))) && std::thread::panicking()
}

/// Declares a variable of which each thread has its own, with a value that needs no destructor.
macro_rules! thread_own {
    (static $name:ident: $type:ty = $value:expr;) => {
        #[cfg(not(any(loom, shuttle)))]
        std::thread_local! { static $name: $type = const { $value }; }
        #[cfg(loom)]
        loom::thread_local! { static $name: $type = $value; }
        #[cfg(shuttle)]
        shuttle::thread_local! { static $name: $type = $value; }
    };
}
pub(crate) use thread_own;

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

    /// Raises it; true for the call that finds it lowered, of calls that something else orders.
    #[cfg(debug_assertions)]
    pub(crate) fn is_first(&self) -> bool {
        // ORDERING: Relaxed: only the value matters.
        !self.0.swap(true, std::sync::atomic::Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn is_raised(&self) -> bool {
        // ORDERING: Relaxed, as above.
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}
