//! An allocator that can count what is asked of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting { counts: AtomicBool::new(false), held: AtomicIsize::new(0) };

/// By how many bytes what is allocated has grown while `act` ran, as they were asked for.
pub(crate) fn bytes_held_by<T>(act: impl FnOnce() -> T) -> (T, f64) {
    // ORDERING: Relaxed: no other thread allocates while this counts.
    let before = ALLOCATOR.held.load(Ordering::Relaxed);
    // ORDERING: Relaxed: only this thread reads it.
    ALLOCATOR.counts.store(true, Ordering::Relaxed);
    let made = act();
    // ORDERING: Relaxed: only this thread reads it.
    ALLOCATOR.counts.store(false, Ordering::Relaxed);
    // ORDERING: Relaxed: no other thread allocates while this counts.
    let held = ALLOCATOR.held.load(Ordering::Relaxed) - before;
    (made, held as f64)
}

/// The system's allocator; while it does not count, a call costs one load more, for every contender alike.
struct Counting {
    counts: AtomicBool,
    held: AtomicIsize,
}

impl Counting {
    fn add(&self, bytes: isize) {
        // ORDERING: Relaxed: the thread that is counted has stored it itself.
        if self.counts.load(Ordering::Relaxed) {
            // ORDERING: Relaxed: only the value matters.
            self.held.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

#[allow(unsafe_code, reason = "an allocator hands out memory")]
// SAFETY: every call is handed on to the system's allocator as it is, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size().cast_signed());
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.add(-layout.size().cast_signed());
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size().cast_signed());
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.add(size.cast_signed() - layout.size().cast_signed());
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.realloc(block, layout, size) }
    }
}
