//! The side that can be asked about.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use crate::checkpoint::Checkpoint;
use crate::stop::callback::{CallbackGuard, PinnedCallback};
use crate::stop::future::{self, StoppedFuture};
use crate::stop::node_ref::NodeRef;
use crate::stop::request::Request;
use crate::stop::state::Seen;
use crate::sync;
use crate::{Reason, StopSource, Stopped};

/// Tells whether a stop was asked for, and waits for it; cheap to clone and to poll.
///
/// A token never asks.
/// It outlives its sources; when they are all gone unasked, those above it in the tree too, [`StopToken::stop_possible`] is false
/// for ever.
///
/// # Memory ordering
///
/// Whoever sees the stop, by any method of this type, also sees what the asking thread wrote before it asked (law L3).
///
/// # Examples
///
/// ```
/// use cease_core::StopSource;
/// use std::thread;
///
/// let source = StopSource::new();
/// let token = source.token();
/// let waiter = thread::spawn(move || token.wait().map(|stopped| stopped.reason().to_string()));
///
/// source.request_with("enough");
/// assert_eq!(waiter.join().unwrap().unwrap(), "requested: enough");
/// ```
#[doc(alias = "stop_token")]
#[doc(alias = "CancellationToken")]
#[derive(Clone)]
pub struct StopToken {
    node: NodeRef,
}

impl StopToken {
    pub(crate) fn new(node: NodeRef) -> Self {
        Self { node }
    }

    pub(crate) const fn node(&self) -> &NodeRef {
        &self.node
    }

    /// Whether a stop was asked for: one load, and nothing else.
    ///
    /// Once true, it stays true.
    /// True says that somebody asked, not that anything has ended.
    #[doc(alias = "is_cancelled")]
    #[doc(alias = "stop_requested")]
    #[doc(alias = "IsCancellationRequested")]
    #[inline]
    #[must_use]
    pub fn is_stop_requested(&self) -> bool {
        self.node.is_stop_requested()
    }

    /// Whether a stop was asked for or still can be; false once the last source is gone unasked.
    #[doc(alias = "CanBeCanceled")]
    #[must_use]
    pub fn stop_possible(&self) -> bool {
        self.node.stop_possible()
    }

    /// Why the stop was requested, or `None` while it was not.
    ///
    /// It is the reason of the request that reached this token, also when that was made on a source above;
    /// [`StopToken::is_inherited`] tells the two apart.
    #[doc(alias = "Cause")]
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        self.request().map(Request::reason)
    }

    /// Whether the stop was requested on a source above this token's own; false while there is no stop.
    ///
    /// ```
    /// use cease_core::StopSource;
    ///
    /// let server = StopSource::new();
    /// let (connection, other) = (server.child(), server.child());
    ///
    /// other.request();
    /// server.request();
    /// assert!(connection.token().is_inherited());
    /// assert!(!other.token().is_inherited() && !server.token().is_inherited());
    /// ```
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.node.asked().is_some_and(|(_, inherited)| inherited)
    }

    /// Creates a source below this token's: a stop here is a stop there, and never the other way round.
    ///
    /// Under a stopped token it is born stopped, by the same request.
    /// When a source in the middle and its tokens are gone, what is below is stopped by what is above.
    /// A token of the child can stop for as long as any source exists, its own or one above.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    ///
    /// let server = StopSource::new();
    /// let request = server.token().child();
    /// let token = request.token();
    ///
    /// server.request_with("rolling deploy");
    /// assert_eq!(token.reason(), Some(&Reason::from("rolling deploy")));
    /// assert!(token.is_inherited());
    /// ```
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[doc(alias = "WithCancelCause")]
    #[must_use]
    pub fn child(&self) -> StopSource {
        StopSource::of(self.node.child())
    }

    /// When the token is stopped at the latest: the earliest deadline of its source and of those above it.
    ///
    /// It can still come nearer, and the owner of a deadline can move it further away.
    #[doc(alias = "Deadline")]
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.node.effective_deadline()
    }

    /// The winning request, made here or further up, or `None` while there was none.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.node.asked().map(|(request, _)| request)
    }

    /// Waits until a stop is asked for.
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source is gone unasked, before the call or during it.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A stop that was asked for before is returned at once.
    #[doc(alias = "WaitOne")]
    pub fn wait(&self) -> Result<Stopped, NeverStops> {
        self.wait_until(None).map_err(|_| NeverStops)
    }

    /// Waits until a stop is asked for, for at most `limit`.
    ///
    /// A `limit` of zero polls once; one that is further ahead than the clock can count has no end.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] when `limit` is over, [`WaitError::NeverStops`] when the last source is gone unasked.
    /// When stop and time limit meet, the stop is returned.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    #[doc(alias = "WaitOne")]
    pub fn wait_timeout(&self, limit: Duration) -> Result<Stopped, WaitError> {
        self.wait_until(sync::deadline_after(limit))
    }

    /// Waits until a stop is asked for, until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`StopToken::wait_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn wait_deadline(&self, deadline: Instant) -> Result<Stopped, WaitError> {
        self.wait_until(Some(deadline))
    }

    /// Resolves when a stop is asked for, on any executor.
    ///
    /// The future can be dropped at any time and allocates nothing; polled after it was ready, it is ready again.
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source is gone unasked.
    #[doc(alias = "cancelled")]
    #[doc(alias = "Done")]
    pub fn stopped(&self) -> StoppedFuture<'_> {
        StoppedFuture::new(Cow::Borrowed(self))
    }

    /// Resolves when a stop is asked for, and keeps the token, so that it can be moved into a task or a type of its own.
    ///
    /// Otherwise it is as [`StopToken::stopped`].
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source is gone unasked.
    #[doc(alias = "cancelled_owned")]
    pub fn stopped_owned(self) -> StoppedFuture<'static> {
        StoppedFuture::new(Cow::Owned(self))
    }

    /// Runs `future` until it is ready or a stop is asked for, and drops it then.
    ///
    /// The stop is looked at first, in each poll: on a token that is stopped, `future` is not polled at all, and one that
    /// is always ready to go on cannot starve the stop. What it was ready with before the stop is not lost.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the stop won.
    #[doc(alias = "run_until_cancelled")]
    pub fn run_until_stopped<F: Future>(&self, future: F) -> impl Future<Output = Result<F::Output, Stopped>> {
        future::run_until_stopped(self, future)
    }

    /// Registers `function` to be called once, by the request, on the thread that asks.
    ///
    /// On a token that is stopped it is called here, before this returns.
    /// Those who wait are woken first; then callbacks are called, the newest first, with no lock held.
    /// One that panics loses no other: the panic hook tells of it, and [`crate::StopSource::take_panics`] has it.
    /// When nobody can ask any more, it is never called, and what it owns is dropped.
    ///
    /// # Panics
    ///
    /// With what `function` panics with, when it is called here.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use std::sync::mpsc::channel;
    ///
    /// let source = StopSource::new();
    /// let (sender, receiver) = channel();
    /// let guard = source.token().on_stop(move || sender.send("stopped").unwrap());
    ///
    /// source.request();
    /// assert_eq!(receiver.try_recv(), Ok("stopped"));
    /// drop(guard);
    /// ```
    #[doc(alias = "stop_callback")]
    #[doc(alias = "AfterFunc")]
    #[doc(alias = "register")]
    #[track_caller]
    pub fn on_stop(&self, function: impl FnOnce() + Send + 'static) -> CallbackGuard {
        CallbackGuard::register(&self.node, function)
    }

    /// Makes a callback that lives where it is pinned, and allocates nothing; it is called once it was registered.
    ///
    /// Otherwise it is as [`StopToken::on_stop`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use std::pin::pin;
    /// use std::sync::mpsc::channel;
    ///
    /// let source = StopSource::new();
    /// let token = source.token();
    /// let (sender, receiver) = channel();
    /// let mut callback = pin!(token.callback(move || sender.send("stopped").unwrap()));
    /// callback.as_mut().register();
    ///
    /// source.request();
    /// assert_eq!(receiver.try_recv(), Ok("stopped"));
    /// ```
    #[doc(alias = "stop_callback")]
    #[track_caller]
    pub fn callback<F: FnOnce() + Send + 'static>(&self, function: F) -> PinnedCallback<'_, F> {
        PinnedCallback::new(self, function)
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Result<Stopped, WaitError> {
        let seen = self.node.wait_until(deadline);
        match Stopped::seen_by(self) {
            Some(stopped) => Ok(stopped),
            None if seen == Seen::NoSource => Err(WaitError::NeverStops),
            None => Err(WaitError::TimedOut),
        }
    }
}

impl Checkpoint for StopToken {
    #[inline]
    fn token(&self) -> &StopToken {
        self
    }
}

impl fmt::Debug for StopToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopToken")
            .field("reason", &self.reason())
            .field("stop_possible", &self.stop_possible())
            .finish()
    }
}

/// Why [`StopToken::wait`] ended without a stop: the last source is gone, and nobody can ask any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeverStops;

impl fmt::Display for NeverStops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no source is left that could ask for a stop")
    }
}

impl Error for NeverStops {}

/// Why a wait with a time limit ended without a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The time limit passed; a stop may still come.
    TimedOut,
    /// The last source is gone unasked; no stop will ever come.
    NeverStops,
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no stop was asked for in time"),
            Self::NeverStops => NeverStops.fmt(f),
        }
    }
}

impl Error for WaitError {}
