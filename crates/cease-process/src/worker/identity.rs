//! How a worker recognizes that it is one, and which program it is.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;

/// The environment variable that marks a worker; its value is the inode number of the socket that is the standard input.
pub(crate) const MARK: &str = "CEASE_PROCESS_WORKER";

/// Identifies the build of this program: device, inode, size and time of the last change of its file.
pub(crate) fn build() -> String {
    fs::metadata("/proc/self/exe").map_or_else(
        |error| format!("unknown: {error}"),
        |exe| format!("{:x}-{:x}-{:x}-{:x}.{:x}", exe.dev(), exe.ino(), exe.size(), exe.mtime(), exe.mtime_nsec()),
    )
}

/// The inode number of a socket, which is the value of [`MARK`].
pub(crate) fn number_of(socket: &UnixStream) -> io::Result<u64> {
    Ok(rustix::fs::fstat(socket)?.st_ino)
}

/// Whether the standard input of this process is the socket that [`MARK`] names.
pub(super) fn is_marked() -> bool {
    let mark = std::env::var(MARK).ok().and_then(|mark| mark.parse().ok());
    mark.is_some_and(|mark: u64| rustix::fs::fstat(io::stdin()).is_ok_and(|stat| stat.st_ino == mark))
}
