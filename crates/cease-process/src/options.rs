//! What a worker's process is like, and who listens to its job.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use crate::containment::Containment;
use crate::frame::{self, FrameError};
use crate::ladder::GracePeriods;

/// The program that runs already, whatever has become of its file.
pub(crate) const OWN_PROGRAM: &str = "/proc/self/exe";

/// What a worker's process is like.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: Vec<(OsString, Option<OsString>)>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) containment: Containment,
    pub(crate) budgets: GracePeriods,
    pub(crate) start_limit: Duration,
    pub(crate) listeners: Listeners,
    pub(crate) job_name: &'static str,
}

impl Options {
    pub(crate) fn is_own_program(&self) -> bool {
        self.program == Path::new(OWN_PROGRAM)
    }

    /// Whether the worker runs this program with nothing that could lead it another way: no arguments, no variables.
    pub(crate) fn repeats_this_program(&self) -> bool {
        self.is_own_program() && self.args.is_empty() && self.env.is_empty()
    }
}

/// Who is told of what a job says while it runs.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    pub(crate) progress: Option<Arc<HearProgress>>,
    pub(crate) log: Option<Arc<HearLog>>,
}

type HearProgress = dyn Fn(Progress<'_>) + Send + Sync;
type HearLog = dyn Fn(&str) + Send + Sync;

impl Listeners {
    pub(crate) fn progress(&self, payload: &[u8]) {
        if let Some(hear) = &self.progress {
            hear(Progress { payload });
        }
    }

    pub(crate) fn log(&self, text: &str) {
        if let Some(hear) = &self.log {
            hear(text);
        }
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listeners").finish_non_exhaustive()
    }
}

/// What a job told with [`crate::progress`].
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    payload: &'a [u8],
}

impl Progress<'_> {
    /// The value, if it is a `T`.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        frame::decode(self.payload)
    }
}
