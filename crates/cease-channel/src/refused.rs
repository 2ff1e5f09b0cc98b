//! The errors of sends; each has the item that was not accepted.

use std::error::Error;
use std::fmt;

use cease_core::Stopped;

/// The channel was closed; it has the item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub(crate) T);

impl<T> SendError<T> {
    /// The item, which was not accepted.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel was closed")
    }
}

impl<T> Error for SendError<T> {}

/// Why [`try_send`](crate::Sender::try_send) did not accept an item; it has the item.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrySendError<T> {
    /// There is no room.
    Full(T),
    /// The channel was closed.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The item, which was not accepted.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => "the channel was closed",
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// Why [`send_until_stopped`](crate::Sender::send_until_stopped) did not accept an item; it has the item.
#[derive(Clone)]
#[non_exhaustive]
pub enum SendUntilStoppedError<T> {
    /// The stop of the sender was requested.
    Stopped(T, Stopped),
    /// The channel was closed.
    Closed(T),
}

impl<T> SendUntilStoppedError<T> {
    /// The item, which was not accepted.
    pub fn into_inner(self) -> T {
        match self {
            Self::Stopped(item, _) | Self::Closed(item) => item,
        }
    }
}

impl<T> fmt::Debug for SendUntilStoppedError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(_, stopped) => f.debug_tuple("Stopped").field(stopped).finish(),
            Self::Closed(_) => f.write_str("Closed(..)"),
        }
    }
}

impl<T> fmt::Display for SendUntilStoppedError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped(..) => "the sender was stopped before there was room",
            Self::Closed(_) => "the channel was closed",
        })
    }
}

impl<T> Error for SendUntilStoppedError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped(_, stopped) => Some(stopped),
            Self::Closed(_) => None,
        }
    }
}
