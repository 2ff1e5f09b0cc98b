//! How many handles there are.

use crate::fault::{self, Fault};

use super::atomic::AtomicU32;
use super::atomic::Ordering::{Acquire, Relaxed, Release};

/// A number that begins at one.
#[derive(Debug)]
pub(crate) struct Count(AtomicU32);

impl Count {
    pub(crate) fn one() -> Self {
        Self(AtomicU32::new(1))
    }

    /// As [`Count::one`], for a static.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) const fn one_static() -> Self {
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

    /// Counts one less; true for the last one, after which the count is not used again.
    #[inline]
    pub(crate) fn release(&self) -> bool {
        let down = if fault::is(Fault::RelaxedCount) { Relaxed } else { Release };
        let last = if fault::is(Fault::UnfencedCount) { Relaxed } else { Acquire };
        // ORDERING: Release, so that the last touch through this handle happens before the memory is given back;
        // Acquire, so that the caller that is left with the last one sees those touches.
        self.0.fetch_update(down, last, |count| (count > 1).then(|| count - 1)).is_err()
    }

    /// Whether there is one.
    #[inline]
    pub(crate) fn is_one(&self) -> bool {
        let order = if fault::is(Fault::UnfencedLast) { Relaxed } else { Acquire };
        // ORDERING: Acquire, as in `release`.
        self.0.load(order) == 1
    }
}
