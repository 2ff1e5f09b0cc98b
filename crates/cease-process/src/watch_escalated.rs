//! The reason of a worker that was ended through its [`crate::Watch`] alone.

use std::error::Error;
use std::fmt;

/// The reason in a worker's exit when [`crate::Watch::escalate`] ended the worker and no stop was requested at its source.
///
/// [`cease_core::Reason::downcast_ref`] finds it, and the location of the request is that of the first call of `escalate`.
///
/// ```
/// use cease_core::Reason;
/// use cease_process::WatchEscalated;
///
/// assert_eq!(Reason::custom(WatchEscalated).downcast_ref(), Some(&WatchEscalated));
/// assert_eq!(WatchEscalated.to_string(), "escalated through `Watch`, without a request at the source");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchEscalated;

impl fmt::Display for WatchEscalated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("escalated through `Watch`, without a request at the source")
    }
}

impl Error for WatchEscalated {}
