//! From Cease to tokio: a cancellation that follows a stop.

use std::collections::HashMap;
use std::sync::LazyLock;

use cease_core::StopToken;
use cease_core::sync::{Mutex, lock};
use tokio_util::sync::CancellationToken;

use crate::cancel_on_stop::CancelOnStop;

/// A [`CancellationToken`] that is cancelled when a stop is requested; made by [`to_tokio`].
///
/// Dropping it removes the link from the stop; only a call of `cancel` cancels a kept clone of its token then.
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
        let made = lock(&FOLLOWED).remove_entry(&self.token);
        drop(made);
    }
}

/// Makes a [`CancellationToken`] that is cancelled when a stop is requested at `stop`; it is cancelled from the start when the
/// stop was requested before.
///
/// The requesting thread cancels the token and its children before the request returns.
/// Cancelling the token requests no stop at `stop`.
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
    lock(&FOLLOWED).insert(token.clone(), stop.clone());
    ToTokio { _link: CancelOnStop::link(stop, token.clone()), token }
}

/// The stop that `token` follows, when [`to_tokio`] made the token and its link exists.
pub(crate) fn stop_behind(token: &CancellationToken) -> Option<StopToken> {
    lock(&FOLLOWED).get(token).cloned()
}

/// The stop behind each token of [`to_tokio`], because a cancellation token has no field for it.
static FOLLOWED: LazyLock<Mutex<HashMap<CancellationToken, StopToken>>> = LazyLock::new(Mutex::default);

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
