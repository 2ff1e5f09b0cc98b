//! A stream that a stop ends, for code that reads and writes by the traits of the standard library.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use crate::fd::stop_fd::StopFd;

/// A stream whose reads and writes end when a stop is asked for; made by [`StopFd::stream`].
///
/// For code that knows nothing of stops: readers with a buffer, parsers, `copy`.
/// A stop is an [`io::Error`] of the kind `Other` there, and [`crate::fd::FdError::from`] makes a stop of it again.
///
/// What stands in a buffer above it is lost when the stop comes in the middle of a message, as with any other error.
///
/// ```
/// use std::io::{BufRead, BufReader, Write};
/// use std::os::unix::net::UnixStream;
///
/// use cease_core::StopSource;
/// use cease_os::fd::{FdError, StopFd};
///
/// let source = StopSource::new();
/// let stop = StopFd::new(&source.token())?;
/// let (ours, theirs) = UnixStream::pair()?;
/// let mut lines = BufReader::new(stop.stream(&ours)).lines();
///
/// stop.stream(&theirs).write_all(b"one\n")?;
/// assert_eq!(lines.next().unwrap()?, "one");
/// source.request();
/// let error = lines.next().unwrap().unwrap_err();
/// assert!(matches!(FdError::from(error), FdError::Stopped(_)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct StopStream<'a, T> {
    stop: &'a StopFd,
    stream: &'a T,
}

impl StopFd {
    /// Makes a stream of `stream` that this stop ends; both are borrowed.
    pub fn stream<'a, T: AsFd>(&'a self, stream: &'a T) -> StopStream<'a, T> {
        StopStream { stop: self, stream }
    }
}

impl<T: AsFd> Read for StopStream<'_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.stop.read(self.stream, buffer)?)
    }
}

impl<T: AsFd> Write for StopStream<'_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.stop.write(self.stream, bytes)?)
    }

    /// There is nothing to flush: what was written is with the kernel.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
