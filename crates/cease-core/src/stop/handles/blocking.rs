//! Waits that block a thread until a stop is requested.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use crate::stop::data::state::Status;
use crate::{StopToken, Stopped, sync};

impl StopToken {
    /// Waits until a stop is requested.
    ///
    /// # Errors
    ///
    /// [`NeverStops`] when the last source was dropped without a request, before the call or during it.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A stop that was requested before is returned at once.
    #[doc(alias = "WaitOne")]
    pub fn wait(&self) -> Result<Stopped, NeverStops> {
        self.wait_until(None).map_err(|_| NeverStops)
    }

    /// Waits until a stop is requested, for at most `limit`.
    ///
    /// A `limit` of zero polls once; one beyond the range of the clock means no limit.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] when `limit` is over, [`WaitError::NeverStops`] when the last source was dropped without a
    /// request.
    /// When stop and time limit meet, the stop is returned.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    #[doc(alias = "WaitOne")]
    pub fn wait_timeout(&self, limit: Duration) -> Result<Stopped, WaitError> {
        self.wait_until(sync::deadline_after(limit))
    }

    /// Waits until a stop is requested, until `deadline` at the latest.
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

    fn wait_until(&self, deadline: Option<Instant>) -> Result<Stopped, WaitError> {
        let seen = self.node().wait_until(deadline);
        match Stopped::seen_by(self) {
            Some(stopped) => Ok(stopped),
            None if seen == Status::NoSource => Err(WaitError::NeverStops),
            None => Err(WaitError::TimedOut),
        }
    }
}

/// Why [`StopToken::wait`] ended without a stop: the last source is gone, so no request can come any more.
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
    /// The last source was dropped without a request; no stop will ever come.
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
