//! Waits until a descriptor is ready, or a stop is asked for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use cease_core::Checkpoint;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::fd::error::FdError;
use crate::fd::stop_fd::StopFd;

impl StopFd {
    /// Waits until a read from `fd` would not block: there is something to read, its end, or an error.
    ///
    /// It says so of this moment: another reader can take the data first. [`StopFd::read`] does not block then.
    ///
    /// # Errors
    ///
    /// [`FdError::Stopped`] when a stop is asked for, before the call or during it; [`FdError::Io`] when `fd` is not open.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A signal does not end it.
    pub fn readable(&self, fd: &impl AsFd) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::IN, None)
    }

    /// Waits until a read would not block, for at most `limit`; zero looks once.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::readable`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn readable_timeout(&self, fd: &impl AsFd, limit: Duration) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::IN, after(limit))
    }

    /// Waits until a read would not block, until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::readable_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn readable_deadline(&self, fd: &impl AsFd, deadline: Instant) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::IN, Some(deadline))
    }

    /// Waits until a write to `fd` would not block: there is room for something, or an error to be told.
    ///
    /// A write of more than there is room for blocks all the same, unless `fd` is non-blocking; [`StopFd::write`] does not.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::readable`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn writable(&self, fd: &impl AsFd) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::OUT, None)
    }

    /// Waits until a write would not block, for at most `limit`; zero looks once.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::readable`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn writable_timeout(&self, fd: &impl AsFd, limit: Duration) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::OUT, after(limit))
    }

    /// Waits until a write would not block, until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::writable_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn writable_deadline(&self, fd: &impl AsFd, deadline: Instant) -> Result<(), FdError> {
        self.ready(fd.as_fd(), PollFlags::OUT, Some(deadline))
    }

    pub(super) fn ready(
        &self,
        fd: BorrowedFd<'_>,
        interest: PollFlags,
        deadline: Option<Instant>,
    ) -> Result<(), FdError> {
        if self.process != std::process::id() {
            let error = "the descriptor of a stop was made before a fork, in another process";
            return Err(FdError::Io(io::Error::new(io::ErrorKind::Unsupported, error)));
        }
        loop {
            // The descriptor says no more than this, but a look costs one load, and the poll a call.
            self.check()?;
            let mut fds = [PollFd::new(self, PollFlags::IN), PollFd::from_borrowed_fd(fd, interest)];
            // A time that the kernel cannot represent is no limit.
            let rest = deadline.and_then(|deadline| Timespec::try_from(deadline - Instant::now().min(deadline)).ok());
            match poll(&mut fds, rest.as_ref()) {
                Ok(0) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => return Err(FdError::TimedOut),
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
            let [stop, other] = fds.map(|fd| fd.revents());
            if !stop.is_empty() {
                self.check()?;
                let error = "the descriptor of a stop was closed by somebody who does not own it";
                return Err(FdError::Io(io::Error::other(error)));
            }
            return if other.contains(PollFlags::NVAL) { Err(Errno::BADF.into()) } else { Ok(()) };
        }
    }

    /// Tries until it is not said that it would block, and waits for `interest` in between.
    ///
    /// A deadline that has passed still lets it try once.
    pub(super) fn attempt<T>(
        &self,
        fd: BorrowedFd<'_>,
        interest: PollFlags,
        deadline: Option<Instant>,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> Result<T, FdError> {
        loop {
            self.check()?;
            match attempt() {
                Ok(value) => return Ok(value),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.ready(fd, interest, deadline)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FdError::Io(error)),
            }
        }
    }
}

/// The end of a time limit; none when it is further ahead than the clock can count.
pub(super) fn after(limit: Duration) -> Option<Instant> {
    Instant::now().checked_add(limit)
}
