//! What a thread leaves for the account while it runs: who it is, and when it passed a checkpoint.
//!
//! It orders nothing: who reads it wants to know what was so a moment ago.

use std::sync::OnceLock;
use std::time::Duration;

use cease_core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use cease_core::sync::{Arc, thread};
use cease_os::threads::ThreadId;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// What a thread leaves for the account; clones are the same.
pub(crate) type SharedMarks = Arc<Marks>;

/// What a thread leaves for the account.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    who: OnceLock<Who>,
    passed: AtomicU64,
    /// Nanoseconds of the coarse clock.
    last: AtomicU64,
}

/// A thread, as the kernel and as the standard library knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) kernel: ThreadId,
    pub(crate) std: thread::ThreadId,
}

impl Marks {
    /// The thread says who it is.
    pub(crate) fn arrived(&self) {
        self.who.get_or_init(|| Who { kernel: ThreadId::current(), std: thread::current().id() });
    }

    /// A checkpoint was passed.
    #[inline]
    pub(crate) fn passed(&self) {
        // ORDERING: Relaxed: only the number matters; where several threads of a job pass at once, some are not counted,
        // which costs less than an addition that is seen by all.
        self.passed.store(self.passed.load(Relaxed) + 1, Relaxed);
        // ORDERING: Relaxed: as above.
        self.last.store(now(), Relaxed);
    }

    /// Who it is; `None` while it has not begun.
    pub(crate) fn who(&self) -> Option<Who> {
        self.who.get().copied()
    }

    /// How many checkpoints were passed, and how long ago the last one was.
    pub(crate) fn last(&self) -> Option<(u64, Duration)> {
        // ORDERING: Relaxed: as in `passed`.
        let (passed, last) = (self.passed.load(Relaxed), self.last.load(Relaxed));
        (passed > 0).then(|| (passed, Duration::from_nanos(now().saturating_sub(last))))
    }
}

/// The kernel's coarse clock, which is read without a system call and without a timer of the processor.
#[inline]
fn now() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::MonotonicCoarse);
    (tv_sec.cast_unsigned()).wrapping_mul(1_000_000_000).wrapping_add(tv_nsec.cast_unsigned())
}
