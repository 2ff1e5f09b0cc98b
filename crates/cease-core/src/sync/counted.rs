//! The count of handles, alone.
//!
//! A model of the whole primitive counts handles by loom's own reference count, which says nothing about the orderings of
//! `count.rs`. The law about them uses this type, which counts by `count.rs` in every build.
#![allow(unsafe_code, reason = "counts references by hand")]

use std::ops::Deref;
use std::ptr::NonNull;

use super::own_count::Count;

/// A value on the heap, with the primitive's own count of handles.
#[derive(Debug)]
#[doc(hidden)]
pub struct Counted<T>(NonNull<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    handles: Count,
    value: T,
}

// SAFETY: as for `Arc`: the value is reached from several threads, and dropped by any of them.
unsafe impl<T: Send + Sync> Send for Counted<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Counted<T> {}

impl<T> Counted<T> {
    /// Puts `value` on the heap.
    pub fn new(value: T) -> Self {
        Self(NonNull::from(Box::leak(Box::new(Inner { handles: Count::one(), value }))))
    }

    /// The value, when this is the only handle.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: this handle keeps it.
        if !unsafe { self.0.as_ref() }.handles.is_one() {
            return None;
        }
        // SAFETY: there is no other handle, and this one is borrowed for as long as the answer is used.
        Some(&mut unsafe { self.0.as_mut() }.value)
    }

    fn inner(&self) -> &Inner<T> {
        // SAFETY: this handle keeps it.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T> Clone for Counted<T> {
    fn clone(&self) -> Self {
        self.inner().handles.add(1);
        Self(self.0)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        if self.inner().handles.release() {
            // SAFETY: it came from a box, and this was the last handle.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}
