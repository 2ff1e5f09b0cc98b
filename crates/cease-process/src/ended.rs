//! How a process ended.

use std::fmt;

use rustix::process::WaitIdStatus;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Signaled {
        /// The number of the signal.
        signal: i32,
        /// Whether it left a core file.
        core: bool,
    },
    /// Something else in this program reaped it, so nobody knows.
    Unknown,
}

impl Ended {
    pub(crate) fn of(status: &WaitIdStatus) -> Self {
        Self::from_parts(status.exit_status(), status.terminating_signal(), status.dumped())
    }

    /// As a wait says it: one of the two, and whether there was a core file.
    pub(crate) fn from_parts(code: Option<i32>, signal: Option<i32>, core: bool) -> Self {
        match (code, signal) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signaled { signal, core },
            (None, None) => Self::Unknown,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Signaled { signal, core: false } => write!(f, "ended by signal {signal}"),
            Self::Signaled { signal, core: true } => write!(f, "ended by signal {signal}, with a core file"),
            Self::Unknown => f.write_str("ended, and somebody else reaped it"),
        }
    }
}
