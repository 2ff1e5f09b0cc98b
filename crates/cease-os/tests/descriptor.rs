//! Calls on descriptors end when a stop is asked for, and do what they say otherwise.
#![cfg(not(any(loom, shuttle)))]

mod blocked;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, JobError, Reason, StopSource, attempt};
use cease_os::fd::{FdError, StopFd};
use rustix::fs::{OFlags, fcntl_getfl};

use blocked::{PATIENCE, stop, stopped, when_blocked};

#[test]
fn a_blocked_read_ends_with_the_stop_and_its_reason() {
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let error = when_blocked(move || stop.read(&ours, &mut [0; 8]), || source.request_with("enough"));
    assert_eq!(stopped(error), Reason::from("enough"));
}

#[test]
fn a_read_of_a_pipe_ends_with_the_stop() {
    let (source, stop) = stop();
    let (reader, _writer) = std::io::pipe().unwrap();
    stopped(when_blocked(move || stop.read(&reader, &mut [0; 8]), || source.request()));
}

#[test]
fn a_write_that_has_no_room_ends_with_the_stop() {
    let (reader, writer) = std::io::pipe().unwrap();
    full(&writer);
    let (source, pipe) = stop();
    stopped(when_blocked(move || pipe.write(&writer, &[0; 1 << 17]), || source.request()));
    drop(reader);

    let (ours, theirs) = UnixStream::pair().unwrap();
    full(&ours);
    let (source, socket) = stop();
    stopped(when_blocked(move || socket.write(&ours, &[0; 1 << 20]), || source.request()));
    drop(theirs);
}

#[test]
fn a_blocked_accept_ends_with_the_stop_on_both_kinds_of_listeners() {
    let (source, tcp) = stop();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    stopped(when_blocked(move || tcp.accept(&listener).map(drop), || source.request()));

    let (source, unix) = stop();
    let path = std::env::temp_dir().join(format!("cease-os-accept-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    stopped(when_blocked(move || unix.accept(&listener).map(drop), || source.request()));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn readable_and_writable_end_with_the_stop() {
    let (source, reading) = stop();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let theirs_too = theirs.try_clone().unwrap();
    stopped(when_blocked(move || reading.readable(&theirs_too), || source.request()));
    let (source, writing) = stop();
    full(&ours);
    stopped(when_blocked(move || writing.writable(&ours), || source.request()));
    drop(theirs);
}

#[test]
fn a_connect_that_nobody_answers_ends_with_the_stop() {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let address = TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
    let (source, stop) = stop();
    // The queue is filled until nobody is answered any more.
    let mut queue = Vec::new();
    loop {
        match stop.connect_timeout(address, Duration::from_millis(100)) {
            Ok(peer) => queue.push(peer),
            Err(FdError::TimedOut) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(queue.len() < 100, "the queue has no end");
    }
    stopped(when_blocked(move || stop.connect(address), || source.request()));
}

#[test]
fn a_stop_that_was_asked_for_before_wins_over_what_is_ready() {
    let (source, stop) = stop();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = stop.accept(&listener).unwrap();
    client.write_all(b"data").unwrap();
    stop.readable(&server).unwrap();
    let waiting = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    source.request();
    stopped(stop.read(&server, &mut [0; 8]));
    stopped(stop.write(&server, b"x"));
    stopped(stop.readable(&server));
    stopped(stop.writable(&server));
    stopped(stop.accept(&listener).map(drop));
    stopped(stop.connect(listener.local_addr().unwrap()));
    assert!(stop.check().is_err());

    // Nothing was lost by that.
    let (_other, after) = blocked::stop();
    let mut buffer = [0; 8];
    assert_eq!(after.read(&server, &mut buffer).unwrap(), 4);
    assert_eq!(after.accept(&listener).unwrap().1, waiting.local_addr().unwrap());
}

#[test]
fn a_time_limit_is_told_from_a_stop_and_is_never_early() {
    let (_source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let limit = Duration::from_millis(20);
    let timed_out = |what: &dyn Fn() -> Result<(), FdError>| {
        let start = Instant::now();
        assert!(matches!(what(), Err(FdError::TimedOut)));
        assert!(start.elapsed() >= limit);
    };
    timed_out(&|| stop.readable_timeout(&ours, limit));
    timed_out(&|| stop.readable_deadline(&ours, Instant::now() + limit));
    timed_out(&|| stop.read_timeout(&ours, &mut [0], limit).map(drop));
    timed_out(&|| stop.read_deadline(&ours, &mut [0], Instant::now() + limit).map(drop));
    timed_out(&|| stop.accept_timeout(&listener, limit).map(drop));
    timed_out(&|| stop.accept_deadline(&listener, Instant::now() + limit).map(drop));
    full(&ours);
    timed_out(&|| stop.writable_timeout(&ours, limit));
    timed_out(&|| stop.write_deadline(&ours, &[0], Instant::now() + limit).map(drop));
    assert!(matches!(stop.readable_timeout(&ours, Duration::ZERO), Err(FdError::TimedOut)));
}

#[test]
fn a_time_limit_without_an_end_waits_for_the_stop() {
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    stopped(when_blocked(move || stop.readable_timeout(&ours, Duration::MAX), || source.request()));
}

#[test]
fn what_is_ready_is_done_also_when_the_time_is_over() {
    let (_source, stop) = stop();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"ab").unwrap();
    stop.readable_timeout(&ours, Duration::ZERO).unwrap();
    assert_eq!(stop.read_deadline(&ours, &mut [0; 8], Instant::now()).unwrap(), 2);
    assert_eq!(stop.write_timeout(&ours, b"abc", Duration::ZERO).unwrap(), 3);
}

#[test]
fn the_end_of_a_stream_and_a_peer_that_is_gone_are_told_as_ever() {
    let (_source, stop) = stop();
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    assert_eq!(stop.read(&ours, &mut [0; 8]).unwrap(), 0);
    let error = stop.write(&ours, b"x").unwrap_err();
    assert!(matches!(error, FdError::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = stop.connect(free).unwrap_err();
    assert!(matches!(error, FdError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused));
}

#[test]
fn files_and_devices_are_read_and_written_too() {
    let (_source, stop) = stop();
    let path = std::env::temp_dir().join(format!("cease-os-file-{}", std::process::id()));
    let file = std::fs::File::create(&path).unwrap();
    assert_eq!(stop.write(&file, b"in two ").unwrap() + stop.write(&file, b"parts").unwrap(), 12);
    assert_eq!(std::fs::read(&path).unwrap(), b"in two parts");
    let mut buffer = [1; 64];
    assert_eq!(stop.read(&std::fs::File::open(&path).unwrap(), &mut buffer).unwrap(), 12);
    assert_eq!(stop.read(&std::fs::File::open("/dev/zero").unwrap(), &mut buffer).unwrap(), 64);
    assert_eq!(buffer, [0; 64]);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn blocking_streams_stay_blocking_and_accepted_ones_are() {
    let (_source, stop) = stop();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = stop.connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = stop.accept(&listener).unwrap();
    let blocking = |fd: &dyn AsFd| !fcntl_getfl(fd.as_fd()).unwrap().contains(OFlags::NONBLOCK);
    assert!(blocking(&client) && blocking(&server));
    assert!(!blocking(&listener), "a listener does not, which its documentation says");

    assert_eq!(stop.write(&client, b"one").unwrap(), 3);
    assert_eq!(stop.read(&server, &mut [0; 8]).unwrap(), 3);
    let _ = stop.read_timeout(&server, &mut [0; 8], Duration::ZERO).unwrap_err();
    assert!(blocking(&client) && blocking(&server));
    drop(client);
    assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
}

/// A connection that several wait for goes to one of them, and the others can still be stopped.
#[test]
fn who_comes_too_late_for_a_connection_or_for_data_is_not_blocked_beyond_the_stop() {
    for _ in 0..200 {
        let source = StopSource::new();
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let ours = Arc::new(ours);
        // Who would be blocked for ever must not keep the test from failing, so nobody is joined before all have told.
        let (say, said) = mpsc::channel();
        let start = |call: Box<dyn FnOnce(StopFd) -> Result<(), FdError> + Send>| {
            let (stop, say) = (StopFd::new(&source.token()).unwrap(), say.clone());
            thread::spawn(move || say.send(call(stop)))
        };
        let mut threads = Vec::new();
        for _ in 0..2 {
            let (listener, ours) = (Arc::clone(&listener), Arc::clone(&ours));
            threads.push(start(Box::new(move |stop| stop.accept(&*listener).map(drop))));
            threads.push(start(Box::new(move |stop| stop.read(&*ours, &mut [0]).map(drop))));
        }
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        theirs.write_all(b"1").unwrap();
        for _ in 0..2 {
            said.recv_timeout(PATIENCE).unwrap().unwrap();
        }
        source.request();
        for _ in 0..2 {
            stopped(said.recv_timeout(PATIENCE).unwrap());
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    }
}

#[test]
fn a_token_that_can_never_stop_lets_calls_wait_for_what_they_wait_for() {
    let (source, stop) = stop();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    assert!(stop.stop_possible());
    drop(source);
    assert!(!stop.stop_possible(), "the descriptor says so");
    assert!(matches!(stop.readable_timeout(&ours, Duration::from_millis(1)), Err(FdError::TimedOut)));
    let late = StopFd::new(stop.token()).unwrap();
    assert!(!late.stop_possible());
    theirs.write_all(b"x").unwrap();
    assert_eq!(late.read(&ours, &mut [0; 8]).unwrap(), 1);
    let event = late.try_clone_event();
    assert!(matches!(late.readable_timeout(&event, Duration::ZERO), Err(FdError::TimedOut)), "it never gets readable");
}

#[test]
fn reading_from_it_does_not_make_the_stop_unseen() {
    let (source, stop) = stop();
    source.request();
    for _ in 0..3 {
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(&stop, &mut count).unwrap(), 8);
    }
    let (_other, watch) = blocked::stop();
    watch.readable_timeout(&stop, PATIENCE).unwrap();
}

#[test]
fn errors_of_input_and_output_carry_a_stop_there_and_back() {
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let timed_out = std::io::Error::from(stop.readable_timeout(&ours, Duration::ZERO).unwrap_err());
    assert_eq!(timed_out.kind(), std::io::ErrorKind::TimedOut);
    assert!(matches!(FdError::from(timed_out), FdError::Io(_)));
    source.request();
    let mut everything = Vec::new();
    let error = stop.stream(&ours).read_to_end(&mut everything).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Other, "`Interrupted` would be tried again");
    let error = FdError::from(error);
    assert_eq!(error.to_string(), "the call was stopped");
    let said = std::error::Error::source(&error).unwrap().to_string();
    assert!(said.starts_with("stopped: requested"), "{said}");
    assert!(error.or_stopped().is_err());
}

/// A job that can fail passes each error on with `?`.
#[test]
fn a_stopped_call_of_a_job_that_can_fail_is_no_failure() {
    type Call = fn(&StopFd, &UnixStream) -> Result<(), JobError>;
    let calls: [Call; 3] = [
        |stop, ours| Ok(stop.readable(ours)?),
        |stop, ours| Ok(stop.stream(ours).read_exact(&mut [0])?),
        |stop, ours| Ok(stop.readable(ours).map_err(std::io::Error::from)?),
    ];
    let (source, stop) = stop();
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let failed = attempt(|| Ok(stop.readable_timeout(&ours, Duration::ZERO)?)).unwrap().unwrap_err();
    assert!(matches!(*failed.downcast().unwrap(), FdError::TimedOut), "a failure keeps its type");
    source.request_with("enough");
    for call in calls {
        let stopped = attempt(|| call(&stop, &ours)).unwrap_err();
        assert_eq!(stopped.reason(), &Reason::from("enough"));
    }
}

trait Cloned {
    fn try_clone_event(&self) -> std::os::fd::OwnedFd;
}

impl Cloned for StopFd {
    fn try_clone_event(&self) -> std::os::fd::OwnedFd {
        self.as_fd().try_clone_to_owned().unwrap()
    }
}

/// Fills what `fd` writes to, and leaves it blocking.
fn full(fd: &impl AsFd) {
    rustix::io::ioctl_fionbio(fd, true).unwrap();
    while rustix::io::write(fd, &[0; 4096]).is_ok() {}
    while rustix::io::write(fd, &[0]).is_ok() {}
    rustix::io::ioctl_fionbio(fd, false).unwrap();
}
