//! The stop as a job sees it: the error that ends it.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::{Reason, Request, StopToken};

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

    /// The winning request; [`Request::chain`] leads to those in other trees that it follows.
    #[must_use]
    pub fn asked(&self) -> &Request {
        self.token.asked().expect("made only from a stopped token, and a stop is never taken back (law L1)")
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

impl Error for Stopped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.origin() {
            Reason::Custom(payload) => Some(payload.error()),
            _ => None,
        }
    }
}
