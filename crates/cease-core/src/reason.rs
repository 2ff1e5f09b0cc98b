//! Why a stop was requested.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::Unmodelled;

/// Why a worker is asked to stop.
///
/// The reason of the first request wins; a later request never changes it (law L2).
/// Every token that the request reaches has this reason, also those of children and of linked tokens.
///
/// ```
/// use cease_core::Reason;
///
/// assert_eq!(Reason::from("rolling deploy").to_string(), "requested: rolling deploy");
/// assert_eq!(Reason::from(""), Reason::Requested(None), "an empty message is no message");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The program requested the stop, with or without a message.
    Requested(Option<Cow<'static, str>>),
    /// A deadline passed.
    Deadline,
    /// A deadline passed that was set with a cause of its own, as by [`crate::StopSource::with_timeout_cause`].
    ///
    /// [`Reason::is_deadline`] is true for both variants.
    DeadlineWithCause(Cause),
    /// The operating system delivered the signal with this number.
    Signal(i32),
    /// The owner of the worker dropped it.
    OwnerDropped,
    /// Another worker of the same group failed.
    PeerFailed,
    /// An error value of the caller's own type; see [`Reason::custom`].
    Custom(Payload),
}

impl Reason {
    /// A reason that carries `payload`; [`Reason::downcast_ref`] returns it by its type.
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
    /// assert_eq!(stopped.reason().downcast_ref(), Some(&DiskFull { bytes_left: 7 }));
    /// ```
    #[doc(alias = "WithCancelCause")]
    pub fn custom(payload: impl Error + Send + Sync + 'static) -> Self {
        Self::Custom(Payload(Unmodelled::new(payload)))
    }

    /// The reason of a deadline that was set with `cause`.
    ///
    /// A cause that says nothing, an empty message for instance, yields [`Reason::Deadline`].
    /// For a cause that is itself the reason of a deadline it yields that reason.
    pub fn deadline(cause: impl Into<Self>) -> Self {
        match cause.into() {
            Self::Requested(None) => Self::Deadline,
            deadline @ (Self::Deadline | Self::DeadlineWithCause(_)) => deadline,
            cause => Self::DeadlineWithCause(Cause(Unmodelled::new(cause))),
        }
    }

    /// Whether a deadline passed, with or without a cause of its own.
    #[must_use]
    pub const fn is_deadline(&self) -> bool {
        matches!(self, Self::Deadline | Self::DeadlineWithCause(_))
    }

    /// The payload, when it is an `E`; also the one that a deadline's cause carries.
    #[must_use]
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.payload()?.downcast_ref()
    }

    pub(crate) fn payload(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match self {
            Self::Custom(payload) => Some(&*payload.0),
            Self::DeadlineWithCause(cause) => cause.reason().payload(),
            _ => None,
        }
    }

    /// The reason of a request with `message`; an empty message is no message.
    fn with_message(message: Cow<'static, str>) -> Self {
        Self::Requested(Some(message).filter(|message| !message.is_empty()))
    }
}

/// The cause with which a deadline was set; part of [`Reason::DeadlineWithCause`], made by [`Reason::deadline`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause(Unmodelled<Reason>);

impl Cause {
    /// The cause as a reason: a message, or the value that [`Reason::custom`] was given.
    #[must_use]
    pub fn reason(&self) -> &Reason {
        &self.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Reason::Requested(Some(message)) => f.write_str(message),
            reason => reason.fmt(f),
        }
    }
}

/// What a [`Reason::Custom`] carries; two are equal when one is a clone of the other.
#[derive(Debug, Clone)]
pub struct Payload(Unmodelled<dyn Error + Send + Sync>);

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        Unmodelled::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Payload {}

// A payload is never written once it is in a reason, so that unwinding leaves none half written.
impl UnwindSafe for Payload {}
impl RefUnwindSafe for Payload {}

impl From<&'static str> for Reason {
    fn from(message: &'static str) -> Self {
        Self::with_message(Cow::Borrowed(message))
    }
}

impl From<String> for Reason {
    fn from(message: String) -> Self {
        Self::with_message(Cow::Owned(message))
    }
}

impl From<Cow<'static, str>> for Reason {
    fn from(message: Cow<'static, str>) -> Self {
        Self::with_message(message)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested(Some(message)) if !message.is_empty() => write!(f, "requested: {message}"),
            Self::Requested(_) => f.write_str("requested"),
            Self::Deadline => f.write_str("deadline"),
            Self::DeadlineWithCause(cause) => write!(f, "deadline: {cause}"),
            Self::Signal(number) => SignalName(*number).fmt(f),
            Self::OwnerDropped => f.write_str("owner dropped"),
            Self::PeerFailed => f.write_str("peer failed"),
            Self::Custom(payload) => payload.0.fmt(f),
        }
    }
}

/// A signal as a text: its number, and its name where the number has one.
pub(crate) struct SignalName(pub(crate) i32);

impl SignalName {
    /// The names of the signals from 1 to 31 on Linux, on the processors where `SIGBUS` is 7.
    const LINUX: [&'static str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];

    /// The numbers to which POSIX gives a name, the same everywhere.
    const POSIX: [(i32, &'static str); 8] =
        [(1, "HUP"), (2, "INT"), (3, "QUIT"), (6, "ABRT"), (9, "KILL"), (11, "SEGV"), (14, "ALRM"), (15, "TERM")];

    fn name(&self) -> Option<&'static str> {
        // MIPS and SPARC have numbers of their own.
        let is_table_valid = cfg!(all(
            any(target_os = "linux", target_os = "android"),
            not(any(target_arch = "mips", target_arch = "mips64", target_arch = "sparc", target_arch = "sparc64"))
        ));
        if is_table_valid {
            return usize::try_from(self.0).ok()?.checked_sub(1).and_then(|index| Self::LINUX.get(index)).copied();
        }
        Self::POSIX.iter().find(|(number, _)| *number == self.0).map(|&(_, name)| name)
    }
}

impl fmt::Display for SignalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "signal {} (SIG{name})", self.0),
            None => write!(f, "signal {}", self.0),
        }
    }
}
