//! Time limits as `poll` takes them.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long what was killed may take to be gone before a drop stops to wait for it.
pub(crate) const FOR_THE_KILLED: Duration = Duration::from_secs(5);

/// The longest that one call of `poll` waits; who has more time calls again.
const ONE_WAIT: Duration = Duration::from_secs(3600);

/// A time limit; one that is further away than the clock can count is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeout(Option<Instant>);

impl Timeout {
    /// Until `limit` has passed, from now.
    pub(crate) fn new(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// Until `end`, or for ever.
    pub(crate) const fn until(end: Option<Instant>) -> Self {
        Self(end)
    }

    /// What is left of it, for one call of `poll`.
    pub(crate) fn left(self) -> Option<Timespec> {
        let left = self.0.map_or(ONE_WAIT, |end| end.saturating_duration_since(Instant::now()).min(ONE_WAIT));
        Timespec::try_from(left).ok()
    }

    /// Waits until `fd` is readable or hung up, or it is over; whether `fd` is.
    pub(crate) fn wait_for(self, fd: impl AsFd) -> io::Result<bool> {
        loop {
            match poll(&mut [PollFd::new(&fd, PollFlags::IN)], self.left().as_ref()) {
                Ok(0) if self.is_over() => return Ok(false),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(true),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits at `condvar` until somebody is woken there, or it is over.
    pub(crate) fn wait<'a, T>(self, condvar: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        match self.0 {
            None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(end) => {
                let left = end.saturating_duration_since(Instant::now());
                condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Whether it is over.
    pub(crate) fn is_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}
