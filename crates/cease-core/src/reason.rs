//! Why a stop was asked for, and the value that carries it out of a job.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::StopToken;

/// Why a worker is asked to stop.
///
/// The reason of the first request wins; a later request never changes it (law L2).
///
/// ```
/// use cease_core::Reason;
///
/// assert_eq!(Reason::from("rolling deploy").to_string(), "requested: rolling deploy");
/// assert_eq!(Reason::Signal(2).to_string(), "signal 2");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Somebody asked, with or without a message.
    Requested(Option<Cow<'static, str>>),
    /// The time that was allowed is over.
    Deadline,
    /// The operating system delivered this signal.
    Signal(i32),
    /// The parent in the tree of sources was stopped.
    ParentStopped,
    /// The owner of the worker dropped it.
    OwnerDropped,
    /// A worker beside this one failed.
    PeerFailed,
}

impl From<&'static str> for Reason {
    fn from(message: &'static str) -> Self {
        Self::Requested(Some(Cow::Borrowed(message)))
    }
}

impl From<String> for Reason {
    fn from(message: String) -> Self {
        Self::Requested(Some(Cow::Owned(message)))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(None) => f.write_str("requested"),
            Self::Requested(Some(message)) => write!(f, "requested: {message}"),
            Self::Deadline => f.write_str("deadline"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::ParentStopped => f.write_str("parent stopped"),
            Self::OwnerDropped => f.write_str("owner dropped"),
            Self::PeerFailed => f.write_str("peer failed"),
        }
    }
}

/// The winning request as a job sees it: the error that `stop.check()?` carries out.
///
/// It can only be had from a token that is stopped, so a job cannot claim a stop that nobody asked for.
/// It keeps the token's state alive, and cloning it allocates nothing.
#[doc(alias = "OperationCanceledException")]
#[derive(Clone)]
pub struct Stopped {
    token: StopToken,
}

impl Stopped {
    /// The stop that `token` shows, or `None` while it shows none.
    pub(crate) fn seen_by(token: &StopToken) -> Option<Self> {
        token.reason().is_some().then(|| Self { token: token.clone() })
    }

    pub(crate) const fn token(&self) -> &StopToken {
        &self.token
    }

    /// Why the stop was asked for.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        self.token.reason().expect("made only from a stopped token, and a stop is never taken back (law L1)")
    }

    /// The reason that was given where the request was made, also when that was further up the tree.
    #[must_use]
    pub fn origin(&self) -> &Reason {
        self.token.origin().expect("made only from a stopped token, and a stop is never taken back (law L1)")
    }

    /// Where the winning request was made.
    #[must_use]
    pub fn asked_at(&self) -> &'static Location<'static> {
        self.token.asked_at().expect("made only from a stopped token, and a stop is never taken back (law L1)")
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped").field("reason", self.reason()).field("asked_at", &self.asked_at()).finish()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Reason::ParentStopped => {
                write!(f, "stopped (parent stopped: {}; asked at {})", self.origin(), self.asked_at())
            }
            reason => write!(f, "stopped ({reason}; asked at {})", self.asked_at()),
        }
    }
}

impl Error for Stopped {}
