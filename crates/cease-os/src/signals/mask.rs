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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the calling thread blocks `signal`, after `how` was done with it.
    fn blocks(signal: i32, how: Option<i32>) -> bool {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: the set has room.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: the set was made above.
        unsafe { libc::sigaddset(set.as_mut_ptr(), signal) };
        if let Some(how) = how {
            // SAFETY: the set was made above, and a null pointer says that the old mask is not wanted.
            assert_eq!(unsafe { libc::pthread_sigmask(how, set.as_ptr(), ptr::null_mut()) }, 0);
        }
        let mut old = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: a null pointer says that the mask does not change, and `old` has room for it.
        assert_eq!(unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), old.as_mut_ptr()) }, 0);
        // SAFETY: the call above has filled the set.
        unsafe { libc::sigismember(old.as_ptr(), signal) == 1 }
    }

    #[test]
    fn a_blocked_signal_is_unblocked_and_another_one_stays_blocked() {
        assert!(blocks(libc::SIGUSR1, Some(libc::SIG_BLOCK)) && blocks(libc::SIGUSR2, Some(libc::SIG_BLOCK)));
        unblock(&[libc::SIGUSR1]).unwrap();
        assert!(!blocks(libc::SIGUSR1, None));
        assert!(blocks(libc::SIGUSR2, None));
    }
}
