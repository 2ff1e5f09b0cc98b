//! How a worker ended.

use std::any::Any;
use std::fmt;

use crate::Stopped;

/// How a worker ended; there is exactly one exit for each worker (law L7).
#[derive(Debug)]
#[non_exhaustive]
pub enum Exit<T> {
    /// The work was done; a stop that came too late does not take the value away.
    Finished(T),
    /// The job left at a checkpoint.
    Stopped(Stopped),
    /// The job panicked.
    Panicked(Panic),
    /// What the job ran on was ended from outside, by this signal, because it was asked to stop.
    Killed(i32),
    /// What the job ran on exited by itself with this code, before there was a value.
    Exited(i32),
    /// What the job ran on was ended by this signal, and nobody here had sent it.
    Died(i32),
    /// What came back from the job cannot be understood, with the reason.
    Broken(String),
    /// What was killed is not gone: these processes are left, in the hands of the operating system.
    Unkillable(Vec<u32>),
    /// The strategy let go of it; it may still run.
    Abandoned,
}

impl<T> Exit<T> {
    /// The one word for it: `finished`, `stopped`, `panicked`, `killed`, `exited`, `died`, `broken`, `unkillable` or
    /// `abandoned`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Finished(_) => "finished",
            Self::Stopped(_) => "stopped",
            Self::Panicked(_) => "panicked",
            Self::Killed(_) => "killed",
            Self::Exited(_) => "exited",
            Self::Died(_) => "died",
            Self::Broken(_) => "broken",
            Self::Unkillable(_) => "unkillable",
            Self::Abandoned => "abandoned",
        }
    }

    /// The value, if the work was done.
    #[must_use]
    pub fn finished(self) -> Option<T> {
        match self {
            Self::Finished(value) => Some(value),
            _ => None,
        }
    }

    /// The stop, if the job left at a checkpoint.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stopped> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            _ => None,
        }
    }

    /// The panic, if the job panicked.
    #[must_use]
    pub fn panicked(self) -> Option<Panic> {
        match self {
            Self::Panicked(panic) => Some(panic),
            _ => None,
        }
    }
}

/// What a job panicked with.
pub struct Panic {
    payload: Box<dyn Any + Send>,
}

impl Panic {
    /// Wraps what `catch_unwind` returned.
    #[must_use]
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        Self { payload }
    }

    /// The text, when the payload is one.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        let payload = &self.payload;
        payload.downcast_ref::<&'static str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }

    /// The payload itself.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
    }

    /// Goes on panicking, here, without calling the panic hook a second time.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.payload)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message().unwrap_or("<not a text>")).finish()
    }
}
