//! The side that requests a stop.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::fault::{self, Fault};
use crate::stop::data::request::{DeadlineSetting, Request};
use crate::stop::data::timer::{Timer, TimerError};
use crate::stop::handles::deadline::{Allowed, Deadline};
use crate::stop::handles::deferred::DeferredCallbacks;
use crate::stop::protocol::lifecycle::NodeRef;
use crate::sync::Unmodelled;
use crate::{Panic, Reason, StopToken, Stopped};

/// The side that requests a stop; clones request the same stop.
///
/// Dropping a source requests nothing.
/// When the last clone is dropped without a request, and no source above it is left, no request can come any more:
/// [`StopToken::stop_possible`] of its tokens is then false, and waits on them end with [`crate::NeverStops`] (law L14).
/// These are the semantics of C++20's `std::stop_source`, with a reason and a tree added.
///
/// # Memory ordering
///
/// What a thread wrote before the winning request is visible to a thread that sees the stop (law L3).
///
/// # Examples
///
/// ```
/// use cease_core::{Reason, StopSource};
///
/// let source = StopSource::new();
/// let token = source.token();
/// assert!(!token.is_stop_requested());
///
/// assert!(source.request_with("rolling deploy"), "the first request wins");
/// assert!(!source.request(), "a later one changes nothing");
/// assert!(token.is_stop_requested());
/// assert_eq!(token.reason(), Some(&Reason::from("rolling deploy")));
/// ```
#[doc(alias = "stop_source")]
#[doc(alias = "CancellationTokenSource")]
#[doc(alias = "CancelFunc")]
pub struct StopSource {
    node: NodeRef,
}

impl StopSource {
    /// Creates a source whose stop is not requested.
    #[must_use]
    pub fn new() -> Self {
        Self { node: NodeRef::root() }
    }

    /// Creates a source whose tree has its deadlines fired by `timer`.
    #[must_use]
    pub fn with_timer(timer: Unmodelled<dyn Timer>) -> Self {
        let node = NodeRef::root();
        node.root().expect("it is one").set_timer(timer);
        Self { node }
    }

    /// Creates a source that is stopped at `at` with [`Reason::Deadline`], and the handle that can move that moment.
    ///
    /// When `at` has passed, the new source is already stopped.
    /// The stop never comes before `at`, and comes as soon after it as the timer fires.
    /// Until then the token is stoppable, even with no source left.
    ///
    /// # Errors
    ///
    /// When no timer is available.
    #[doc(alias = "WithDeadline")]
    #[track_caller]
    pub fn with_deadline(at: Instant) -> Result<(Self, Deadline), TimerError> {
        Self::new().deadline_at(Some(at), DeadlineSetting::at(Location::caller()))
    }

    /// As [`StopSource::with_deadline`], with a cause that the reason carries when the deadline passes.
    ///
    /// The reason is then [`Reason::DeadlineWithCause`]. When the stop comes earlier for another reason, the cause is not
    /// seen.
    /// The cause is a message or a value ([`Reason::custom`]); an empty message is none.
    /// It stays when the owner moves the deadline ([`Deadline::reset`]), and is replaced when other code shortens it.
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    #[doc(alias = "WithDeadlineCause")]
    #[track_caller]
    pub fn with_deadline_cause(at: Instant, cause: impl Into<Reason>) -> Result<(Self, Deadline), TimerError> {
        Self::new().deadline_at(Some(at), DeadlineSetting::with_cause(Location::caller(), cause))
    }

    /// Creates a source that is stopped after `limit`; with zero it is already stopped.
    ///
    /// A `limit` beyond the range of the clock means no deadline.
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::{Reason, StopSource, TimerError};
    /// use std::time::Duration;
    ///
    /// let (source, deadline) = StopSource::with_timeout(Duration::from_millis(10))?;
    /// let stopped = source.token().wait().expect("the deadline counts as a source");
    /// assert_eq!(stopped.reason(), &Reason::Deadline);
    /// assert!(!deadline.clear(), "it has passed");
    /// # Ok::<(), TimerError>(())
    /// ```
    #[doc(alias = "WithTimeout")]
    #[doc(alias = "CancelAfter")]
    #[track_caller]
    pub fn with_timeout(limit: Duration) -> Result<(Self, Deadline), TimerError> {
        let source = Self::new();
        let at = source.node.after(limit)?;
        source.deadline_at(at, DeadlineSetting::at(Location::caller()))
    }

    /// As [`StopSource::with_timeout`], with a cause as in [`StopSource::with_deadline_cause`].
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::{StopSource, TimerError};
    /// use std::time::Duration;
    ///
    /// let (source, _deadline) = StopSource::with_timeout_cause(Duration::from_millis(10), "no answer from the peer")?;
    /// let stopped = source.token().wait().expect("the deadline counts as a source");
    /// assert!(stopped.reason().is_deadline());
    /// assert_eq!(stopped.reason().to_string(), "deadline: no answer from the peer");
    /// # Ok::<(), TimerError>(())
    /// ```
    #[doc(alias = "WithTimeoutCause")]
    #[track_caller]
    pub fn with_timeout_cause(limit: Duration, cause: impl Into<Reason>) -> Result<(Self, Deadline), TimerError> {
        let source = Self::new();
        let at = source.node.after(limit)?;
        source.deadline_at(at, DeadlineSetting::with_cause(Location::caller(), cause))
    }

    /// Creates a child that is stopped at `at` at the latest, and the handle that can move that moment.
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    #[track_caller]
    pub fn child_with_deadline(&self, at: Instant) -> Result<(Self, Deadline), TimerError> {
        self.child().deadline_at(Some(at), DeadlineSetting::at(Location::caller()))
    }

    /// As [`StopSource::child_with_deadline`], with a cause as in [`StopSource::with_deadline_cause`].
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    #[track_caller]
    pub fn child_with_deadline_cause(
        &self,
        at: Instant,
        cause: impl Into<Reason>,
    ) -> Result<(Self, Deadline), TimerError> {
        self.child().deadline_at(Some(at), DeadlineSetting::with_cause(Location::caller(), cause))
    }

    /// Creates a child that is stopped after `limit` at the latest, and the handle that can move that moment.
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    #[track_caller]
    pub fn child_with_timeout(&self, limit: Duration) -> Result<(Self, Deadline), TimerError> {
        let at = self.node.after(limit)?;
        self.child().deadline_at(at, DeadlineSetting::at(Location::caller()))
    }

    /// As [`StopSource::child_with_timeout`], with a cause as in [`StopSource::with_deadline_cause`].
    ///
    /// # Errors
    ///
    /// As for [`StopSource::with_deadline`].
    #[track_caller]
    pub fn child_with_timeout_cause(
        &self,
        limit: Duration,
        cause: impl Into<Reason>,
    ) -> Result<(Self, Deadline), TimerError> {
        let at = self.node.after(limit)?;
        self.child().deadline_at(at, DeadlineSetting::with_cause(Location::caller(), cause))
    }

    /// Brings the deadline of this source nearer; false when it was nearer, or the source was stopped, before.
    ///
    /// A moment that has passed stops the source at once.
    ///
    /// # Errors
    ///
    /// When no timer is available; the deadline is then unchanged.
    #[track_caller]
    pub fn shorten_deadline(&self, at: Instant) -> Result<bool, TimerError> {
        self.node.set_deadline(Some(at), Allowed::Nearer, DeadlineSetting::at(Location::caller()))
    }

    /// As [`StopSource::shorten_deadline`], with a cause as in [`StopSource::with_deadline_cause`].
    ///
    /// When it returns false, the cause is dropped.
    ///
    /// # Errors
    ///
    /// As for [`StopSource::shorten_deadline`].
    #[track_caller]
    pub fn shorten_deadline_cause(&self, at: Instant, cause: impl Into<Reason>) -> Result<bool, TimerError> {
        self.node.set_deadline(Some(at), Allowed::Nearer, DeadlineSetting::with_cause(Location::caller(), cause))
    }

    /// When the source is stopped at the latest: the earliest deadline of its own and of those above it.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.node.effective_deadline()
    }

    fn deadline_at(self, at: Option<Instant>, setting: DeadlineSetting) -> Result<(Self, Deadline), TimerError> {
        let deadline = Deadline::new(self.node.clone(), setting.cause.clone());
        if at.is_some() {
            self.node.set_deadline(at, Allowed::Anywhere, setting)?;
        }
        Ok((self, deadline))
    }

    pub(crate) const fn node(&self) -> &NodeRef {
        &self.node
    }

    pub(crate) const fn of(node: NodeRef) -> Self {
        Self { node }
    }

    /// Requests a stop without a message; true for the first call only.
    ///
    /// When it returns true, every descendant reads stopped, every waiting thread and task has been woken, and every callback
    /// has returned, except those that a request made meanwhile on a source above or below calls.
    /// A call that returns false may return while the winner still wakes and calls; every descendant reads stopped then too.
    /// Without a waiting thread or task, it makes no system call.
    #[doc(alias = "cancel")]
    #[doc(alias = "request_stop")]
    #[track_caller]
    pub fn request(&self) -> bool {
        self.request_with(Reason::Requested(None))
    }

    /// Requests a stop for `reason`; true for the first call only, whose reason every observer sees.
    ///
    /// Every descendant that was not stopped before is stopped by this request, for the same reason
    /// ([`StopToken::is_inherited`] says that it came from above).
    /// The location of the caller is recorded with it ([`Request::location`]).
    #[doc(alias = "cancel")]
    #[doc(alias = "CancelCauseFunc")]
    #[track_caller]
    pub fn request_with(&self, reason: impl Into<Reason>) -> bool {
        self.request_with_location(reason, Some(Location::caller()))
    }

    /// Requests a stop on behalf of other code; true for the one call that was first.
    ///
    /// For libraries: `location` is the place in the code that caused the request, taken with [`Location::caller`], or
    /// `None` when no line of the program caused it, as with a signal.
    /// Otherwise it is as [`StopSource::request_with`].
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    ///
    /// let source = StopSource::new();
    /// source.request_with_location(Reason::Signal(15), None);
    /// let stopped = source.token().wait().unwrap();
    /// assert_eq!(stopped.location(), None);
    /// # #[cfg(target_os = "linux")]
    /// assert_eq!(stopped.to_string(), "stopped: signal 15 (SIGTERM)");
    /// ```
    pub fn request_with_location(
        &self,
        reason: impl Into<Reason>,
        location: Option<&'static Location<'static>>,
    ) -> bool {
        self.ask(Request::new(reason.into(), location))
    }

    /// Requests a stop and returns its callbacks, which the caller calls later; `None` when it was not the first request.
    ///
    /// When it returns, every descendant reads stopped and every waiting thread and task has been woken: only callbacks,
    /// which may be slow, are still to be called.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use std::thread;
    ///
    /// let source = StopSource::new();
    /// let asking = thread::current().id();
    /// let guard = source.token().on_stop(move || assert_ne!(thread::current().id(), asking));
    ///
    /// let callbacks = source.request_deferred("deploy").expect("the first request");
    /// thread::spawn(move || callbacks.call()).join().unwrap();
    /// drop(guard);
    /// assert!(source.take_panics().is_empty());
    /// ```
    #[doc(alias = "CancelAsync")]
    #[track_caller]
    pub fn request_deferred(&self, reason: impl Into<Reason>) -> Option<DeferredCallbacks> {
        let mut notifications = self.node.request(Request::new(reason.into(), Some(Location::caller())))?;
        notifications.wake();
        Some(DeferredCallbacks::new(notifications, self.node.clone()))
    }

    /// Makes a request that already has its place and moment.
    pub(crate) fn ask(&self, request: Request) -> bool {
        let notifications = self.node.request(request);
        let first = notifications.is_some() || fault::is(Fault::TwoFirsts);
        notifications.unwrap_or_default().settle();
        first
    }

    /// Creates a token of this source.
    #[doc(alias = "get_token")]
    #[must_use]
    pub fn token(&self) -> StopToken {
        if fault::is(Fault::LeakedNode) {
            std::mem::forget(self.node.clone());
        }
        StopToken::new(self.node.clone())
    }

    /// Takes the panics of the callbacks that a request on this source has called: callbacks on its own tokens, on the
    /// tokens below, and on tokens that follow one of them through a link.
    ///
    /// A second call returns only panics that came after the first.
    /// Without a source, as for [`crate::ScopedWorker::ended`], take them from the request: [`Request::take_panics`].
    #[must_use]
    pub fn take_panics(&self) -> Vec<Panic> {
        let own = self.node.asked().filter(|(_, inherited)| !inherited);
        own.map(|(request, _)| request.take_panics()).unwrap_or_default()
    }

    /// Whether the request that caused `stopped` was made on this source, not on one above it and not in another tree.
    #[must_use]
    pub fn is_origin_of(&self, stopped: &Stopped) -> bool {
        let own = self.node.asked().filter(|(_, inherited)| !inherited);
        own.is_some_and(|(request, _)| std::ptr::eq(request, stopped.request()))
    }

    /// Whether a stop was requested; the same as polling a token.
    #[doc(alias = "is_cancelled")]
    #[doc(alias = "stop_requested")]
    #[doc(alias = "IsCancellationRequested")]
    #[must_use]
    pub fn is_stop_requested(&self) -> bool {
        self.node.is_stop_requested()
    }
}

impl Default for StopSource {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for StopSource {
    fn clone(&self) -> Self {
        self.node.add_source();
        Self { node: self.node.clone() }
    }
}

impl Drop for StopSource {
    fn drop(&mut self) {
        self.node.drop_source(self.node.is_alone());
    }
}

/// Two sources are equal when one is a clone of the other, so that they request the same stop.
impl PartialEq for StopSource {
    fn eq(&self, other: &Self) -> bool {
        self.node.is_same(&other.node)
    }
}

impl Eq for StopSource {}

impl Hash for StopSource {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.identity().hash(state);
    }
}

impl fmt::Debug for StopSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSource").field("stopped", &self.node.is_stop_requested()).finish()
    }
}
