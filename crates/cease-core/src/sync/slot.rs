//! A number of its own for each thread, which the thread may change.

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
