//! The asking side.

use std::fmt;
use std::panic::Location;

use crate::fault::{self, Fault};
use crate::stop::node_ref::NodeRef;
use crate::stop::record::Record;
use crate::{Panic, Reason, StopToken};

/// The side that asks for a stop; clones ask about the same stop.
///
/// Dropping a source asks for nothing.
/// When the last clone is gone and nobody asked, and there is no source above it either, no one ever can: every
/// [`StopToken`] of it then says so ([`StopToken::can_stop`]), and whoever was waiting is told (law L14).
/// These are the semantics of C++20's `std::stop_source`, with a reason and a tree added.
///
/// # Memory ordering
///
/// What a thread wrote before the winning request is visible to whoever then sees the stop (law L3).
///
/// # Examples
///
/// ```
/// use cease_core::{Reason, StopSource};
///
/// let source = StopSource::new();
/// let token = source.token();
/// assert!(!token.is_stopped());
///
/// assert!(source.request_because("rolling deploy"), "the first request wins");
/// assert!(!source.request(), "a later one changes nothing");
/// assert!(token.is_stopped());
/// assert_eq!(token.reason(), Some(&Reason::from("rolling deploy")));
/// ```
#[doc(alias = "stop_source")]
#[doc(alias = "CancellationTokenSource")]
#[doc(alias = "CancelFunc")]
pub struct StopSource {
    node: NodeRef,
}

impl StopSource {
    /// Creates a source that nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self { node: NodeRef::root() }
    }

    pub(crate) const fn of(node: NodeRef) -> Self {
        Self { node }
    }

    /// Asks for a stop without saying why; true for the one call that was first.
    ///
    /// When it returns true, every descendant reads stopped, whoever waits has been woken, and every callback has returned.
    /// A call that returns false may return while the winner still wakes and calls; every descendant reads stopped then too.
    /// With nobody waiting no system call is made.
    #[doc(alias = "cancel")]
    #[doc(alias = "request_stop")]
    #[track_caller]
    pub fn request(&self) -> bool {
        self.request_because(Reason::Requested(None))
    }

    /// Asks for a stop and says why; true for the one call that was first, whose reason every observer sees.
    ///
    /// Further down the tree the reason is [`Reason::ParentStopped`], and this one its [`StopToken::origin`].
    /// The caller's place in the source is recorded with it ([`crate::Stopped::asked_at`]).
    #[doc(alias = "cancel")]
    #[doc(alias = "CancelCauseFunc")]
    #[track_caller]
    pub fn request_because(&self, reason: impl Into<Reason>) -> bool {
        self.record(Record::new(reason.into(), Location::caller()))
    }

    /// Makes a request that somebody else made.
    pub(crate) fn record(&self, record: Record) -> bool {
        let due = self.node.request(record);
        let first = due.is_some() || fault::is(Fault::TwoFirsts);
        due.unwrap_or_default().settle();
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

    /// Creates a source below this one: a stop here is a stop there, and never the other way round.
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[must_use]
    pub fn child(&self) -> Self {
        Self::of(self.node.child())
    }

    /// What callbacks have panicked with that a request on this source has called, since the last call of this.
    #[must_use]
    pub fn take_panics(&self) -> Vec<Panic> {
        let own = self.node.record().filter(|(_, inherited)| !inherited);
        own.map(|(record, _)| record.take_panics()).unwrap_or_default()
    }

    /// Whether a stop was asked for; the same as polling a token.
    #[doc(alias = "is_cancelled")]
    #[doc(alias = "stop_requested")]
    #[doc(alias = "IsCancellationRequested")]
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.node.is_stopped()
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

impl fmt::Debug for StopSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopSource").field("stopped", &self.node.is_stopped()).finish()
    }
}
