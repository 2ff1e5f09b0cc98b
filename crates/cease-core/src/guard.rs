//! Guards that request a stop when they are dropped.

use crate::sync::thread;
use crate::{Reason, StopSource, boundary, current};

/// Requests a stop when it is dropped; made by [`StopSource::stop_on_drop`] and [`StopSource::stop_on_panic`].
///
/// Dropping it after an earlier request changes nothing.
/// Leaking it requests nothing.
#[doc(alias = "DropGuard")]
#[derive(Debug)]
#[must_use = "dropping it requests a stop"]
pub struct StopGuard {
    /// `None` once it is disarmed.
    source: Option<StopSource>,
    when: When,
}

#[derive(Debug)]
enum When {
    Always,
    /// Only if a panic drops the guard that began after the guard was made, and that is no stop.
    Panicking {
        /// Whether the thread that made the guard was panicking.
        before: bool,
        /// How many stops this process had raised by unwinding when the guard was made.
        raised: u64,
    },
}

impl StopGuard {
    /// Returns the source and requests nothing.
    #[doc(alias = "dismiss")]
    #[must_use = "dropping the last source ends all waiting for a stop"]
    pub fn disarm(mut self) -> StopSource {
        self.source.take().expect("only disarming takes it, and that consumes the guard")
    }
}

impl StopSource {
    /// Requests a stop with [`Reason::OwnerDropped`] when the guard is dropped, also by a panic.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    ///
    /// let source = StopSource::new();
    /// let token = source.token();
    /// drop(source.stop_on_drop());
    /// assert_eq!(token.reason(), Some(&Reason::OwnerDropped));
    /// ```
    #[doc(alias = "drop_guard")]
    pub const fn stop_on_drop(self) -> StopGuard {
        StopGuard { source: Some(self), when: When::Always }
    }

    /// Requests a stop with [`Reason::PeerFailed`] when a panic drops the guard.
    ///
    /// Held by each of several workers that share a source, it stops the others when one of them fails.
    /// A panic that began before the guard was made does not count.
    ///
    /// A stop that leaves a job by unwinding does not count either, on the thread of its checkpoint and on a thread that a
    /// library such as rayon hands it to.
    /// Rust does not tell a destructor which panic drops it, so a thread to which a stop of its
    /// [`UnwindBoundary`](crate::UnwindBoundary) may have been handed counts as left by that stop: a real panic there counts
    /// only while no stop is on its way that was raised after the guard was made.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    /// use std::thread;
    ///
    /// let source = StopSource::new();
    /// let peers = source.token();
    /// let failing = thread::spawn(move || {
    ///     let _guard = source.stop_on_panic();
    ///     std::panic::resume_unwind(Box::new("failed"));
    /// });
    /// assert_eq!(peers.wait().unwrap().reason(), &Reason::PeerFailed);
    /// assert!(failing.join().is_err());
    /// ```
    pub fn stop_on_panic(self) -> StopGuard {
        let (before, raised) = (thread::panicking(), boundary::raised());
        StopGuard { source: Some(self), when: When::Panicking { before, raised } }
    }
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        let Some(source) = self.source.take() else { return };
        match self.when {
            When::Always => source.request_with_location(Reason::OwnerDropped, None),
            When::Panicking { before, raised } => {
                let failed = !before && thread::panicking() && !current::is_leaving(raised);
                failed && source.request_with_location(Reason::PeerFailed, None)
            }
        };
    }
}
