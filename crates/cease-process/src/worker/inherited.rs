//! What a process inherits of its parent: signals, put right before the job runs, and descriptors.
#![allow(unsafe_code, reason = "signal masks, dispositions, and numbers of descriptors have no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
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

/// Hands on SIGTERM and SIGCONT to everybody in the namespace of which this is the first process, when they come from outside.
///
/// Whatever is executed does not inherit that.
pub(super) fn hand_on_signals() -> io::Result<()> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: all zeroes are an action: the default, with no flags and an empty mask.
    let action = unsafe { action.assume_init_mut() };
    action.sa_sigaction = hand_on as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
    for signal in [libc::SIGTERM, libc::SIGCONT] {
        // SAFETY: both are signals, the action is whole, its handler calls the kernel only, and nobody asks for the old one.
        if unsafe { libc::sigaction(signal, action, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The descriptor of this number, which nobody else has, and which is closed in whatever is executed; `None` when there is none.
pub(super) fn take(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: takes numbers only.
    let is_open = number > libc::STDERR_FILENO && unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } == 0;
    // SAFETY: it is open; and whoever has started this process has opened it for the caller, who comes once.
    is_open.then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

/// Ends this process at once: whatever others have registered for its end is not waited for.
pub(super) fn leave() -> ! {
    // SAFETY: takes a number only.
    unsafe { libc::_exit(1) }
}

/// A handler that sends the signal to everybody but this process, if it was sent from outside.
extern "C" fn hand_on(signal: libc::c_int, info: *const libc::siginfo_t, _context: *const libc::c_void) {
    // SAFETY: the kernel has put it there for the time of this call.
    let info = unsafe { &*info };
    // SAFETY: it is that of a signal that was sent, or is zero at this place.
    let sender = unsafe { info.si_pid() };
    // Who is outside has no number here.
    if sender == 0 {
        // SAFETY: this thread's own, and live for as long as it is.
        let place = unsafe { libc::__errno_location() };
        // SAFETY: as above.
        let error = unsafe { *place };
        // SAFETY: takes numbers only.
        unsafe { libc::kill(-1, signal) };
        // SAFETY: as above; who is interrupted finds what he left.
        unsafe { *place = error };
    }
}

/// A handler that does nothing.
extern "C" fn survive(_signal: libc::c_int) {}
