//! Waiting for a stop in async code, on any executor.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::task::{Context, Poll};

use crate::stop::data::waiter::{Waiter, Wake};
use crate::stop::protocol::lifecycle::NodeRef;
use crate::{Checkpoint, NeverStops, StopToken, Stopped};

impl StopToken {
    /// Resolves when a stop is requested, on any executor.
    ///
    /// The future can be dropped at any time and allocates nothing; polled after it was ready, it is ready again.
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source was dropped without a request.
    #[doc(alias = "cancelled")]
    #[doc(alias = "Done")]
    pub fn stopped(&self) -> StoppedFuture<'_> {
        StoppedFuture::new(Cow::Borrowed(self))
    }

    /// Resolves when a stop is requested, and keeps the token, so that it can be moved into a task or a type of its own.
    ///
    /// Otherwise it is as [`StopToken::stopped`].
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source was dropped without a request.
    #[doc(alias = "cancelled_owned")]
    pub fn stopped_owned(self) -> StoppedFuture<'static> {
        StoppedFuture::new(Cow::Owned(self))
    }

    /// Runs `future` until it is ready or a stop is requested, and then drops it.
    ///
    /// The stop is looked at first, in each poll: on a token that is stopped, `future` is not polled at all, and one that
    /// is always ready to go on cannot starve the stop. What it was ready with before the stop is not lost.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the stop won.
    #[doc(alias = "run_until_cancelled")]
    pub fn run_until_stopped<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Stopped>> {
        run_until_stopped(self, future)
    }
}

/// Resolves when a stop is requested; made by [`StopToken::stopped`] and [`StopToken::stopped_owned`].
///
/// It allocates nothing, can be dropped at any time, and needs nothing of the executor but its waker.
#[must_use = "a future does nothing unless it is awaited"]
pub struct StoppedFuture<'a> {
    token: Cow<'a, StopToken>,
    waiter: Waiter,
    /// Whether `waiter` has entered the node, and its end was not seen yet.
    entered: bool,
}

impl<'a> StoppedFuture<'a> {
    fn new(token: Cow<'a, StopToken>) -> Self {
        Self { token, waiter: Waiter::new(), entered: false }
    }

    fn end(token: &StopToken) -> Poll<Result<Stopped, NeverStops>> {
        Poll::Ready(Stopped::seen_by(token).ok_or(NeverStops))
    }
}

#[allow(unsafe_code, reason = "the list of the node points into the future")]
impl Future for StoppedFuture<'_> {
    type Output = Result<Stopped, NeverStops>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: nothing is moved out of it, and `waiter` is only handed on pinned.
        let this = unsafe { self.get_unchecked_mut() };
        let node: &NodeRef = this.token.node();
        // SAFETY: it is a field of a future that is pinned, and is not moved before that is dropped.
        let waiter = unsafe { Pin::new_unchecked(&this.waiter) };
        if this.entered {
            // SAFETY: `waiter` has entered as a task.
            if !waiter.is_done() && unsafe { node.renew(waiter, context.waker()) } {
                return Poll::Pending;
            }
            this.entered = false;
            return Self::end(&this.token);
        }
        let wake = Wake::Task(context.waker().clone());
        // SAFETY: `waiter` is in no list: it has not entered, or was seen to be taken out, after which nothing waits any
        // more and it does not enter again. The future is dropped in place, and then takes it out.
        this.entered = unsafe { node.enter(NonNull::from(waiter.get_ref()), wake) };
        if this.entered { Poll::Pending } else { Self::end(&this.token) }
    }
}

#[allow(unsafe_code, reason = "the list of the node points into the future")]
impl Drop for StoppedFuture<'_> {
    fn drop(&mut self) {
        if !self.entered {
            return;
        }
        // SAFETY: the future was pinned when `waiter` entered, and is not moved while it is dropped.
        let waiter = unsafe { Pin::new_unchecked(&self.waiter) };
        // SAFETY: `waiter` has entered this node, once.
        unsafe { self.token.node().leave(waiter) };
        // SAFETY: the waiter is done, or left above.
        debug_assert!(unsafe { waiter.is_unlinked() }, "the future is dropped while the list points to it (law L4)");
    }
}

impl fmt::Debug for StoppedFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoppedFuture")
            .field("token", &self.token)
            .field("entered", &self.entered)
            .finish_non_exhaustive()
    }
}

/// Runs `future` until it is ready or a stop is requested.
async fn run_until_stopped<F: Future>(token: &StopToken, future: F) -> Result<F::Output, Stopped> {
    let mut stopped = pin!(token.stopped());
    let mut future = pin!(future);
    // A token that can never stop is not polled again.
    let mut never_stops = false;
    std::future::poll_fn(move |context| {
        // One load. The list is entered only when there is something to wait for, and a stop that comes in between is
        // seen there.
        if let Err(stopped) = token.check() {
            return Poll::Ready(Err(stopped));
        }
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        if !never_stops {
            match stopped.as_mut().poll(context) {
                Poll::Ready(Ok(stopped)) => return Poll::Ready(Err(stopped)),
                Poll::Ready(Err(NeverStops)) => never_stops = true,
                Poll::Pending => {}
            }
        }
        Poll::Pending
    })
    .await
}
