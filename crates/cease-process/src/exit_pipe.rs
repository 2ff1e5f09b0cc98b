//! How a worker in a PID namespace has ended, as the first process there notes it for those outside.
//!
//! # How it works
//!
//! The first process of a namespace takes in the orphans of the whole tree, so it is none of the user's: the worker is its child.
//! How that has ended is written into a pipe, whose end is also what tells that the first process itself is gone.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::descriptor::above_standard;
use crate::ended::Ended;
use crate::timeout::Timeout;

/// What is written: what kind of an end it was, and its number.
const LENGTH: usize = 8;

/// Where it is read.
#[derive(Debug)]
pub(crate) struct ExitPipe {
    pipe: Arc<OwnedFd>,
    read: OnceLock<Line>,
    /// The number that the worker has inside, once it is known.
    worker: OnceLock<u32>,
}

/// What stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// The worker has ended.
    Ended(Ended),
    /// The worker could not be started, for this reason.
    NotStarted(Errno),
}

impl ExitPipe {
    /// One on which nothing stands, and where it is written.
    pub(crate) fn new() -> io::Result<(Self, OwnedFd)> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (read, write) = (above_standard(read)?, above_standard(write)?);
        Ok((Self { pipe: Arc::new(read), read: OnceLock::new(), worker: OnceLock::new() }, write))
    }

    /// What is readable once something stands there, or nothing ever will.
    pub(crate) fn end(&self) -> &Arc<OwnedFd> {
        &self.pipe
    }

    /// Notes the number that the worker has inside.
    pub(crate) fn is_about(&self, worker: u32) {
        // It says it once.
        let _ = self.worker.set(worker);
    }

    /// The number that the worker has inside, if it is known.
    pub(crate) fn worker(&self) -> Option<u32> {
        self.worker.get().copied()
    }

    /// Whether something stands there, or nothing ever will.
    pub(crate) fn is_written(&self) -> bool {
        self.read.get().is_some() || matches!(Timeout::new(Duration::ZERO).wait_for(&self.pipe), Ok(true))
    }

    /// How the worker has ended; `None` while that does not stand there.
    pub(crate) fn ended(&self) -> io::Result<Option<Ended>> {
        if self.read.get().is_none() {
            let mut bytes = [0; LENGTH];
            // It is written in one piece, and read by one thread at a time.
            if let Ok(LENGTH) = rustix::io::read(&*self.pipe, &mut bytes) {
                let _ = self.read.set(Line::from_bytes(bytes));
            }
        }
        match self.read.get() {
            None => Ok(None),
            Some(Line::Ended(ended)) => Ok(Some(*ended)),
            Some(Line::NotStarted(error)) => Err((*error).into()),
        }
    }
}

impl Line {
    /// Writes it.
    pub(crate) fn write(self, pipe: impl AsFd) -> io::Result<()> {
        rustix::io::write(pipe, &self.to_bytes())?;
        Ok(())
    }

    fn to_bytes(self) -> [u8; LENGTH] {
        let (kind, number) = match self {
            Self::Ended(Ended::Exited(code)) => (0, code),
            Self::Ended(Ended::Signaled { signal, core: false }) => (1, signal),
            Self::Ended(Ended::Signaled { signal, core: true }) => (2, signal),
            Self::NotStarted(error) => (3, error.raw_os_error()),
            Self::Ended(Ended::Unknown) => (4, 0),
        };
        (i64::from(number) << 8 | kind).to_ne_bytes()
    }

    fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        let word = i64::from_ne_bytes(bytes);
        let number = i32::try_from(word >> 8).unwrap_or_default();
        match word & 0xff {
            0 => Self::Ended(Ended::Exited(number)),
            1 => Self::Ended(Ended::Signaled { signal: number, core: false }),
            2 => Self::Ended(Ended::Signaled { signal: number, core: true }),
            3 => Self::NotStarted(Errno::from_raw_os_error(number)),
            _ => Self::Ended(Ended::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let ended = [
            Ended::Exited(0),
            Ended::Exited(255),
            Ended::Exited(-1),
            Ended::Signaled { signal: 9, core: false },
            Ended::Signaled { signal: 11, core: true },
            Ended::Unknown,
        ];
        for line in ended.into_iter().map(Line::Ended).chain([Line::NotStarted(Errno::AGAIN)]) {
            assert_eq!(Line::from_bytes(line.to_bytes()), line);
        }
    }

    #[test]
    fn what_was_read_still_stands_there() {
        let (note, pipe) = ExitPipe::new().unwrap();
        assert_eq!(note.ended().unwrap(), None);
        Line::Ended(Ended::Exited(7)).write(&pipe).unwrap();
        assert_eq!(note.ended().unwrap(), Some(Ended::Exited(7)));
        drop(pipe);
        assert_eq!(note.ended().unwrap(), Some(Ended::Exited(7)));
    }

    #[test]
    fn why_nothing_was_started_is_an_error() {
        let (note, pipe) = ExitPipe::new().unwrap();
        Line::NotStarted(Errno::NOMEM).write(&pipe).unwrap();
        assert_eq!(note.ended().unwrap_err().raw_os_error(), Some(libc::ENOMEM));
    }
}
