//! A stop that cancels a token.

use cease_core::{CallbackGuard, Fault, StopToken, sync};
use tokio_util::sync::CancellationToken;

/// Cancels a [`CancellationToken`] when a stop is requested, before that request returns.
///
/// Dropping it removes the link from the stop; the token is not cancelled then.
///
/// # Blocking
///
/// As the drop of [`CallbackGuard`], this drop waits for a cancellation that runs on another thread, and for the wakers that
/// this cancellation calls.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct CancelOnStop {
    _callback: CallbackGuard,
}

impl CancelOnStop {
    /// Links `token` to `stop`; cancels it at once when a stop was requested before.
    ///
    /// The link keeps a clone of the token until it is dropped, or until the last source of `stop` is.
    #[track_caller]
    pub fn link(stop: &StopToken, token: CancellationToken) -> Self {
        #[cfg(not(any(loom, shuttle)))]
        let followed = stop.clone();
        let cancel = move || {
            #[cfg(not(any(loom, shuttle)))]
            let _scope = crate::propagation::PropagationScope::enter(cease_core::Checkpoint::check(&followed).err());
            if !Fault::CancelNotPassedOn.is_seeded() {
                sync::schedule_point();
                token.cancel();
            }
        };
        Self { _callback: stop.on_stop(cancel) }
    }
}
