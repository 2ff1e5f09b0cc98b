//! A stop as a descriptor that becomes readable, and calls on other descriptors that it ends.
//!
//! # How it works
//!
//! [`StopFd`] is an eventfd that a callback of the token writes to. It can stand in a `poll`, in an epoll instance, in mio
//! or in tokio's `AsyncFd` beside whatever else is waited for; and it waits by itself with [`StopFd::readable`],
//! [`StopFd::read`], [`StopFd::accept`] and their kin, which sleep in one `poll` on both.
//!
//! # Guarantees
//!
//! No stop is lost between a check and the sleep after it. The callback writes before the request returns, what it writes
//! is never read, and `poll` looks at the state of a descriptor and not at its changes: a stop that comes before the poll
//! makes it return at once, and one that comes during it wakes it.
//!
//! When a stop and something else are ready together, the stop wins. Nothing is lost by that: what was not read stays in the
//! socket, and who was not accepted stays in the queue.
//!
//! # Limits
//!
//! When another thread closes a descriptor that is waited for, or gives its number to another file, the wait goes on for the
//! file that was open and ends with the stop; the next call works on what the number means then.
//! Making one takes an allocation or two and a descriptor, so make one for each job and not one for each call.
//! With [`cease_core::StopSource::request_deferred`] it becomes readable when the deferred callbacks are called.
//!
//! # Examples
//!
//! ```
//! use std::net::TcpListener;
//! use std::thread;
//!
//! use cease_core::{Reason, StopSource};
//! use cease_os::fd::{FdError, StopFd};
//!
//! let source = StopSource::new();
//! let stop = StopFd::new(&source.token())?;
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let server = thread::spawn(move || {
//!     loop {
//!         let (mut peer, _) = stop.accept(&listener)?;
//!         let read = stop.read(&mut peer, &mut [0; 512])?;
//!         assert_eq!(read, 0);
//!     }
//! });
//!
//! source.request_with("rolling deploy");
//! let ended: Result<(), FdError> = server.join().unwrap();
//! match ended.unwrap_err() {
//!     FdError::Stopped(stopped) => assert_eq!(stopped.reason(), &Reason::from("rolling deploy")),
//!     error => panic!("{error}"),
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

mod accept;
mod connect;
mod error;
mod ready;
mod stop_fd;
mod stream;
mod transfer;

pub use accept::Listener;
pub use error::FdError;
pub use stop_fd::StopFd;
pub use stream::StopStream;
