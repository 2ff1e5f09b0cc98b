//! Which stop is being passed on to tokio by this thread just now.
//!
//! A [`CancellationToken`] carries no reason. But `cancel` wakes everybody, also those who wait at its children, before it
//! returns, on the thread that calls it: so whoever is woken there can look here for what made it cancel.
//!
//! [`CancellationToken`]: tokio_util::sync::CancellationToken

use std::cell::Cell;

use cease_core::Stopped;

thread_local! {
    static PASSING: Cell<Option<Stopped>> = const { Cell::new(None) };
}

/// For as long as it lives, this thread passes on another stop than before, or none.
pub(crate) struct Passing {
    outer: Option<Stopped>,
}

impl Passing {
    /// Notes that `stopped` is passed on from here.
    pub(crate) fn on(stopped: Option<Stopped>) -> Self {
        // A thread that is ending has no such note any more, and passes on without.
        Self { outer: PASSING.try_with(|passing| passing.replace(stopped)).ok().flatten() }
    }

    /// What was passed on until now.
    pub(crate) const fn outer(&self) -> Option<&Stopped> {
        self.outer.as_ref()
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let inner = PASSING.try_with(|passing| passing.replace(outer)).ok();
        drop(inner);
    }
}
