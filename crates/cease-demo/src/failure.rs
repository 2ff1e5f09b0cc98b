//! Why a run did not end as it should, and the exit code for it.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

/// Why a run did not end as it should; prints as one line.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// These workers still ran when the grace was over.
    StillRunning { workers: Vec<String>, grace: Duration },
    /// The strategy let go of these workers, and they may still run.
    Abandoned(Vec<String>),
    /// The handlers for signals could not be installed.
    Signals(io::Error),
    /// This worker could not be started, because of what the operating system said.
    Spawn { worker: String, error: String },
    /// These workers ended in a way that no run should end in.
    Broken(Vec<String>),
    /// The result could not be written.
    Output(io::Error),
}

impl Failure {
    /// The exit code, as `--help` lists it.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::StillRunning { .. } | Self::Abandoned(_) => 3,
            Self::Signals(_) | Self::Spawn { .. } | Self::Broken(_) => 70,
            Self::Output(_) => 74,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => write!(f, "{text}; see --help"),
            Self::StillRunning { workers, grace } => {
                let grace = humantime::format_duration(*grace);
                write!(f, "still running {grace} after the stop: {}", workers.join(", "))
            }
            Self::Abandoned(workers) => write!(f, "let go of, and may still run: {}", workers.join(", ")),
            Self::Signals(error) => write!(f, "could not wire the signals: {error}"),
            Self::Spawn { worker, error } => write!(f, "could not start worker {worker}: {error}"),
            Self::Broken(workers) => write!(f, "not ended by the stop: {}", workers.join(", ")),
            Self::Output(error) => write!(f, "could not write the output: {error}"),
        }
    }
}
