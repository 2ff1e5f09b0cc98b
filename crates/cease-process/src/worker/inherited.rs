//! What a process inherits of its parent's signals, put right before the job runs.
#![allow(unsafe_code, reason = "signal masks and dispositions have no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Lets every signal through to the calling thread and to those that it starts, and gives SIGTERM and SIGCHLD back their
/// meaning: a parent that waits for signals on a thread blocks or ignores them, and its children inherit that.
pub(super) fn put_right() -> io::Result<()> {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` has room for a set.
    if unsafe { libc::sigemptyset(none.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `none` is a set, which was just made, and nobody asks for the old one.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut()) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    // When the supervisor dies and something of this group is stopped, the kernel sends SIGHUP to all of it; whoever has to end
    // the tree may not die of that. A handler, unlike ignoring, is not inherited by what the job starts.
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes are an action: the default, with no flags and an empty mask.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = survive as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: SIGHUP is a signal, the action is whole, its handler does nothing, and nobody asks for the old one.
    if unsafe { libc::sigaction(libc::SIGHUP, action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for signal in [libc::SIGTERM, libc::SIGCHLD] {
        // SAFETY: both are signals, and the default needs no handler that would have to be sound.
        if unsafe { libc::signal(signal, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// A handler that does nothing.
extern "C" fn survive(_signal: libc::c_int) {}
