//! Accepts a connection, or ends when a stop is asked for.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{self as unix, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::fd::error::FdError;
use crate::fd::ready::after;
use crate::fd::stop_fd::StopFd;

/// A listener that accepts connections. It is sealed: only the listeners of the standard library implement it.
pub trait Listener: AsFd + sealed::Sealed {
    /// What it accepts.
    type Stream;
    /// Where that comes from.
    type Address;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    type Address = unix::SocketAddr;
}

impl StopFd {
    /// Accepts a connection.
    ///
    /// The listener is made non-blocking, and stays so: who accepts on it in another way gets `WouldBlock` where there is
    /// nobody to accept. In no other way can this be kept from blocking when somebody else takes the connection first, and
    /// what belongs to all who share a listener cannot be given back while some of them wait.
    /// The connection that is returned is blocking, as from the listener itself.
    ///
    /// A connection that was given up before it was accepted is passed over.
    ///
    /// # Errors
    ///
    /// [`FdError::Stopped`] when a stop is asked for, before the call or during it; whoever waits to be accepted stays in the
    /// queue. [`FdError::Io`] as from the listener itself: when there are no descriptors left for instance, and then again
    /// and again until there are.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A signal does not end it.
    pub fn accept<L: Listener>(&self, listener: &L) -> Result<(L::Stream, L::Address), FdError> {
        self.accept_until(listener, None)
    }

    /// Accepts a connection that comes within `limit`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::accept`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn accept_timeout<L: Listener>(
        &self,
        listener: &L,
        limit: Duration,
    ) -> Result<(L::Stream, L::Address), FdError> {
        self.accept_until(listener, after(limit))
    }

    /// Accepts a connection that comes until `deadline`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::accept_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn accept_deadline<L: Listener>(
        &self,
        listener: &L,
        deadline: Instant,
    ) -> Result<(L::Stream, L::Address), FdError> {
        self.accept_until(listener, Some(deadline))
    }

    fn accept_until<L: Listener>(
        &self,
        listener: &L,
        deadline: Option<Instant>,
    ) -> Result<(L::Stream, L::Address), FdError> {
        rustix::io::ioctl_fionbio(listener.as_fd(), true)?;
        self.attempt(listener.as_fd(), PollFlags::IN, deadline, || match listener.accept_now() {
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => Err(io::ErrorKind::Interrupted.into()),
            accepted => accepted,
        })
    }
}

mod sealed {
    use super::*;

    pub trait Sealed {
        /// Accepts who waits already.
        fn accept_now(&self) -> io::Result<(Self::Stream, Self::Address)>
        where
            Self: Listener;
    }

    impl Sealed for TcpListener {
        fn accept_now(&self) -> io::Result<(TcpStream, SocketAddr)> {
            self.accept()
        }
    }

    impl Sealed for UnixListener {
        fn accept_now(&self) -> io::Result<(UnixStream, unix::SocketAddr)> {
            self.accept()
        }
    }
}
