//! The mask of signals of a thread.
#![allow(unsafe_code, reason = "only the C library changes the mask of a thread")]

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// Lets `signals` reach the calling thread, also when the process was started with them blocked.
pub(super) fn unblock(signals: &[i32]) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: `set` has room; the call makes it an empty set.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for &signal in signals {
        // SAFETY: the set was made above; a number that is none changes nothing.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
    }
    // SAFETY: the set was made above, and a null pointer says that the old mask is not wanted.
    match unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}
