//! The checkpoint of a blocking job: a cancellation token that follows the worker's stop.

use cease_core::{Checkpoint, StopToken};
use tokio_util::sync::CancellationToken;

use crate::CancelOnStop;

/// The checkpoint of a blocking job of [`crate::Token`].
///
/// A poll loads the flag of the [`StopToken`] and nothing else; waits are those of the [`StopToken`].
/// The request cancels the [`CancellationToken`] before it returns, after it has raised the flag, so code that saw the
/// cancellation by a stop gets `Err` from [`Checkpoint::check`].
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

    /// The cancellation token, for code that takes one; cancelling it does not stop this job.
    #[must_use]
    pub const fn cancellation_token(&self) -> &CancellationToken {
        &self.cancelled
    }
}

impl Checkpoint for TokenStop {
    fn token(&self) -> &StopToken {
        &self.token
    }
}
