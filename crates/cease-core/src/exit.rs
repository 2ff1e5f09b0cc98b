//! How a worker ended.

use std::fmt;

use crate::reason::SignalName;
use crate::{Panic, Stopped};

/// How a worker ended; there is exactly one exit for each worker (law L7).
///
/// `Display` is a plain sentence without the value, for a log or a message.
///
/// ```
/// use cease_core::{Exit, StopSource, ThreadBuilder};
///
/// let worker = ThreadBuilder::new("divider").spawn(StopSource::new(), 0, |by: u32, _stop| Ok(1_u32 / by)).unwrap();
/// let exit = worker.join().unwrap();
/// assert_eq!(exit.as_panic().unwrap().message(), Some("attempt to divide by zero"));
/// assert_eq!(exit.to_string(), "panicked: attempt to divide by zero");
/// assert_eq!(exit.into_finished(), None);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Exit<T> {
    /// The job returned its value. A stop that came too late does not take the value away.
    Finished(T),
    /// The job left at a checkpoint.
    Stopped(Stopped),
    /// The job panicked.
    Panicked(Panic),
    /// The strategy ended the job's process with a signal, because a stop was requested.
    Killed {
        /// The number of the signal that ended the process.
        signal: i32,
        /// The stop for which the strategy sent the signal: a deadline, an operator's request, a drop.
        stopped: Stopped,
    },
    /// The job's process exited by itself with this code, before it returned a value.
    Exited(i32),
    /// The job's process was ended by this signal, and the strategy had not sent it.
    Died(i32),
    /// The answer of the job cannot be read; the text says why.
    Broken(String),
    /// SIGKILL was sent, but the processes with these numbers still exist.
    Unkillable(Vec<u32>),
    /// The strategy let go of the job's thread; the thread may still run.
    Abandoned,
}

impl<T> Exit<T> {
    /// The name of the variant, in one word: `finished`, `stopped`, `panicked`, `killed`, `exited`, `died`, `broken`,
    /// `unkillable` or `abandoned`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Finished(_) => "finished",
            Self::Stopped(_) => "stopped",
            Self::Panicked(_) => "panicked",
            Self::Killed { .. } => "killed",
            Self::Exited(_) => "exited",
            Self::Died(_) => "died",
            Self::Broken(_) => "broken",
            Self::Unkillable(_) => "unkillable",
            Self::Abandoned => "abandoned",
        }
    }

    /// The value, if the job finished.
    #[must_use]
    pub const fn as_finished(&self) -> Option<&T> {
        match self {
            Self::Finished(value) => Some(value),
            _ => None,
        }
    }

    /// Returns the value, if the job finished.
    #[must_use]
    pub fn into_finished(self) -> Option<T> {
        match self {
            Self::Finished(value) => Some(value),
            _ => None,
        }
    }

    /// The stop, if the job left at a checkpoint; that of a killed job is in [`Exit::Killed`].
    #[must_use]
    pub const fn as_stopped(&self) -> Option<&Stopped> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }

    /// The panic, if the job panicked.
    #[must_use]
    pub const fn as_panic(&self) -> Option<&Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }

    /// Returns the panic with its payload, if the job panicked.
    #[must_use]
    pub fn into_panic(self) -> Option<Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }
}

impl<T> fmt::Display for Exit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished(_) | Self::Abandoned => f.write_str(self.kind()),
            Self::Stopped(stopped) => stopped.fmt(f),
            Self::Panicked(panic) => panic.fmt(f),
            Self::Killed { signal, stopped } => write!(f, "killed by {}; {stopped}", SignalName(*signal)),
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Died(signal) => write!(f, "died of {}, which was sent from outside", SignalName(*signal)),
            Self::Broken(why) => write!(f, "broken: {why}"),
            Self::Unkillable(pids) => {
                f.write_str("unkillable: SIGKILL was sent, but these processes still exist:")?;
                pids.iter().try_for_each(|pid| write!(f, " {pid}"))
            }
        }
    }
}
