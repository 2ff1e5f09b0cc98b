//! Starts the command inside its containment, without a copy of this process.
//!
//! # How it works
//!
//! The child shares the memory of this process, which is suspended until the child executes something or ends, as with
//! `vfork`; so nothing is copied, and an error is a number in memory that both see.
//! The kernel puts the child into its cgroup before it runs, so nothing is ever outside, and no gate has to be kept.
//! Between the two the child calls the kernel, and `execvp`, which takes no lock and no memory from the heap.
#![allow(unsafe_code, reason = "the child runs in the memory of its parent until it executes the command")]

use std::ffi::{c_char, c_int};
use std::os::fd::BorrowedFd;

use cease_process::vfork::{self, Place};

use crate::sys::{self, Disposition, Signals};

/// What the command is started with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch {
    /// The words of the command, and a null.
    pub(crate) words: *const *const c_char,
    /// What was blocked when this program began.
    pub(crate) mask: Signals,
    /// Whether SIGCHLD was ignored when this program began.
    pub(crate) ignores_children: bool,
    /// This process, whose end ends the command.
    pub(crate) parent: c_int,
}

/// Why nothing was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpawnError {
    /// There is no process.
    Fork(c_int),
    /// The process was there, but what it was to execute cannot be; it is reaped.
    Exec(c_int),
}

/// What the child and its parent share.
struct Shared {
    launch: Launch,
    error: c_int,
}

/// Starts the command, in `cgroup` if there is one.
pub(crate) fn spawn(launch: Launch, cgroup: Option<BorrowedFd<'_>>) -> Result<c_int, SpawnError> {
    let mut shared = Shared { launch, error: 0 };
    let started = match cgroup {
        // The children of this program are nobody else's to reap, so a number is enough.
        // SAFETY: `child` calls the kernel, and `execvp`; it changes nothing but `shared`.
        Some(cgroup) => unsafe { vfork::start_at(Place::Cgroup(cgroup), &mut shared, child) }.map(|(pid, _)| pid),
        // SAFETY: as above, and this program has no handlers.
        None => unsafe { vfork::start(&mut shared, child) },
    };
    let pid = started.map_err(|error| SpawnError::Fork(error.raw_os_error()))?.as_raw_nonzero().get();
    // SAFETY: the child wrote it, if it did, before this process went on.
    let error = unsafe { std::ptr::read_volatile(&raw const shared.error) };
    if error == 0 {
        return Ok(pid);
    }
    while sys::wait(pid, sys::Wait::Reap).is_some_and(|child| child.pid == 0) {
        sys::wait_signal(Signals::NONE.with(libc::SIGCHLD), None);
    }
    Err(SpawnError::Exec(error))
}

/// The child, in the memory of its parent: becomes the command, or leaves the reason why it cannot.
extern "C" fn child(shared: *mut Shared) -> ! {
    // SAFETY: the parent has it on its stack, and waits.
    let shared = unsafe { &mut *shared };
    let launch = shared.launch;
    // The end of the parent from now on ends this process, and one that is over already is seen.
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
    // SAFETY: takes nothing.
    if unsafe { libc::getppid() } != launch.parent {
        leave();
    }
    if launch.ignores_children {
        sys::set_disposition(libc::SIGCHLD, Disposition::Ignored);
    }
    sys::set_mask(launch.mask);
    // SAFETY: there is at least one word, the command's name.
    let name = unsafe { *launch.words };
    // SAFETY: the words are those that this program was started with, each ended by a zero and all of them by a null.
    unsafe { libc::execvp(name, launch.words) };
    let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOEXEC);
    // SAFETY: it is a live place on the parent's stack.
    unsafe { std::ptr::write_volatile(&raw mut shared.error, error) };
    leave()
}

fn leave() -> ! {
    // SAFETY: takes a number only. It runs no handler, which would be the parent's.
    unsafe { libc::_exit(127) }
}
