//! Why a call on a descriptor did not do what it was to do.

use std::error::Error;
use std::fmt;
use std::io;

use cease_core::Stopped;

/// Why a call on a descriptor did not do what it was to do: stop, time limit and failure told apart.
///
/// ```
/// use std::os::unix::net::UnixStream;
/// use std::time::Duration;
///
/// use cease_core::StopSource;
/// use cease_os::fd::{FdError, StopFd};
///
/// let source = StopSource::new();
/// let stop = StopFd::new(&source.token())?;
/// let (ours, _theirs) = UnixStream::pair()?;
///
/// assert!(matches!(stop.readable_timeout(&ours, Duration::from_millis(1)), Err(FdError::TimedOut)));
/// source.request();
/// assert!(matches!(stop.readable(&ours), Err(FdError::Stopped(_))));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FdError {
    /// A stop was asked for, before the call or during it; nothing was read, written, accepted or connected by it.
    Stopped(Stopped),
    /// The time limit passed first.
    TimedOut,
    /// The operating system refused the call.
    Io(io::Error),
}

impl FdError {
    /// Leaves a job by `?` when this is a stop, and gives what is left as an error of input and output.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when that is what this is.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use std::net::TcpStream;
    ///
    /// use cease_core::Stopped;
    /// use cease_os::fd::StopFd;
    ///
    /// /// What became of the work is the outcome of the job; a stop is not.
    /// fn first_byte(stop: &StopFd, peer: &mut TcpStream) -> Result<io::Result<u8>, Stopped> {
    ///     let mut byte = [0];
    ///     match stop.read(peer, &mut byte) {
    ///         Ok(_) => Ok(Ok(byte[0])),
    ///         Err(error) => Ok(Err(error.or_stopped()?)),
    ///     }
    /// }
    /// ```
    pub fn or_stopped(self) -> Result<io::Error, Stopped> {
        match self {
            Self::Stopped(stopped) => Err(stopped),
            other => Ok(other.into()),
        }
    }
}

impl fmt::Display for FdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(_) => f.write_str("the call was stopped"),
            Self::TimedOut => f.write_str("the descriptor was not ready in time"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for FdError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped(stopped) => Some(stopped),
            Self::TimedOut => None,
            Self::Io(error) => error.source(),
        }
    }
}

impl From<Stopped> for FdError {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

impl From<rustix::io::Errno> for FdError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// A stop that was packed into an error of input and output is unpacked again.
impl From<io::Error> for FdError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Stopped>() {
            Ok(stopped) => Self::Stopped(stopped),
            Err(error) => Self::Io(error),
        }
    }
}

/// A stop is of the kind `Other`, and not `Interrupted`, which the standard library would answer by trying again.
impl From<FdError> for io::Error {
    fn from(error: FdError) -> Self {
        match error {
            FdError::Stopped(stopped) => Self::other(stopped),
            FdError::TimedOut => Self::new(io::ErrorKind::TimedOut, FdError::TimedOut),
            FdError::Io(error) => error,
        }
    }
}
