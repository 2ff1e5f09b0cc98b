//! The loops that people have take the descriptor of a stop: epoll, mio and tokio, whichever comes first.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "tokio asks for the promise that a descriptor stays the same")]

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use cease_core::StopSource;
use cease_os::fd::StopFd;
use rustix::event::epoll;
use tokio::io::unix::AsyncFd;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn epoll_tells_of_a_stop_beside_a_socket_and_keeps_telling() {
    let (source, stop) = stop();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let flags = epoll::EventFlags::IN;
    epoll::add(&epoll, &stop, epoll::EventData::new_u64(1), flags).unwrap();
    epoll::add(&epoll, &ours, epoll::EventData::new_u64(2), flags).unwrap();
    let ready = || {
        let mut events = Vec::with_capacity(8);
        let patience = rustix::time::Timespec::try_from(PATIENCE).unwrap();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&patience)).unwrap();
        let mut ready: Vec<_> = events.iter().map(|event| event.data.u64()).collect();
        ready.sort_unstable();
        ready
    };
    theirs.write_all(b"x").unwrap();
    assert_eq!(ready(), [2]);
    source.request();
    assert_eq!(ready(), [1, 2]);
    assert_eq!(ready(), [1, 2]);

    let late = StopFd::new(&source.token()).unwrap();
    epoll::add(&epoll, &late, epoll::EventData::new_u64(3), flags | epoll::EventFlags::ET).unwrap();
    assert_eq!(ready(), [1, 2, 3], "one that is born readable is told of too, also by a loop that looks at changes");
}

#[test]
fn mio_tells_of_a_stop_that_comes_while_it_polls() {
    let (source, stop) = stop();
    let mut poll = mio::Poll::new().unwrap();
    let fd = stop.as_raw_fd();
    let interest = mio::Interest::READABLE;
    poll.registry().register(&mut mio::unix::SourceFd(&fd), mio::Token(7), interest).unwrap();
    let asking = thread::spawn(move || source.request());
    let mut events = mio::Events::with_capacity(8);
    poll.poll(&mut events, Some(PATIENCE)).unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.token(), event.is_readable())).collect();
    assert_eq!(told, [(mio::Token(7), true)]);
    assert!(asking.join().unwrap());
    poll.registry().deregister(&mut mio::unix::SourceFd(&fd)).unwrap();
}

#[test]
fn tokio_awaits_a_stop_before_and_after_it_came() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (source, stop) = stop();
        // SAFETY: its descriptor is the same for as long as it lives, and is closed when it is dropped, by the loop.
        let stop = unsafe { AsyncFd::register_with_interest(stop, tokio::io::Interest::READABLE) }.unwrap();
        let asking = thread::spawn(move || source.request());
        for _ in 0..2 {
            let guard = tokio::time::timeout(PATIENCE, stop.readable()).await.unwrap().unwrap();
            assert!(guard.ready().is_readable());
        }
        assert!(asking.join().unwrap());
    });
}

fn stop() -> (StopSource, StopFd) {
    let source = StopSource::new();
    let stop = StopFd::new(&source.token()).unwrap();
    (source, stop)
}
