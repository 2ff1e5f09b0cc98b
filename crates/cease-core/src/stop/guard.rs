//! A request that is made by leaving.

use crate::sync::thread;
use crate::{Reason, StopSource, apart};

/// Asks for a stop when it is dropped; made by [`StopSource::stop_on_drop`] and [`StopSource::stop_on_panic`].
///
/// Dropping it late, after somebody else asked, changes nothing.
/// Leaking it asks for nothing.
#[doc(alias = "DropGuard")]
#[derive(Debug)]
#[must_use = "dropping it asks for a stop"]
pub struct StopGuard {
    /// `None` once it is disarmed.
    source: Option<StopSource>,
    when: When,
}

#[derive(Debug)]
enum When {
    Always,
    /// Only by a panic that began in the guard's life.
    Panicking {
        before: bool,
    },
}

impl StopGuard {
    /// Takes the source back; nothing is asked.
    #[doc(alias = "dismiss")]
    #[must_use = "dropping the last source tells those who wait that nobody can ask any more"]
    pub fn disarm(mut self) -> StopSource {
        self.source.take().expect("only disarming takes it, and that consumes the guard")
    }
}

impl StopSource {
    /// Asks for a stop with [`Reason::OwnerDropped`] when the guard is dropped, in whatever way.
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

    /// Asks for a stop with [`Reason::PeerFailed`] when the guard is dropped by a panic, and only then.
    ///
    /// Held by each of several workers that share a source, it stops the rest when one of them fails.
    /// A panic that was on its way before the guard was made does not count, and neither does a stop that leaves a job by
    /// unwinding, unless it was handed on from another thread.
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
        StopGuard { source: Some(self), when: When::Panicking { before: thread::panicking() } }
    }
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        let Some(source) = self.source.take() else { return };
        match self.when {
            When::Always => source.request_with_location(Reason::OwnerDropped, None),
            When::Panicking { before } => {
                let failed = !before && thread::panicking() && !apart::is_leaving();
                failed && source.request_with_location(Reason::PeerFailed, None)
            }
        };
    }
}
