//! The stop that the calling thread is passing on to tokio.
//!
//! A [`CancellationToken`] carries no reason. But `cancel` calls every waker, also those of its children, on the calling
//! thread and before it returns. So a waker that runs there finds the stop behind the cancellation here.
//!
//! [`CancellationToken`]: tokio_util::sync::CancellationToken

use std::cell::Cell;

use cease_core::Stopped;

thread_local! {
    static PROPAGATING: Cell<Option<Stopped>> = const { Cell::new(None) };
}

/// While it lives, the calling thread passes on the stop that it was made with, or none.
pub(crate) struct PropagationScope {
    outer: Option<Stopped>,
}

impl PropagationScope {
    /// Enters a scope in which the calling thread passes on `stopped`.
    pub(crate) fn enter(stopped: Option<Stopped>) -> Self {
        // The thread-local of a thread that is ending is gone; such a thread passes on no stop.
        Self { outer: PROPAGATING.try_with(|propagating| propagating.replace(stopped)).ok().flatten() }
    }

    /// The stop of the scope around this one.
    pub(crate) const fn outer(&self) -> Option<&Stopped> {
        self.outer.as_ref()
    }
}

impl Drop for PropagationScope {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let inner = PROPAGATING.try_with(|propagating| propagating.replace(outer)).ok();
        drop(inner);
    }
}
