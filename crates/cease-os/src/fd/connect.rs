//! Connects, or ends when a stop is asked for.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::fd::error::FdError;
use crate::fd::ready::after;
use crate::fd::stop_fd::{StopFd, above_standard};

impl StopFd {
    /// Connects to `address`; the connection that is returned is blocking, as from [`TcpStream::connect`].
    ///
    /// Names are not looked up, because that cannot be stopped; take one of the addresses that
    /// [`std::net::ToSocketAddrs`] gives.
    ///
    /// # Errors
    ///
    /// [`FdError::Stopped`] when a stop is asked for, before the call or during it: the attempt is given up.
    /// [`FdError::Io`] as from [`TcpStream::connect`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread. A signal does not end it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::TcpListener;
    ///
    /// use cease_core::StopSource;
    /// use cease_os::fd::StopFd;
    ///
    /// let source = StopSource::new();
    /// let stop = StopFd::new(&source.token())?;
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let peer = stop.connect(listener.local_addr()?)?;
    /// assert_eq!(peer.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect(&self, address: SocketAddr) -> Result<TcpStream, FdError> {
        self.connect_until(address, None)
    }

    /// Connects to `address` within `limit`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::connect`], and [`FdError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn connect_timeout(&self, address: SocketAddr, limit: Duration) -> Result<TcpStream, FdError> {
        self.connect_until(address, after(limit))
    }

    /// Connects to `address` until `deadline`.
    ///
    /// # Errors
    ///
    /// As for [`StopFd::connect_timeout`].
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn connect_deadline(&self, address: SocketAddr, deadline: Instant) -> Result<TcpStream, FdError> {
        self.connect_until(address, Some(deadline))
    }

    fn connect_until(&self, address: SocketAddr, deadline: Option<Instant>) -> Result<TcpStream, FdError> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None).and_then(above_standard)?;
        match rustix::net::connect(&socket, &address) {
            // A signal does not end the attempt: the kernel goes on with it.
            Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.ready(socket.as_fd(), PollFlags::OUT, deadline)?;
        rustix::net::sockopt::socket_error(&socket)??;
        rustix::io::ioctl_fionbio(&socket, false)?;
        Ok(socket.into())
    }
}
