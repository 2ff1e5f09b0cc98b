//! What is said between a worker and the one who supervises it.

use std::path::PathBuf;

use cease_core::Reason;
use serde::{Deserialize, Serialize};

use crate::watch_escalated::WatchEscalated;

/// The version of all of this; both sides say it, and nothing is understood across versions.
pub(crate) const PROTOCOL: u32 = 3;

/// The worker says who it is.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    /// Which program it is, to the byte.
    pub(crate) build: String,
    /// Its number, which is that inside if it is in a namespace of its own.
    pub(crate) pid: u32,
}

/// What is to be done, and under which circumstances; the job follows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The version that is spoken.
    pub(crate) protocol: u32,
    /// Which program it is for, to the byte, unless any that speaks this version will do.
    pub(crate) build: Option<String>,
    /// The name under which the job is registered.
    pub(crate) name: String,
    /// Why it is stopped already, if it is.
    pub(crate) stopped: Option<Why>,
    /// The cgroup that keeps its tree together, if one does.
    pub(crate) cgroup: Option<PathBuf>,
    /// Whether the worker takes orphans of its tree as its own.
    pub(crate) adopts: bool,
    /// Whether it has no job yet, and stays for as many as come; with it comes the socket on which stops are said.
    pub(crate) stays: bool,
    /// Which of the jobs of this worker it is.
    pub(crate) number: u64,
}

/// Why a worker cannot do it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Refusal {
    /// Nobody registered a job of that name; these are there.
    UnknownJob(Vec<String>),
    /// The job cannot be read.
    Unreadable(String),
    /// It is meant for another program; which one this is stands in the greeting.
    OtherBuild,
}

/// A stop was asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Stop {
    pub(crate) why: Why,
    /// Which of the jobs of this worker is meant.
    pub(crate) number: u64,
    /// How long the job has to leave, before it is told by a signal.
    pub(crate) within_ms: u64,
}

/// What the job returned.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer<T> {
    Finished(T),
    Stopped(Why),
}

/// The job panicked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemotePanic {
    /// What it panicked with, when that is a text.
    pub message: String,
    /// The place in the source.
    pub at: Option<String>,
    /// The way there.
    pub backtrace: String,
}

/// A reason, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Why {
    Requested(Option<String>),
    Deadline,
    Signal(i32),
    DeadlineWithCause(String),
    OwnerDropped,
    PeerFailed,
    WatchEscalated,
    /// A reason that has a type where it was given has only its text elsewhere.
    Other(String),
}

impl From<&Reason> for Why {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Requested(message) => Self::Requested(message.as_deref().map(str::to_owned)),
            Reason::Deadline => Self::Deadline,
            Reason::Signal(number) => Self::Signal(*number),
            Reason::DeadlineWithCause(cause) => Self::DeadlineWithCause(cause.to_string()),
            Reason::OwnerDropped => Self::OwnerDropped,
            Reason::PeerFailed => Self::PeerFailed,
            escalated if escalated.downcast_ref::<WatchEscalated>().is_some() => Self::WatchEscalated,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Self {
        match why {
            Why::Requested(None) => Self::Requested(None),
            Why::Requested(Some(message)) | Why::Other(message) => Self::from(message),
            Why::Deadline => Self::Deadline,
            Why::Signal(number) => Self::Signal(number),
            Why::DeadlineWithCause(cause) => Self::deadline(cause),
            Why::OwnerDropped => Self::OwnerDropped,
            Why::PeerFailed => Self::PeerFailed,
            Why::WatchEscalated => Self::custom(WatchEscalated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_come_back_as_they_went() {
        for reason in [
            Reason::from("x"),
            Reason::Requested(None),
            Reason::Deadline,
            Reason::Signal(2),
            Reason::OwnerDropped,
            Reason::deadline("late"),
        ] {
            assert_eq!(Reason::from(Why::from(&reason)), reason);
        }
        let escalated = Reason::from(Why::from(&Reason::custom(WatchEscalated)));
        assert_eq!(escalated.downcast_ref(), Some(&WatchEscalated));
    }
}
