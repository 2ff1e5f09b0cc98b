//! Reads and writes, or ends when a stop is asked for.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fs::FileType;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::{RecvFlags, SendFlags};

use crate::fd::error::FdError;
use crate::fd::ready::after;
use crate::fd::stop_fd::StopFd;

impl StopFd {
    /// Reads the available bytes, as [`std::io::Read::read`] does; zero is the end, or an empty buffer.
    ///
    /// A socket and a pipe stay blocking if they are, and this still does not block when somebody else reads from them
    /// first: the call itself asks not to.
    /// A terminal or another device is polled and then read, so there it can be blocked by who reads from it beside this.
    /// Files on a disk are read at once; they have no readers to wait for.
    ///
    /// # Errors
    ///
    /// [`FdError::Stopped`] when a stop is asked for, before the call or during it; nothing was read then.
    /// [`FdError::Io`] when the read fails, or `fd` is not open.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A signal does not end it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::Write;
    ///
    /// use cease_core::StopSource;
    /// use cease_os::fd::{FdError, StopFd};
    ///
    /// let source = StopSource::new();
    /// let stop = StopFd::new(&source.token())?;
    /// let (reader, mut writer) = std::io::pipe()?;
    /// let mut buffer = [0; 8];
    /// writer.write_all(b"seven")?;
    /// assert_eq!(stop.read(&reader, &mut buffer)?, 5);
    ///
    /// source.request();
    /// assert!(matches!(stop.read(&reader, &mut buffer), Err(FdError::Stopped(_))));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read(&self, fd: &impl AsFd, buffer: &mut [u8]) -> Result<usize, FdError> {
        self.read_until(fd.as_fd(), buffer, None)
    }

    /// Reads the available bytes within `limit`; zero reads only bytes that are available now.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::read`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn read_timeout(&self, fd: &impl AsFd, buffer: &mut [u8], limit: Duration) -> Result<usize, FdError> {
        self.read_until(fd.as_fd(), buffer, after(limit))
    }

    /// Reads the available bytes, waiting until `deadline` at the latest.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::read_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn read_deadline(&self, fd: &impl AsFd, buffer: &mut [u8], deadline: Instant) -> Result<usize, FdError> {
        self.read_until(fd.as_fd(), buffer, Some(deadline))
    }

    /// Writes as much as there is room for, as [`std::io::Write::write`] does.
    ///
    /// It blocks no more than [`StopFd::read`] does. No signal is raised when the reader of a socket is gone.
    ///
    /// # Errors
    ///
    /// [`FdError::Stopped`] when a stop is asked for, before the call or during it; nothing was written then.
    /// [`FdError::Io`] when the write fails, or `fd` is not open.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A signal does not end it.
    pub fn write(&self, fd: &impl AsFd, bytes: &[u8]) -> Result<usize, FdError> {
        self.write_until(fd.as_fd(), bytes, None)
    }

    /// Writes as much as there is room for within `limit`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::write`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn write_timeout(&self, fd: &impl AsFd, bytes: &[u8], limit: Duration) -> Result<usize, FdError> {
        self.write_until(fd.as_fd(), bytes, after(limit))
    }

    /// Writes as much as there is room for until `deadline`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::write_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn write_deadline(&self, fd: &impl AsFd, bytes: &[u8], deadline: Instant) -> Result<usize, FdError> {
        self.write_until(fd.as_fd(), bytes, Some(deadline))
    }

    fn read_until(&self, fd: BorrowedFd<'_>, buffer: &mut [u8], deadline: Option<Instant>) -> Result<usize, FdError> {
        let mut polled = Polled::default();
        self.attempt(fd, PollFlags::IN, deadline, || {
            let received = rustix::net::recv(fd, &mut *buffer, RecvFlags::DONTWAIT).map(|(read, _)| read);
            let read = match received {
                Err(Errno::NOTSOCK) => polled.or_at_once(fd, |how| {
                    if how == How::Plain {
                        return rustix::io::read(fd, &mut *buffer);
                    }
                    rustix::io::preadv2(fd, &mut [IoSliceMut::new(buffer)], HERE, ReadWriteFlags::NOWAIT)
                }),
                received => received,
            };
            read.map_err(io::Error::from)
        })
    }

    fn write_until(&self, fd: BorrowedFd<'_>, bytes: &[u8], deadline: Option<Instant>) -> Result<usize, FdError> {
        let mut polled = Polled::default();
        self.attempt(fd, PollFlags::OUT, deadline, || {
            let sent = rustix::net::send(fd, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
            let written = match sent {
                Err(Errno::NOTSOCK) => polled.or_at_once(fd, |how| {
                    if how == How::Plain {
                        // So much fits whenever a pipe is said to be writable.
                        return rustix::io::write(fd, &bytes[..bytes.len().min(PIPE_BUF)]);
                    }
                    rustix::io::pwritev2(fd, &[IoSlice::new(bytes)], HERE, ReadWriteFlags::NOWAIT)
                }),
                sent => sent,
            };
            written.map_err(io::Error::from)
        })
    }
}

/// The place in the file that a plain read or write would take.
const HERE: u64 = u64::MAX;

/// What a pipe takes in one piece.
const PIPE_BUF: usize = 4096;

/// How what is not a socket is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// In a way that does not block.
    NoWait,
    /// After a poll, or because it is a file on a disk.
    Plain,
}

/// Whether the descriptor was polled since the last plain try.
#[derive(Debug, Default)]
struct Polled(bool);

impl Polled {
    /// Tries without blocking, and plainly where that is not known to the kernel, but only after a poll.
    fn or_at_once(
        &mut self,
        fd: BorrowedFd<'_>,
        mut transfer: impl FnMut(How) -> Result<usize, Errno>,
    ) -> Result<usize, Errno> {
        let kind = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode);
        if matches!(kind, FileType::RegularFile | FileType::BlockDevice | FileType::Directory) {
            return transfer(How::Plain);
        }
        match transfer(How::NoWait) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::SPIPE) => {}
            done => return done,
        }
        self.0 = !self.0;
        if self.0 { Err(Errno::AGAIN) } else { transfer(How::Plain) }
    }
}
