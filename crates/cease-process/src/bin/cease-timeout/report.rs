//! What `--report` writes: one document, on one line.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use serde::Serialize;

use crate::cli::{Options, Place};
use crate::say::Voice;
use crate::sys;

/// The schema of the document; it changes when a field changes its meaning or goes.
const SCHEMA: &str = "cease.timeout/1";

/// How it went.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    /// The words of the command.
    pub(crate) command: Vec<String>,
    /// In seconds; `null` when there is none.
    pub(crate) limit_s: Option<f64>,
    pub(crate) signal: String,
    /// How long the command had between the signal and KILL; `null` when KILL was never to come.
    pub(crate) grace_s: Option<f64>,
    pub(crate) timed_out: bool,
    /// The signal that somebody sent, and that began the stop.
    pub(crate) stopped_by: Option<String>,
    /// The last signal that the command had from this program.
    pub(crate) sent: Option<String>,
    /// How the command itself ended; `null` when it could not be killed, or not started.
    pub(crate) ended: Option<Ended>,
    /// From the start until nothing ran any more.
    pub(crate) elapsed_s: f64,
    /// From the first KILL until the command itself was reaped; `null` when it had none, or ended before.
    pub(crate) kill_to_reaped_s: Option<f64>,
    /// What kept it together.
    pub(crate) containment: &'static str,
    /// What still ran when the command had ended, or was killed.
    pub(crate) survivors: Vec<Survivor>,
    /// Whether it was left to run on.
    pub(crate) kept: bool,
    /// What could not be killed.
    pub(crate) unkillable: Vec<i32>,
    /// Why nothing was started; `null` when it was.
    pub(crate) error: Option<String>,
    /// What this program exits with, in the words of a shell.
    pub(crate) status: i32,
}

impl Report {
    /// Of a command that has not been started, or not yet.
    pub(crate) fn new(options: &Options, words: &[&[u8]], containment: &'static str) -> Self {
        Self {
            schema: SCHEMA,
            command: words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect(),
            limit_s: options.limit.seconds(),
            signal: options.signal.to_string(),
            grace_s: options.grace.seconds(),
            timed_out: false,
            stopped_by: None,
            sent: None,
            ended: None,
            elapsed_s: 0.0,
            kill_to_reaped_s: None,
            containment,
            survivors: Vec::new(),
            kept: false,
            unkillable: Vec::new(),
            error: None,
            status: 0,
        }
    }
}

/// How the command ended.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Ended {
    Code(i32),
    Signal(String),
}

/// A process that was there when the command had ended.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Survivor {
    pub(crate) pid: i32,
    pub(crate) name: String,
}

/// Where it is written, opened before the command is started, so that a mistake is told in time.
#[derive(Debug)]
pub(crate) enum Target {
    Descriptor(i32),
    File(OwnedFd),
}

impl Target {
    /// Opens `place`; the command gets none of it but standard error.
    pub(crate) fn open(place: &Place) -> io::Result<Self> {
        match place {
            Place::Descriptor(libc::STDERR_FILENO) => Ok(Self::Descriptor(libc::STDERR_FILENO)),
            Place::Descriptor(fd @ 0..=2) => Ok(Self::Descriptor(*fd)),
            Place::Descriptor(fd) if sys::close_on_exec(*fd) => Ok(Self::Descriptor(*fd)),
            Place::Descriptor(_) => Err(io::Error::from_raw_os_error(libc::EBADF)),
            Place::File(name) => {
                let name = std::ffi::OsStr::from_bytes(name);
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o666).open(name)?;
                // It is none of the three standard ones: what is said there may not land in it.
                Ok(Self::File(rustix::io::fcntl_dupfd_cloexec(file, libc::STDERR_FILENO + 1)?))
            }
        }
    }

    /// Writes it; what cannot be written is told.
    pub(crate) fn tell(&self, report: &Report, voice: &Voice<'_>) {
        if let Err(error) = self.write(report) {
            voice.say(&format!("cannot write the report: {}", sys::error_text(&error)));
        }
    }

    fn write(&self, report: &Report) -> io::Result<()> {
        let mut line = serde_json::to_vec(report)?;
        line.push(b'\n');
        match self {
            Self::Descriptor(fd) => sys::write(*fd, &line),
            Self::File(file) => sys::write(file.as_raw_fd(), &line),
        }
    }
}
