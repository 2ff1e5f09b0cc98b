//! Somebody else's process, with a number that was another one's.
#![allow(unsafe_code, reason = "a process with a number of one's choice has no safe wrapper")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

/// A process with a number of the test's choice, which does nothing; dropping it ends and reaps it.
pub(crate) struct Stranger(OwnedFd);

impl Stranger {
    /// Starts one, if this process may.
    pub(crate) fn with_number(pid: u32) -> io::Result<Self> {
        let numbers = [i32::try_from(pid).expect("a number of a process is small")];
        // SAFETY: all zeroes are arguments: no flags, no stack, no descriptors.
        let mut args = unsafe { std::mem::zeroed::<libc::clone_args>() };
        args.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
        args.set_tid = numbers.as_ptr() as u64;
        args.set_tid_size = 1;
        // SAFETY: `args` and the number that it points to live through the call, and its size is told. Without CLONE_VM the
        // child has memory of its own, and it only calls what may be called after a fork of a program with threads.
        let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
        match child {
            -1 => Err(io::Error::last_os_error()),
            0 => loop {
                // SAFETY: it waits for a signal, and touches nothing.
                unsafe { libc::pause() };
            },
            _ => Ok(Self(pidfd_open(Pid::from_raw(numbers[0]).expect("it is not zero"), PidfdFlags::empty())?)),
        }
    }

    /// Whether it has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::PidFd(self.0.as_fd()), options).expect("it is a child").is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.0.as_fd()), WaitIdOptions::EXITED);
    }
}
