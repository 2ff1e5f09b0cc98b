//! Why a stop was requested.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::sync::Unmodelled;

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
    /// Something that the asking side has a type for.
    Custom(Payload),
}

impl Reason {
    /// A reason that carries `payload`, which whoever is stopped gets back by its type.
    ///
    /// ```
    /// use cease_core::{Reason, StopSource};
    ///
    /// #[derive(Debug, PartialEq)]
    /// struct DiskFull {
    ///     bytes_left: u64,
    /// }
    /// # impl std::error::Error for DiskFull {}
    /// # impl std::fmt::Display for DiskFull {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "disk full") }
    /// # }
    ///
    /// let source = StopSource::new();
    /// source.request_with(Reason::custom(DiskFull { bytes_left: 7 }));
    /// let stopped = source.token().wait().unwrap();
    /// assert_eq!(stopped.origin().downcast_ref(), Some(&DiskFull { bytes_left: 7 }));
    /// ```
    #[doc(alias = "WithCancelCause")]
    pub fn custom(payload: impl Error + Send + Sync + 'static) -> Self {
        Self::Custom(Payload(Unmodelled::new(payload)))
    }

    /// The payload, when it is an `E`.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Custom(payload) => payload.0.downcast_ref(),
            _ => None,
        }
    }
}

/// What a [`Reason::Custom`] carries; two are equal when one is a clone of the other.
#[derive(Debug, Clone)]
pub struct Payload(Unmodelled<dyn Error + Send + Sync>);

impl Payload {
    /// The error that it carries.
    pub(crate) fn error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        Unmodelled::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Payload {}

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
            Self::Custom(payload) => payload.0.fmt(f),
        }
    }
}
