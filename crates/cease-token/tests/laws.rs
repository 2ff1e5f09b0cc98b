//! The token strategy is held to every law.

#[cfg(not(any(loom, shuttle)))]
mod on_runtime;

use cease_conformance::laws::Mirror;
use cease_core::{Checkpoint, StopToken, sync};
use cease_token::CancelOnStop;
use tokio_util::sync::CancellationToken;

#[cfg(not(any(loom, shuttle)))]
use on_runtime::OnRuntime;

cease_conformance::laws!(token, crate::token());
cease_conformance::mirror_law!(token, crate::Cancelling);

/// A cancellation token, as law L12 looks at it.
struct Cancelling;

impl Mirror for Cancelling {
    type Checkpoint = Cancelled;

    fn follow(&self, stop: &StopToken) -> Cancelled {
        let cancelled = CancellationToken::new();
        Cancelled { _link: CancelOnStop::link(stop, cancelled.clone()), cancelled, token: stop.clone() }
    }

    fn reads_stopped(checkpoint: &Cancelled) -> bool {
        sync::schedule_point();
        checkpoint.cancelled.is_cancelled()
    }
}

/// The parts of a `TokenStop`.
struct Cancelled {
    cancelled: CancellationToken,
    token: StopToken,
    _link: CancelOnStop,
}

impl Checkpoint for Cancelled {
    fn token(&self) -> &StopToken {
        &self.token
    }
}

/// Each run of a law has a runtime of its own, which has ended with all its threads when the run has.
#[cfg(not(any(loom, shuttle)))]
fn token() -> OnRuntime {
    OnRuntime::new()
}

#[cfg(any(loom, shuttle))]
fn token() -> cease_token::Token {
    cease_token::Token::modelled()
}
