//! The checkpoint of a blocking job: a cancellation token that follows the worker's stop.

use std::time::Duration;

use cease_core::{Checkpoint, StopToken, Stopped, sync};
use tokio_util::sync::CancellationToken;

use crate::CancelOnStop;

/// What a blocking job of [`crate::Token`] gets to ask whether it should stop.
///
/// A poll asks the [`CancellationToken`], which the request cancels before it returns; waits are those of the stop itself.
/// Who waits is woken just before the token is cancelled, so a job that waits on [`Checkpoint::token`] by itself may be ahead
/// of its own poll by that moment; [`Checkpoint::sleep`] is not.
#[derive(Debug)]
pub struct TokenStop {
    token: StopToken,
    cancelled: CancellationToken,
    _link: CancelOnStop,
}

impl TokenStop {
    pub(crate) fn new(token: &StopToken) -> Self {
        let cancelled = CancellationToken::new();
        Self { token: token.clone(), _link: CancelOnStop::link(token, cancelled.clone()), cancelled }
    }

    /// The cancellation token, for code that takes one; cancelling it asks this job for nothing.
    #[must_use]
    pub const fn cancellation_token(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Checkpoint for TokenStop {
    fn token(&self) -> &StopToken {
        &self.token
    }

    /// Whether the token was cancelled by a stop.
    fn is_stop_requested(&self) -> bool {
        sync::schedule_point();
        // It may be cancelled by whoever it was handed to, which is no stop.
        self.cancelled.is_cancelled() && self.token.is_stop_requested()
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.token.sleep(duration).inspect_err(|_| {
            sync::schedule_point();
            self.cancelled.cancel();
        })
    }
}
