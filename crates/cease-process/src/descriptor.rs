//! Keeps the descriptors of this crate away from the numbers of the standard streams.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;

/// Moves `fd` to a number above 2 if it has the number of a standard stream.
///
/// A process that has closed a standard stream gets its number for the next descriptor that it opens; then `println!` and the
/// children of the process would write to that descriptor.
///
/// # Errors
///
/// `EMFILE` when no other number is free; `fd` is closed then.
pub(crate) fn above_standard(fd: OwnedFd) -> Result<OwnedFd, Errno> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    rustix::io::fcntl_dupfd_cloexec(&fd, libc::STDERR_FILENO + 1)
}

/// Makes a pair of connected sockets, both with numbers above 2.
pub(crate) fn socket_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (one, other) = UnixStream::pair()?;
    Ok((above_standard(one.into())?.into(), above_standard(other.into())?.into()))
}
