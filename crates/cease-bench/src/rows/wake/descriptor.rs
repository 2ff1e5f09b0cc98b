//! A thread is woken that waits for a descriptor and for a stop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use cease_core::StopSource;
use cease_os::fd::{FdError, StopFd};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::{Errno, write};

use crate::contender::Contender;
use crate::rounds::Scale;
use crate::rows::wake::blocking::Make;

/// Everybody gets a descriptor of its own for each wake, as a stop does, and waits for the same socket, on which nothing
/// ever comes; who waits `alone` has no socket.
pub(super) fn contenders(scale: Scale) -> io::Result<Vec<Contender>> {
    let make = Make::new(scale)?;
    let (socket, other_end) = UnixStream::pair()?;
    let socket = Arc::new((socket, other_end));
    let shared = Arc::clone(&socket);
    Ok(vec![
        make.contender("StopFd", move || {
            let source = StopSource::new();
            let stop = StopFd::new(&source.token()).expect("there are descriptors");
            let socket = Arc::clone(&shared);
            let wait = move || {
                let ended = stop.readable(&socket.0);
                assert!(matches!(ended, Err(FdError::Stopped(_))), "nothing else comes");
            };
            (wait, move || assert!(source.request()))
        }),
        make.contender("eventfd + poll", move || {
            let socket = Arc::clone(&socket);
            by_hand(move |event| wait(&mut [readable(event), readable(&socket.0)]))
        }),
        make.contender("eventfd + poll, alone", || by_hand(|event| wait(&mut [readable(event)]))),
    ])
}

/// What waits on a fresh eventfd, and what writes to it.
fn by_hand(wait: impl FnOnce(&OwnedFd) + Send + 'static) -> (impl FnOnce() + Send + 'static, impl FnOnce()) {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    let event = Arc::new(event.expect("there are descriptors"));
    let written = Arc::clone(&event);
    (move || wait(&event), move || assert_eq!(write(&written, &1_u64.to_ne_bytes()), Ok(8)))
}

fn readable(fd: &impl AsFd) -> PollFd<'_> {
    PollFd::new(fd, PollFlags::IN)
}

fn wait(fds: &mut [PollFd<'_>]) {
    while poll(fds, None) == Err(Errno::INTR) {}
    assert_eq!(fds[0].revents(), PollFlags::IN);
}
