//! A cancellation that is called by a stop.

use cease_core::{CallbackGuard, Fault, StopToken, sync};
use tokio_util::sync::CancellationToken;

/// Cancels a [`CancellationToken`] when a stop is asked for.
///
/// Dropping it cuts the link and leaves nothing behind at the stop.
///
/// # Blocking
///
/// As the drop of [`CallbackGuard`], that of this waits for a cancellation that runs on another thread just then, and with it for
/// what that passes on.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct CancelOnStop {
    _callback: CallbackGuard,
}

impl CancelOnStop {
    /// Links `token` to `stop`; cancels it at once when a stop was asked for.
    ///
    /// The link keeps the token, and lets go of it when nobody can ask any more.
    #[track_caller]
    pub fn link(stop: &StopToken, token: CancellationToken) -> Self {
        #[cfg(not(any(loom, shuttle)))]
        let asked = stop.clone();
        let cancel = move || {
            #[cfg(not(any(loom, shuttle)))]
            let _scope = crate::propagation::PropagationScope::enter(cease_core::Checkpoint::check(&asked).err());
            if !Fault::CancelNotPassedOn.is_seeded() {
                sync::schedule_point();
                token.cancel();
            }
        };
        Self { _callback: stop.on_stop(cancel) }
    }
}
