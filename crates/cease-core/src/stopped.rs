//! The stop as a job sees it: the error that ends it.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::{Reason, Request, StopToken};

/// The stop as a job sees it: the error that `stop.check()?` carries out.
///
/// Only a stopped token yields one, so a job cannot claim a stop that was never requested.
/// It keeps the token's state alive, and cloning it allocates nothing.
#[doc(alias = "OperationCanceledException")]
#[derive(Clone)]
pub struct Stopped {
    token: StopToken,
}

/// Why every accessor of [`Stopped`] finds a request.
const IS_STOPPED: &str = "made only from a stopped token, and a stop is never taken back (law L1)";

impl Stopped {
    /// The stop that `token` shows, or `None` while it shows none.
    pub(crate) fn seen_by(token: &StopToken) -> Option<Self> {
        token.reason().is_some().then(|| Self { token: token.clone() })
    }

    pub(crate) const fn token(&self) -> &StopToken {
        &self.token
    }

    /// Why the stop was requested: the reason of the request that reached this token, also from a source above.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        self.token.reason().expect(IS_STOPPED)
    }

    /// The winning request; [`Request::chain`] leads to those in other trees that it follows.
    #[must_use]
    pub fn request(&self) -> &Request {
        self.token.request().expect(IS_STOPPED)
    }

    /// Whether the request was made on a source above the token's own.
    #[must_use]
    pub fn is_inherited(&self) -> bool {
        self.token.is_inherited()
    }

    /// Where the winning request was made; `None` when the program did not make it, as with a signal.
    #[must_use]
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.request().location()
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped")
            .field("reason", self.reason())
            .field("is_inherited", &self.is_inherited())
            .field("location", &self.location())
            .finish()
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped: {}", self.request())
    }
}

impl Error for Stopped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason().payload().map(|payload| payload as &(dyn Error + 'static))
    }
}
