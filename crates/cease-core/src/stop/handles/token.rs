//! The side that sees a stop.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use crate::Reason;
use crate::stop::data::request::Request;
use crate::stop::protocol::lifecycle::NodeRef;

/// Shows whether a stop was requested, and waits for one; cheap to clone and to poll.
///
/// A token cannot request a stop.
/// It outlives its sources. When all of them are dropped without a request, and those above it in the tree too,
/// [`StopToken::stop_possible`] is false from then on.
///
/// # Memory ordering
///
/// A thread that sees the stop, by any method of this type, also sees what the requesting thread wrote before its request
/// (law L3).
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
    /// A token that can never stop, for code that takes a token and a caller that has none; it allocates nothing.
    ///
    /// All tokens made by this are equal.
    /// Clones of them count on one variable of the process; a program that clones such a token in a hot loop on many
    /// threads makes a source per thread instead, or borrows the token.
    ///
    /// ```
    /// use cease_core::{NeverStops, StopToken};
    ///
    /// const NEVER: StopToken = StopToken::never();
    /// assert!(!NEVER.is_stop_requested() && !NEVER.stop_possible());
    /// assert_eq!(NEVER.wait().err(), Some(NeverStops));
    /// ```
    #[doc(alias = "None")]
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub const fn never() -> Self {
        Self { node: NodeRef::never() }
    }

    /// A token that can never stop.
    #[cfg(any(loom, shuttle))]
    #[must_use]
    pub fn never() -> Self {
        Self { node: NodeRef::never() }
    }

    pub(crate) fn new(node: NodeRef) -> Self {
        Self { node }
    }

    pub(crate) const fn node(&self) -> &NodeRef {
        &self.node
    }

    /// Whether a stop was requested: one load, and nothing else.
    ///
    /// Once true, it stays true.
    /// True means that a stop was requested, not that any work has ended.
    #[doc(alias = "is_cancelled")]
    #[doc(alias = "stop_requested")]
    #[doc(alias = "IsCancellationRequested")]
    #[inline]
    #[must_use]
    pub fn is_stop_requested(&self) -> bool {
        self.node.is_stop_requested()
    }

    /// Whether a stop was requested or still can be; false once the last source was dropped without a request.
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
}

/// Two tokens are equal when they are of the same source, so that they show the same stop.
///
/// A token of a child is not equal to one of its parent, also when one request stopped both.
impl PartialEq for StopToken {
    fn eq(&self, other: &Self) -> bool {
        self.node.is_same(&other.node)
    }
}

impl Eq for StopToken {}

impl Hash for StopToken {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.node.identity().hash(state);
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
