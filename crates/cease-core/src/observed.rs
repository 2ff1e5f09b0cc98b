//! When a job first saw its stop.
//!
//! A model has no clock, so nothing here takes part in one: the moment is noted beside the job, and orders nothing.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::{Checkpoint, StopToken, Stopped};

/// Notes when a job first saw its stop; clones share the moment.
///
/// It is half of a stop's latency: from the request until somebody noticed.
/// The job is not changed for it, but given a watched checkpoint.
///
/// ```
/// use cease_core::{Checkpoint, StopObserved, StopSource};
///
/// let source = StopSource::new();
/// let token = source.token();
/// let noticed = StopObserved::default();
/// let stop = noticed.watch(&token);
///
/// source.request();
/// assert_eq!(noticed.at(), None, "asked, and not seen yet");
/// assert!(stop.check().is_err());
/// assert!(noticed.at().is_some());
/// ```
#[derive(Debug, Clone, Default)]
pub struct StopObserved(Arc<OnceLock<Instant>>);

impl StopObserved {
    /// The moment, or `None` while no checkpoint has seen a stop.
    #[must_use]
    pub fn at(&self) -> Option<Instant> {
        self.0.get().copied()
    }

    /// Notes a moment that was seen elsewhere, by a job in another process for instance; one that is noted already stays.
    pub fn note(&self, at: Instant) {
        self.0.get_or_init(|| at);
    }

    /// Passes everything on to `stop`, and notes the first time that it does not let the job go on.
    ///
    /// A strategy may leave a checkpoint by `Err` or by unwinding; both are noted.
    /// A job that waits on [`Checkpoint::token`] itself is seen only at its next checkpoint.
    pub const fn watch<'a, C: Checkpoint>(&'a self, stop: &'a C) -> Watched<'a, C> {
        Watched { stop, noticed: self }
    }
}

/// A checkpoint that is watched; made by [`StopObserved::watch`].
#[derive(Debug)]
pub struct Watched<'a, C> {
    stop: &'a C,
    noticed: &'a StopObserved,
}

impl<C: Checkpoint> Watched<'_, C> {
    fn watch(&self, ask: impl FnOnce(&C) -> Result<(), Stopped>) -> Result<(), Stopped> {
        let note = Note(self.noticed);
        ask(self.stop)?;
        std::mem::forget(note);
        Ok(())
    }
}

impl<C: Checkpoint> Checkpoint for Watched<'_, C> {
    fn token(&self) -> &StopToken {
        self.stop.token()
    }

    #[inline]
    fn check(&self) -> Result<(), Stopped> {
        self.watch(C::check)
    }

    #[inline]
    fn is_stop_requested(&self) -> bool {
        let stopped = self.stop.is_stop_requested();
        if stopped {
            drop(Note(self.noticed));
        }
        stopped
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.watch(|stop| stop.sleep(duration))
    }
}

/// Notes the moment in which it is dropped, unless one is noted already.
struct Note<'a>(&'a StopObserved);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.0.0.get_or_init(Instant::now);
    }
}
