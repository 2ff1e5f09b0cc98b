//! Signals, terminals, and descriptors that other threads close or replace under a wait.
#![cfg(not(any(loom, shuttle)))]
#![allow(
    unsafe_code,
    reason = "descriptors are closed and replaced, and signals sent, behind the back of their owners"
)]

mod blocked;

use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cease_os::fd::FdError;

use blocked::{PATIENCE, stop, stopped, when_blocked};

/// What another thread closes under a wait: the wait goes on for what was open, and ends with the stop.
#[test]
fn a_descriptor_that_is_closed_under_a_wait_does_not_keep_it_from_the_stop() {
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let number = ours.as_raw_fd();
    let end = when_blocked(
        move || {
            let ended = stop.readable(&ours);
            // Its number is closed, or belongs to another file by now.
            std::mem::forget(ours);
            ended
        },
        || {
            // SAFETY: the owner does not use or close the number any more.
            unsafe { libc::close(number) };
            source.request()
        },
    );
    stopped(end);
}

/// The same with a number that is given to something else under the wait.
#[test]
fn a_number_that_is_reused_under_a_wait_does_not_end_it() {
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (ready, mut other) = UnixStream::pair().unwrap();
    other.write_all(b"ready").unwrap();
    let number = ours.as_raw_fd();
    let end = when_blocked(
        move || stop.readable(&ours),
        || {
            // SAFETY: both are open; what the number was open on goes on to be polled until the wait is over.
            assert_eq!(unsafe { libc::dup2(ready.as_raw_fd(), number) }, number);
            source.request()
        },
    );
    stopped(end);
}

/// A number of a stop that something else was put over is an error, and no busy loop and no stop.
#[test]
fn a_stop_whose_number_is_reused_is_an_error() {
    let (_source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (ready, mut other) = UnixStream::pair().unwrap();
    other.write_all(b"ready").unwrap();
    // SAFETY: both are open, and the descriptor of the stop closes the copy.
    assert!(unsafe { libc::dup2(ready.as_raw_fd(), stop.as_raw_fd()) } >= 0);
    let error = stop.readable_timeout(&ours, PATIENCE).unwrap_err();
    assert!(matches!(&error, FdError::Io(error) if error.kind() == std::io::ErrorKind::Other), "{error}");
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error() {
    let (_source, stop) = stop();
    // SAFETY: nothing is read or written, and no file of this process has so large a number.
    let closed = unsafe { std::os::fd::BorrowedFd::borrow_raw(1 << 20) };
    let error = stop.readable_timeout(&closed, PATIENCE).unwrap_err();
    assert!(matches!(&error, FdError::Io(error) if error.raw_os_error() == Some(libc::EBADF)), "{error}");
}

extern "C" fn nothing(_signal: libc::c_int) {}

/// `poll` is never continued after a signal, also not where a handler asks for that.
#[test]
fn signals_do_not_end_a_wait() {
    // SAFETY: the handler does nothing, and no other test of this file raises the signal.
    unsafe { libc::signal(libc::SIGUSR2, nothing as extern "C" fn(libc::c_int) as libc::sighandler_t) };
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (say, said) = mpsc::channel();
    let end = when_blocked(
        move || {
            // SAFETY: it has no preconditions.
            say.send(unsafe { libc::pthread_self() }).unwrap();
            stop.read(&ours, &mut [0; 8])
        },
        || {
            let thread = said.recv_timeout(PATIENCE).unwrap();
            for _ in 0..100 {
                // SAFETY: the thread waits for the stop, which is requested below.
                assert_eq!(unsafe { libc::pthread_kill(thread, libc::SIGUSR2) }, 0);
                thread::yield_now();
            }
            source.request()
        },
    );
    stopped(end);
}

/// A terminal knows no read that does not block: it is polled first, and read then.
#[test]
fn a_terminal_is_polled_before_it_is_read() {
    // SAFETY: it has no preconditions.
    let ours = unsafe { libc::posix_openpt(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC) };
    assert!(ours >= 0);
    // SAFETY: it was just opened, and nothing else owns it.
    let mut ours = std::fs::File::from(unsafe { std::os::fd::OwnedFd::from_raw_fd(ours) });
    // SAFETY: it is the side of a pseudo-terminal that has the other one unlocked.
    assert_eq!(unsafe { libc::grantpt(ours.as_raw_fd()) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::unlockpt(ours.as_raw_fd()) }, 0);
    let mut name = [0; 128];
    // SAFETY: the name has room, and the call ends it with a zero.
    assert_eq!(unsafe { libc::ptsname_r(ours.as_raw_fd(), name.as_mut_ptr(), name.len()) }, 0);
    // SAFETY: the call has ended it with a zero.
    let name = unsafe { std::ffi::CStr::from_ptr(name.as_ptr()) }.to_str().unwrap().to_owned();
    let theirs = Arc::new(std::fs::File::options().read(true).write(true).open(name).unwrap());

    let (source, stop) = stop();
    let reader = Arc::clone(&theirs);
    stopped(when_blocked(move || stop.read(&*reader, &mut [0; 8]), || source.request()));
    let (_source, stop) = blocked::stop();
    assert!(matches!(stop.read_timeout(&*theirs, &mut [0; 8], Duration::from_millis(5)), Err(FdError::TimedOut)));
    ours.write_all(b"line\n").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(stop.read_timeout(&*theirs, &mut buffer, PATIENCE).unwrap(), 5);
    assert!(matches!(stop.read_timeout(&*theirs, &mut buffer, Duration::ZERO), Err(FdError::TimedOut)));
    assert_eq!(stop.write(&*theirs, b"x").unwrap(), 1);
}
