//! A process that is not a child of this one, held by a descriptor so that it is nobody else.
#![allow(unsafe_code, reason = "a getpgid that may answer 0 has no safe wrapper")]

use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

use crate::descriptor::above_standard;
use crate::timeout::Timeout;

/// A process that is not a child, or not one that this crate started: a member of somebody's tree.
///
/// The number is looked at again once the descriptor is open, so it cannot have become somebody else's in between.
pub(crate) struct Member {
    fd: OwnedFd,
}

impl Member {
    /// Opens process `pid`, if `is_meant` still says so afterwards.
    pub(crate) fn open(pid: u32, is_meant: impl FnOnce() -> bool) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let fd = pidfd_open(pid, PidfdFlags::empty()).and_then(above_standard).ok()?;
        is_meant().then_some(Self { fd })
    }

    /// Sends it `signal`; whether it was there and may be signalled.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        pidfd_send_signal(&self.fd, signal).is_ok()
    }

    /// Waits until it has ended, or `timeout` is over.
    pub(crate) fn wait(&self, timeout: Timeout) {
        // Whoever cannot be waited for is not.
        let _ = timeout.wait_for(&self.fd);
    }

    /// Reaps it, if it is a child of this process and has ended.
    pub(crate) fn reap(&self) -> bool {
        let ended = waitid(WaitId::PidFd(self.fd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
        matches!(ended, Ok(Some(_)))
    }
}

/// The group of process `pid`, if it is there; 0 when it is one that has no number here, as that of a thread of the kernel.
///
/// It costs a small part of what reading about the process does, which tells when one looks at all of them.
pub(crate) fn group_of(pid: u32) -> Option<u32> {
    // SAFETY: the call takes a number, which need not be a process's, and touches no memory of ours.
    let group = unsafe { libc::getpgid(libc::pid_t::try_from(pid).ok()?) };
    u32::try_from(group).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_the_meant_process_any_more_is_not_held() {
        let own = std::process::id();
        assert!(Member::open(own, || true).is_some());
        assert!(Member::open(own, || false).is_none(), "another process has taken the number meanwhile");
    }
}
