//! How a worker's process was ended, and what that says about the job.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, Panic, Reason, SpawnError, StopSource, Stopped};
use serde::de::DeserializeOwned;

use crate::containment::{ContainmentError, Kind};
use crate::ended::Ended;
use crate::frame::{FrameError, decode};
use crate::ladder::{Stage, Summary};
use crate::message::{Answer, RemotePanic, Why};

/// How a worker's process was ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// What its number was; in a PID namespace, that of the first process there, whose child it was.
    pub pid: u32,
    /// What kept its tree together.
    pub containment: Kind,
    /// How it ended; `None` when it could not be killed, or lives on.
    pub ended: Option<Ended>,
    /// Whether it lives on, and waits in its [`crate::Pool`] for another job.
    pub is_kept: bool,
    /// The stage that it ended on; `None` when it ended by itself, or lives on.
    pub ended_on: Option<Stage>,
    /// The highest stage that was needed, for it or for what it had started.
    pub reached: Option<Stage>,
    /// How long each stage lasted, in the order of [`Stage::ALL`].
    pub spent: [Duration; 3],
    /// How many processes it left behind, which were ended too.
    pub survivors: usize,
    /// The processes that could not be killed.
    pub unkillable: Vec<u32>,
    /// The panic of the job, if that is how it ended.
    pub panic: Option<RemotePanic>,
}

impl StopReport {
    pub(crate) fn new(pid: u32, containment: Kind, summary: &Summary) -> Self {
        Self {
            pid,
            containment,
            ended: None,
            is_kept: summary.is_kept,
            ended_on: summary.ended_on,
            reached: summary.reached,
            spent: summary.spent,
            survivors: summary.survivors,
            unkillable: Vec::new(),
            panic: None,
        }
    }
}

/// Why a worker did not get as far as to begin; it is the [`io::Error`] in a [`SpawnError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// What keeps its tree together, and was required, cannot be had.
    Containment(ContainmentError),
    /// The job cannot be written down, or is too long, or what was said cannot be understood.
    Frame(FrameError),
    /// This program has not called [`crate::init`], so the same program, started as a worker, does not call it either; nothing was
    /// started. The kind of the [`io::Error`] is [`io::ErrorKind::Unsupported`].
    NoInit,
    /// The program ended or hung up before its first message: it does not call [`crate::init`], or was killed.
    NoWorker(Option<Ended>),
    /// The program is another build, or speaks another version.
    OtherBuild {
        /// What is asked for.
        ours: String,
        /// What is there.
        theirs: String,
    },
    /// The program knows no job of that name.
    UnknownJob {
        /// The name.
        name: String,
        /// Those that it knows.
        known: Vec<String>,
    },
    /// The program knows the job, and cannot read this one.
    Unreadable(String),
    /// It did not begin within this time.
    TimedOut(Duration),
    /// Every worker of the pool has a job, and there may be no more of them.
    PoolExhausted,
}

impl StartError {
    /// The one in `error`, unless the operating system itself had no process to give.
    pub fn of<J>(error: &SpawnError<J>) -> Option<&Self> {
        error.os_error().get_ref()?.downcast_ref()
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Containment(error) => write!(f, "{error}: {}", error.error),
            Self::Frame(error) => write!(f, "the job cannot travel: {error}"),
            Self::NoInit => f.write_str("this program has not called `cease::process::init`; call it first in `main`"),
            Self::NoWorker(None) => f.write_str("the program hung up; does it call `cease::process::init` first?"),
            // A signal from outside says nothing about what the program calls.
            Self::NoWorker(Some(ended @ Ended::Signaled { .. })) => write!(f, "the program {ended} before it began"),
            Self::NoWorker(Some(ended)) => write!(f, "the program {ended}; does it call `cease::process::init` first?"),
            Self::OtherBuild { ours, theirs } => write!(f, "the program is another build: {theirs}, and not {ours}"),
            Self::UnknownJob { name, known } => {
                write!(f, "the program knows no job `{name}`, only: {}", known.join(", "))
            }
            Self::Unreadable(why) => write!(f, "the program cannot read the job: {why}"),
            Self::PoolExhausted => f.write_str("every worker of the pool has a job"),
            Self::TimedOut(limit) => {
                write!(f, "the program did not begin within {limit:?}; does it call `cease::process::init` first?")
            }
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Containment(error) => Some(error),
            Self::Frame(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StartError> for io::Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::NoInit => Self::new(io::ErrorKind::Unsupported, error),
            error => Self::other(error),
        }
    }
}

impl From<FrameError> for StartError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// What is left of a worker, before it is known what its job yields.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: StopReport,
    /// The stop for which the worker was ended; `None` when nothing requested its end before the report was made.
    pub(crate) stopped: Option<Stopped>,
    /// The frame with the answer, when it has arrived.
    pub(crate) answer: Option<Vec<u8>>,
    /// Why what was said cannot be understood.
    pub(crate) broken: Option<String>,
    /// What the one who was told of the job's progress panicked with.
    pub(crate) listener_panic: Option<Box<dyn Any + Send>>,
}

impl Outcome {
    /// How the worker ended.
    ///
    /// What was fully received comes first: no signal takes a value away.
    pub(crate) fn exit<T: DeserializeOwned>(self) -> Exit<T> {
        let Self { report, stopped, answer, broken, listener_panic } = self;
        if let Some(payload) = listener_panic {
            return Exit::Panicked(Panic::new(payload));
        }
        if let Some(answer) = answer {
            return match decode::<Answer<T>>(&answer) {
                Ok(Answer::Finished(value)) => Exit::Finished(value),
                Ok(Answer::Stopped(why)) => Exit::Stopped(stopped.unwrap_or_else(|| stop_of_job(why))),
                Err(error) => Exit::Broken(error.to_string()),
            };
        }
        if let Some(panic) = report.panic {
            return Exit::Panicked(Panic::new(Box::new(panic.message)));
        }
        if let Some(why) = broken {
            return Exit::Broken(why);
        }
        if !report.unkillable.is_empty() {
            return Exit::Unkillable(report.unkillable);
        }
        match (report.ended, stopped) {
            (Some(Ended::Signaled { signal, .. }), Some(stopped)) if is_ours(signal, report.ended_on) => {
                Exit::Killed { signal, stopped }
            }
            (Some(Ended::Signaled { signal, .. }), _) => Exit::Died(signal),
            (Some(Ended::Exited(code)), _) => Exit::Exited(code),
            (Some(Ended::Unknown) | None, _) => Exit::Broken("no wait returned the status of the process".into()),
        }
    }
}

/// Whether `signal` is one that was sent on the way to `stage`.
fn is_ours(signal: i32, stage: Option<Stage>) -> bool {
    match stage {
        Some(Stage::Kill) => signal == libc::SIGKILL || signal == libc::SIGTERM,
        Some(Stage::Term) => signal == libc::SIGTERM,
        _ => false,
    }
}

/// The stop of a job that left because of a source of its own, for the reason that it has sent.
fn stop_of_job(why: Why) -> Stopped {
    let source = StopSource::new();
    source.request_with_location(Reason::from(why), None);
    source.token().check().expect_err("the source was just requested")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_no_stage_sends_is_from_outside() {
        let ours = |stage| [libc::SIGTERM, libc::SIGKILL, libc::SIGABRT].map(|signal| is_ours(signal, stage));
        assert_eq!(ours(Some(Stage::Kill)), [true, true, false]);
        assert_eq!(ours(Some(Stage::Term)), [true, false, false]);
        assert_eq!([ours(Some(Stage::Ask)), ours(None)], [[false; 3]; 2]);
    }
}
