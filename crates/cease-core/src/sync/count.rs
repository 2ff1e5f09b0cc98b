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
