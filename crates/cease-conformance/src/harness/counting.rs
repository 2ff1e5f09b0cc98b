//! The allocator by which law L18 counts memory.
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which counts the bytes that are in use.
#[derive(Debug, Clone, Copy)]
pub struct CountingAllocator;

/// How many bytes are in use, where [`CountingAllocator`] is the allocator.
#[cfg(not(any(loom, shuttle)))]
#[must_use]
pub fn live_bytes() -> usize {
    // ORDERING: Relaxed: only the number matters, and who compares two of them has joined the threads in between.
    LIVE.load(Relaxed)
}

// SAFETY: every call goes to the system's allocator with the same arguments, and its answer is returned unchanged.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // ORDERING: Relaxed: only the number matters.
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // ORDERING: Relaxed: only the number matters.
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
