//! No stop is lost and nothing leaks, in thousands of rounds; each in a process of its own, whose descriptors are counted.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "only by its number can a descriptor be closed beneath whoever waits for it")]

mod alone;

use std::io::Write;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, StopSource};
use cease_os::fd::{FdError, StopFd};
use cease_os::threads::{Doing, ThreadId, ThreadState};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use alone::{PATIENCE, alone, count};

/// The request and the wait start together, so that it comes before the check, after it, and during the poll.
#[test]
fn no_stop_is_lost_between_check_and_block() {
    alone("no_stop_is_lost_between_check_and_block", || {
        const ROUNDS: usize = 20_000;
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let before = count("fd");
        let (give, given) = mpsc::channel::<StopSource>();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                for source in given {
                    start.wait();
                    assert!(source.request());
                }
            });
            for round in 0..ROUNDS {
                let source = StopSource::new();
                let stop = StopFd::new(&source.token()).unwrap();
                give.send(source).unwrap();
                start.wait();
                // So that it also comes late, and in between.
                for _ in 0..round % 64 * 8 {
                    std::hint::spin_loop();
                }
                let ended = stop.readable_timeout(&ours, PATIENCE);
                assert!(matches!(ended, Err(FdError::Stopped(_))), "round {round}: {ended:?}");
            }
            drop(give);
        });
        assert_eq!(count("fd"), before);
    });
}

/// What is dropped while the request is made is closed once, and never written to afterwards.
#[test]
fn dropping_races_with_the_request_and_leaks_nothing() {
    alone("dropping_races_with_the_request_and_leaks_nothing", || {
        let before = count("fd");
        let (give, given) = mpsc::channel::<StopSource>();
        let start = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                for source in given {
                    start.wait();
                    source.request();
                }
            });
            for round in 0..10_000 {
                let source = StopSource::new();
                let stop = StopFd::new(&source.token()).unwrap();
                give.send(source).unwrap();
                start.wait();
                for _ in 0..round % 32 * 8 {
                    std::hint::spin_loop();
                }
                let number = stop.as_raw_fd();
                drop(stop);
                // The number is given out again at once: what was to tell of the stop must not tell this one.
                let other = rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).unwrap();
                assert_eq!(other.as_raw_fd(), number);
                assert_eq!(rustix::io::read(&other, &mut [0; 8]), Err(rustix::io::Errno::AGAIN));
            }
            drop(give);
        });
        assert_eq!(count("fd"), before);
    });
}

#[test]
fn no_data_is_lost_when_it_races_with_the_stop() {
    alone("no_data_is_lost_when_it_races_with_the_stop", || {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let start = Barrier::new(2);
        let (give, given) = mpsc::channel::<StopSource>();
        thread::scope(|scope| {
            scope.spawn(|| {
                for source in given {
                    start.wait();
                    theirs.write_all(b"x").unwrap();
                    source.request();
                }
            });
            let after = StopFd::new(&StopSource::new().token()).unwrap();
            for round in 0..5_000 {
                let source = StopSource::new();
                let stop = StopFd::new(&source.token()).unwrap();
                give.send(source.clone()).unwrap();
                start.wait();
                let ended = stop.read_timeout(&ours, &mut [0; 8], PATIENCE);
                source.token().wait().unwrap();
                let bytes = match ended {
                    // What the stop was faster than is still there. It is read at once: whoever writes waits where too much is not.
                    Err(FdError::Stopped(_)) => after.read_timeout(&ours, &mut [0; 8], Duration::ZERO),
                    ended => ended,
                };
                assert!(matches!(bytes, Ok(1)), "round {round}: {bytes:?}");
            }
            drop(give);
        });
    });
}

#[test]
fn when_no_descriptor_is_left_that_is_said_and_the_token_is_as_before() {
    alone("when_no_descriptor_is_left_that_is_said_and_the_token_is_as_before", || {
        let source = StopSource::new();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let early = StopFd::new(&source.token()).unwrap();
        let old = getrlimit(Resource::Nofile);
        let mut held = Vec::new();
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..old }).unwrap();
        let error = loop {
            match StopFd::new(&source.token()) {
                Ok(stop) => held.push(stop),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().starts_with("no descriptor for a stop: Too many open files"), "{error}");
        let error = early.connect(([127, 0, 0, 1], 9).into()).unwrap_err();
        assert!(error.to_string().starts_with("Too many open files"), "{error}");
        source.request();
        assert!(held.iter().chain([&early]).all(|stop| matches!(stop.readable(&ours), Err(FdError::Stopped(_)))));
        drop(held);
        setrlimit(Resource::Nofile, old).unwrap();
        StopFd::new(&source.token()).unwrap();
    });
}

#[test]
fn a_descriptor_that_is_not_open_is_said_at_once() {
    alone("a_descriptor_that_is_not_open_is_said_at_once", || {
        let stop = StopFd::new(&StopSource::new().token()).unwrap();
        let closed = number_that_was_closed();
        let bad = |error: FdError| assert!(error.to_string().starts_with("Bad file descriptor"), "{error}");
        // SAFETY: it is handed to system calls only, which say that it is not open; no other thread opens one meanwhile.
        let fd = unsafe { BorrowedFd::borrow_raw(closed) };
        bad(stop.readable(&fd).unwrap_err());
        bad(stop.writable(&fd).unwrap_err());
        bad(stop.read(&fd, &mut [0]).unwrap_err());
        bad(stop.write(&fd, &[0]).unwrap_err());
    });
}

/// Safe code cannot do this, for the call borrows what it waits for; whoever closes by number gets a stop all the same.
#[test]
fn a_descriptor_that_is_closed_beneath_the_wait_and_given_out_again_does_not_keep_the_stop_away() {
    alone("a_descriptor_that_is_closed_beneath_the_wait_and_given_out_again_does_not_keep_the_stop_away", || {
        let source = StopSource::new();
        let stop = StopFd::new(&source.token()).unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let number = ours.into_raw_fd();
        let (say, said) = mpsc::channel();
        let waiting = thread::spawn(move || {
            say.send(ThreadId::current()).unwrap();
            // SAFETY: it is handed to system calls only, and it is the point of the test that it gets closed.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            (stop.readable_timeout(&fd, PATIENCE), stop)
        });
        let id = said.recv().unwrap();
        while !matches!(ThreadState::look(id).unwrap().doing(), Doing::Blocked(_)) {
            thread::yield_now();
        }
        // SAFETY: nobody owns it any more.
        unsafe { rustix::io::close(number) };
        let (reused, mut writes) = UnixStream::pair().unwrap();
        assert_eq!(reused.as_raw_fd(), number);
        writes.write_all(b"for somebody else").unwrap();
        source.request();
        let (ended, stop) = waiting.join().unwrap();
        // The kernel may tell of the end of the old socket, or the stop may come first; the stop is not lost.
        assert!(matches!(ended, Err(FdError::Stopped(_)) | Ok(())), "{ended:?}");
        assert!(stop.check().is_err());
        let mut buffer = [0; 32];
        assert_eq!(rustix::io::read(&reused, &mut buffer).unwrap(), 17, "nothing was taken from the stranger");
        drop(theirs);
    });
}

fn number_that_was_closed() -> RawFd {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    ours.as_raw_fd()
}
