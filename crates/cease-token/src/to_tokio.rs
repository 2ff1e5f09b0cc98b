//! From Cease to tokio: a cancellation that follows a stop.

use std::collections::HashMap;
use std::sync::LazyLock;

use cease_core::StopToken;
use cease_core::sync::{Mutex, lock};
use tokio_util::sync::CancellationToken;

use crate::cancel_on_stop::CancelOnStop;

/// A [`CancellationToken`] that is cancelled when a stop is asked for; made by [`to_tokio`].
///
/// Dropping it cuts the link and leaves nothing behind at the stop; a clone of its token that was kept is then cancelled
/// only by whoever cancels it.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct ToTokio {
    token: CancellationToken,
    _link: CancelOnStop,
}

impl ToTokio {
    /// The token that follows.
    #[must_use]
    pub const fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for ToTokio {
    fn drop(&mut self) {
        let made = lock(&MADE).remove_entry(&self.token);
        drop(made);
    }
}

/// Makes a [`CancellationToken`] that is cancelled when a stop is asked for at `stop`; born cancelled when it was before.
///
/// When the request returns, the token and its children are cancelled; all of it on the thread that asks.
/// Cancelling the token asks `stop` for nothing.
///
/// ```
/// use cease_core::StopSource;
/// use cease_token::to_tokio;
///
/// let source = StopSource::new();
/// let cancelled = to_tokio(&source.token());
/// let child = cancelled.token().child_token();
///
/// source.request();
/// assert!(child.is_cancelled());
/// ```
pub fn to_tokio(stop: &StopToken) -> ToTokio {
    let token = CancellationToken::new();
    lock(&MADE).insert(token.clone(), stop.clone());
    ToTokio { _link: CancelOnStop::link(stop, token.clone()), token }
}

/// The stop that `token` follows, when [`to_tokio`] made it and its link is still there.
pub(crate) fn stop_behind(token: &CancellationToken) -> Option<StopToken> {
    lock(&MADE).get(token).cloned()
}

/// What [`to_tokio`] made: a cancellation token has no room for the stop behind it.
static MADE: LazyLock<Mutex<HashMap<CancellationToken, StopToken>>> = LazyLock::new(Mutex::default);

#[cfg(test)]
mod tests {
    use cease_core::StopSource;

    use super::*;

    #[test]
    fn what_was_made_is_forgotten_with_its_link() {
        let source = StopSource::new();
        let made = to_tokio(&source.token());
        let kept = made.token().clone();
        assert!(stop_behind(&kept).is_some());
        assert!(stop_behind(&kept.child_token()).is_none());
        drop(made);
        assert!(stop_behind(&kept).is_none());
    }
}
