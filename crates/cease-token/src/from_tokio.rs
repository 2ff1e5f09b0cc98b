//! From tokio to Cease: a stop that follows a cancellation.
//!
//! # How it works
//!
//! The link waits for the cancellation as a task would, but has no task and needs no runtime: its waker makes the request.
//! tokio-util wakes with no lock held, inside `cancel`, so the request is made before `cancel` returns.
//! The link polls the future once, before a wake can come, and the waker never polls it, so the code of tokio runs without
//! a lock of the link.

use std::pin::Pin;
use std::task::{Context, Wake, Waker};
use std::time::Instant;

use cease_core::sync::{Arc, Mutex, lock};
use cease_core::{Checkpoint, StopSource, StopToken, Stopped};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::propagation::PropagationScope;
use crate::to_tokio::stop_behind;

/// The message of the reason when the cancellation has no stop behind it.
pub const CANCELLED: &str = "a CancellationToken was cancelled";

/// A token that stops when a [`CancellationToken`] is cancelled; made by [`from_tokio`].
///
/// Dropping it removes the link from the cancellation token; a kept clone of its [`StopToken`] never stops then.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct FromTokio {
    token: StopToken,
    link: StopOnCancel,
}

impl FromTokio {
    /// The token that follows.
    #[must_use]
    pub const fn token(&self) -> &StopToken {
        &self.token
    }

    /// The deadline of the stop behind the cancellation.
    ///
    /// `None` unless the link is with a token that [`crate::to_tokio`] made, not with a child of it, and the [`crate::ToTokio`]
    /// exists.
    /// It is not set at the token, because its owner can move it further away, and no deadline fires early.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource, TimerError};
    /// use cease_token::{from_tokio, to_tokio};
    /// use std::time::{Duration, Instant};
    ///
    /// let (source, deadline) = StopSource::with_timeout(Duration::from_secs(3600))?;
    /// let cancelled = to_tokio(&source.token());
    /// let stop = from_tokio(cancelled.token());
    /// assert_eq!(stop.deadline(), deadline.at());
    ///
    /// deadline.reset(Instant::now())?;
    /// assert_eq!(stop.token().reason(), Some(&Reason::Deadline));
    /// # Ok::<(), TimerError>(())
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        stop_behind(&self.link.waiter.cancelled)?.deadline()
    }
}

/// Makes a token that stops when `cancelled` is cancelled; it is stopped from the start when `cancelled` was before.
///
/// The thread that calls `cancel` makes the request: when `cancel` returns, the token reads stopped, its waiting threads and
/// tasks are woken, and its callbacks have returned.
/// The reason is [`CANCELLED`], unless the cancellation was that of a stop (see the crate's page).
/// A cancellation token does not say whether another clone of it can still cancel, so [`StopToken::stop_possible`] stays true
/// while the link exists.
///
/// ```
/// use cease_core::Reason;
/// use cease_token::{CANCELLED, from_tokio};
/// use tokio_util::sync::CancellationToken;
///
/// let server = CancellationToken::new();
/// let stop = from_tokio(&server.child_token());
///
/// server.cancel();
/// assert_eq!(stop.token().reason(), Some(&Reason::from(CANCELLED)));
/// ```
pub fn from_tokio(cancelled: &CancellationToken) -> FromTokio {
    let source = StopSource::new();
    FromTokio { token: source.token(), link: StopOnCancel::link(cancelled, source) }
}

/// Requests a stop at a source when a [`CancellationToken`] is cancelled.
///
/// Dropping it removes the link from the cancellation token. The drop does not wait: a cancellation that another thread
/// passes on during the drop still makes the request.
#[derive(Debug)]
#[must_use = "dropping it cuts the link"]
pub struct StopOnCancel {
    waiter: Arc<CancelWaiter>,
}

impl StopOnCancel {
    /// Links `source` to `cancelled`; requests the stop at once when `cancelled` was cancelled before.
    ///
    /// The link keeps `source`, so a stop stays possible while the link exists.
    pub fn link(cancelled: &CancellationToken, source: StopSource) -> Self {
        let waiter = Arc::new(CancelWaiter { cancelled: cancelled.clone(), armed: Mutex::new(None) });
        match waiter.register() {
            Some(cancellation) => waiter.arm(Armed { cancellation, source }),
            None => waiter.pass_on(&source, None),
        }
        Self { waiter }
    }
}

impl Drop for StopOnCancel {
    fn drop(&mut self) {
        let armed = lock(&self.waiter.armed).take();
        drop(armed);
    }
}

/// Waits at the cancellation token; its waker makes the request.
#[derive(Debug)]
struct CancelWaiter {
    cancelled: CancellationToken,
    /// `None` before the link is made, and after it was passed on or cut.
    armed: Mutex<Option<Armed>>,
}

#[derive(Debug)]
struct Armed {
    /// Holds the waiter by its waker; dropping it removes it from tokio's list.
    cancellation: Cancellation,
    source: StopSource,
}

type Cancellation = Pin<Box<WaitForCancellationFutureOwned>>;

impl CancelWaiter {
    /// Enters tokio's list; `None` when the token is cancelled.
    fn register(self: &Arc<Self>) -> Option<Cancellation> {
        let mut cancellation = Box::pin(self.cancelled.clone().cancelled_owned());
        let waker = Waker::from(Arc::clone(self));
        let pending = cancellation.as_mut().poll(&mut Context::from_waker(&waker)).is_pending();
        pending.then_some(cancellation)
    }

    /// Lets the waker make the request from now on.
    fn arm(&self, armed: Armed) {
        *lock(&self.armed) = Some(armed);
        // A wake before this found no source.
        self.pass_on_once(None);
    }

    /// Passes the cancellation on, if the token is cancelled and no other call has passed it on.
    fn pass_on_once(&self, because: Option<&Stopped>) {
        if !self.cancelled.is_cancelled() {
            return;
        }
        let armed = lock(&self.armed).take();
        if let Some(Armed { cancellation, source }) = armed {
            drop(cancellation);
            self.pass_on(&source, because);
        }
    }

    /// Makes the request: for the stop behind the cancellation when that is known, else for [`CANCELLED`].
    fn pass_on(&self, source: &StopSource, because: Option<&Stopped>) {
        let behind = || stop_behind(&self.cancelled)?.check().err();
        match because.cloned().or_else(behind) {
            Some(stopped) => source.request_following(&stopped),
            None => source.request_with_location(CANCELLED, None),
        };
    }
}

impl Wake for CancelWaiter {
    fn wake(self: Arc<Self>) {
        // A cancellation by a callback of this request has a reason of its own, so the scope inside has no stop.
        let scope = PropagationScope::enter(None);
        self.pass_on_once(scope.outer());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_cut_leaves_nothing_behind() {
        let cancelled = CancellationToken::new();
        let link = StopOnCancel::link(&cancelled, StopSource::new());
        let waiter = Arc::downgrade(&link.waiter);
        drop(link);
        assert!(waiter.upgrade().is_none());
    }

    #[test]
    fn a_link_that_has_done_its_work_leaves_nothing_behind() {
        let cancelled = CancellationToken::new();
        let link = StopOnCancel::link(&cancelled, StopSource::new());
        cancelled.cancel();
        assert_eq!(Arc::strong_count(&link.waiter), 1);
    }

    #[test]
    fn a_cancellation_that_comes_while_the_link_is_made_is_not_lost() {
        let (cancelled, source) = (CancellationToken::new(), StopSource::new());
        let waiter = Arc::new(CancelWaiter { cancelled: cancelled.clone(), armed: Mutex::new(None) });
        let cancellation = waiter.register().expect("it is not cancelled yet");
        cancelled.cancel();
        waiter.arm(Armed { cancellation, source: source.clone() });
        assert!(source.is_stop_requested());
    }

    #[test]
    fn a_wake_without_a_cancellation_changes_nothing() {
        let (cancelled, source) = (CancellationToken::new(), StopSource::new());
        let link = StopOnCancel::link(&cancelled, source.clone());
        Waker::from(Arc::clone(&link.waiter)).wake();
        assert!(!source.is_stop_requested());
        cancelled.cancel();
        assert!(source.is_stop_requested());
    }
}
