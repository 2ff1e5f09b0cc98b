//! The descriptor that a stop makes readable.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use cease_core::{CallbackGuard, Checkpoint, StopToken};
use rustix::event::{EventfdFlags, eventfd};

/// A descriptor that becomes readable when a stop is asked for, and stays readable.
///
/// For a token that is already stopped, `new` returns a readable descriptor.
/// On one that never can be stopped any more it never becomes readable, and [`StopFd::stop_possible`] says so.
///
/// It is a [`Checkpoint`] too, so `check` and `sleep` are at hand beside `read` and `accept`.
/// The calls borrow it, so it cannot be dropped while another thread waits in one of them.
/// Its number stays the same until it is dropped, as loops that keep numbers ask for, and is never 0, 1 or 2, also in a
/// process without standard input, output or error.
///
/// A child of `fork` shares the descriptor with its parent, so it shows the stop of the parent and not that of the child.
/// There a call that has to wait returns [`crate::fd::FdError::Io`] with the kind `Unsupported`; make a new one in the child.
///
/// Do not read from it: there is nothing to learn from it, and nothing changes by it.
///
/// # Blocking
///
/// Dropping it while the request is being made waits until that has written to it.
///
/// # Examples
///
/// In a `poll` of one's own:
///
/// ```
/// use std::os::fd::AsFd;
///
/// use cease_core::StopSource;
/// use cease_os::fd::StopFd;
/// use rustix::event::{PollFd, PollFlags, poll};
///
/// let source = StopSource::new();
/// let stop = StopFd::new(&source.token())?;
/// let now = Some(&Default::default());
/// assert_eq!(poll(&mut [PollFd::new(&stop, PollFlags::IN)], now)?, 0);
///
/// source.request();
/// assert_eq!(poll(&mut [PollFd::new(&stop, PollFlags::IN)], None)?, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct StopFd {
    token: StopToken,
    /// The process that made it.
    pub(super) process: u32,
    /// Goes first, so that no callback is left that could write when the descriptor is closed.
    _callback: CallbackGuard,
    event: Arc<OwnedFd>,
}

impl StopFd {
    /// Makes a descriptor for `token`.
    ///
    /// # Errors
    ///
    /// What the operating system says when it has no descriptor to give: too many are open, in this process or in all.
    pub fn new(token: &StopToken) -> io::Result<Self> {
        // Each read of a semaphore takes one from its count, so no reader can empty it and hide a stop.
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        let told = |error: rustix::io::Errno| {
            let error = io::Error::from(error);
            io::Error::new(error.kind(), format!("no descriptor for a stop: {error}"))
        };
        let event = eventfd(0, flags).and_then(above_standard).map_err(told)?;
        let event = Arc::new(event);
        let written = Arc::clone(&event);
        let process = std::process::id();
        let callback = token.on_stop(move || {
            // A child of `fork` shares the eventfd with its parent, which a stop of the child does not concern.
            if process == std::process::id() {
                // Nothing else was ever written, so the count has room for this, and a write that has room does not fail.
                let _ = rustix::io::write(&written, &FULL.to_ne_bytes());
            }
        });
        Ok(Self { token: token.clone(), process, _callback: callback, event })
    }

    /// Whether a stop was asked for or still can be; when not, this never becomes readable.
    #[must_use]
    pub fn stop_possible(&self) -> bool {
        self.token.stop_possible()
    }
}

/// Moves a descriptor above those of standard input, output and error, which a process may have been started without:
/// what is written to standard output must not reach it.
pub(super) fn above_standard(fd: OwnedFd) -> Result<OwnedFd, rustix::io::Errno> {
    const FIRST: RawFd = 3;
    if fd.as_raw_fd() >= FIRST { Ok(fd) } else { rustix::io::fcntl_dupfd_cloexec(&fd, FIRST) }
}

/// The largest count that an eventfd takes.
const FULL: u64 = u64::MAX - 1;

impl Checkpoint for StopFd {
    fn token(&self) -> &StopToken {
        &self.token
    }
}

impl AsFd for StopFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

impl AsRawFd for StopFd {
    fn as_raw_fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }
}

impl fmt::Debug for StopFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopFd").field("fd", &self.as_raw_fd()).field("token", &self.token).finish()
    }
}
