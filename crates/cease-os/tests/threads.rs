//! What real threads do is said of them: one in each state that a test can bring about.
#![cfg(not(any(loom, shuttle)))]

use std::io::Read;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cease_os::threads::{Doing, ThreadId, ThreadState};
use rustix::event::{PollFd, PollFlags, poll};

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_thread_in_a_loop_is_spinning() {
    let leave = Arc::new(AtomicBool::new(false));
    let (id, spinning) = start("spinning", {
        let leave = Arc::clone(&leave);
        move || {
            while !leave.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        }
    });
    let first = ThreadState::look(id).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let used = loop {
        let doing = ThreadState::watch(id, Duration::from_millis(10)).unwrap();
        if let Doing::Spinning { used, .. } = doing {
            break used;
        }
        assert_eq!(doing, Doing::Running);
        assert!(Instant::now() < deadline, "it never got a processor");
    };
    let last = ThreadState::look(id).unwrap();
    assert!(last.cpu.unwrap() >= first.cpu.unwrap() + used);
    assert!(last.doing_since(&first).to_string().starts_with("spinning: "));
    leave.store(true, Ordering::Relaxed);
    spinning.join().unwrap();
}

#[test]
fn a_thread_that_is_parked_waits_for_another() {
    let (id, parked) = start("parked", thread::park);
    until(id, |doing| *doing == Doing::Locked);
    let doing = ThreadState::watch(id, Duration::ZERO).unwrap();
    assert_eq!(doing.to_string(), "waiting for a lock or for another thread");
    parked.thread().unpark();
    parked.join().unwrap();
}

#[test]
fn a_thread_that_wants_a_lock_waits_for_it() {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().unwrap();
    let (id, waiting) = start("waiting", {
        let lock = Arc::clone(&lock);
        move || drop(lock.lock().unwrap())
    });
    let state = until(id, |doing| *doing == Doing::Locked);
    assert_eq!((state.name.as_deref(), state.letter), (Some("waiting"), Some('S')));
    drop(held);
    waiting.join().unwrap();
}

#[test]
fn a_thread_that_sleeps_is_asleep_for_a_time() {
    // It is left asleep: nothing wakes a thread from that, and the process ends without it.
    let (id, _asleep) = start("asleep", || rustix::thread::nanosleep(&LONG));
    until(id, |doing| *doing == Doing::Sleeping);
}

const LONG: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 3600, tv_nsec: 0 };

#[test]
fn a_thread_that_reads_is_blocked_on_its_socket() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd();
    let (id, reading) = start("reading", move || theirs.read(&mut [0]).unwrap());
    let state = until(id, |doing| matches!(doing, Doing::Blocked(call) if call.name == Some("recvfrom")));
    let descriptor = state.call.as_ref().unwrap().descriptor.as_ref().unwrap();
    let open_on = descriptor.open_on.as_ref().unwrap().to_str().unwrap();
    assert!(open_on.starts_with("socket:["), "{open_on}");
    assert_eq!(state.to_string(), format!("thread `reading`: blocked in recvfrom on descriptor {number} ({open_on})"));
    drop(ours);
    assert_eq!(reading.join().unwrap(), 0);
}

#[test]
fn a_thread_that_reads_a_pipe_is_blocked_in_read() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (id, reading) = start("reading", move || reader.read(&mut [0]).unwrap());
    let state = until(id, |doing| matches!(doing, Doing::Blocked(call) if call.name == Some("read")));
    assert!(state.doing().to_string().contains("(pipe:["), "{state}");
    drop(writer);
    assert_eq!(reading.join().unwrap(), 0);
}

#[test]
fn a_thread_that_accepts_is_blocked_on_its_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (number, address) = (listener.as_raw_fd(), listener.local_addr().unwrap());
    let (id, accepting) = start("accepting", move || listener.accept().unwrap());
    let state = until(id, |doing| matches!(doing, Doing::Blocked(call) if call.name == Some("accept4")));
    assert_eq!(state.call.unwrap().descriptor.unwrap().number, number);
    let _peer = std::net::TcpStream::connect(address).unwrap();
    accepting.join().unwrap();
}

#[test]
fn a_thread_that_polls_is_blocked_on_what_it_polls() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let number = theirs.as_raw_fd();
    let (id, polling) = start("polling", move || poll(&mut [PollFd::new(&theirs, PollFlags::IN)], None).unwrap());
    let state = until(id, |doing| matches!(doing, Doing::Blocked(call) if matches!(call.name, Some("poll" | "ppoll"))));
    assert!(state.to_string().contains(&format!("poll on descriptor {number} (socket:[")), "{state}");
    drop(ours);
    assert_eq!(polling.join().unwrap(), 1);
}

#[test]
fn a_thread_that_has_ended_is_gone_and_has_no_stack() {
    let (id, ended) = start("ended", || ());
    ended.join().unwrap();
    let state = until(id, |doing| *doing == Doing::Gone);
    assert_eq!((state.letter, state.cpu, state.call), (None, None, None));
    assert_eq!(id.stack().unwrap(), None);
    assert_eq!(ThreadState::watch(id, PATIENCE).unwrap(), Doing::Gone, "and nobody sleeps for it");
}

#[test]
fn a_number_that_no_thread_can_have_is_gone() {
    for number in [0, u32::MAX] {
        let id = ThreadId::from_number(number);
        assert_eq!(ThreadState::look(id).unwrap().doing(), Doing::Gone);
        assert_eq!(id.stack().unwrap(), None);
    }
}

#[test]
fn a_number_from_the_list_is_looked_at_too_but_its_stack_is_not_known() {
    let own = ThreadId::current();
    let listed = ThreadId::from_number(own.number());
    let state = ThreadState::look(listed).unwrap();
    assert_eq!(state.doing(), Doing::Running);
    assert_eq!(listed.stack().unwrap(), None);
    assert!(own.stack().unwrap().is_some_and(|stack| stack.size > 0));
}

#[test]
fn memory_that_is_used_shows_in_the_size_of_the_stack() {
    let (say, said) = mpsc::channel();
    let (hold, held) = mpsc::channel::<()>();
    let thread = thread::Builder::new().stack_size(8 << 20).spawn(move || {
        let used = [1_u8; 2 << 20];
        std::hint::black_box(&used);
        say.send(ThreadId::current()).unwrap();
        let _ = held.recv();
        std::hint::black_box(&used);
    });
    let stack = said.recv().unwrap().stack().unwrap().unwrap();
    assert!(stack.size >= 8 << 20, "{stack:?}");
    assert!(stack.resident.is_none_or(|resident| (2 << 20..stack.size).contains(&resident)), "{stack:?}");
    drop(hold);
    thread.unwrap().join().unwrap();
}

/// Threads come and go while they are looked at, and each look says something that can be.
#[test]
fn threads_that_come_and_go_are_looked_at_without_an_error() {
    let leave = Arc::new(AtomicBool::new(false));
    let (say, said) = mpsc::channel();
    let starter = thread::spawn({
        let leave = Arc::clone(&leave);
        move || {
            while !leave.load(Ordering::Relaxed) {
                let say = say.clone();
                thread::spawn(move || say.send(ThreadId::current()).unwrap()).join().unwrap();
            }
        }
    });
    for id in said.iter().take(500) {
        let state = ThreadState::look(id).unwrap();
        assert_ne!(state.doing(), Doing::Unknown);
        id.stack().unwrap();
    }
    leave.store(true, Ordering::Relaxed);
    starter.join().unwrap();
}

/// A thread that says which one it is, and then does `what`.
fn start<T: Send + 'static>(name: &str, what: impl FnOnce() -> T + Send + 'static) -> (ThreadId, JoinHandle<T>) {
    let (say, said) = mpsc::channel();
    let body = move || {
        say.send(ThreadId::current()).unwrap();
        what()
    };
    let thread = thread::Builder::new().name(name.to_owned()).spawn(body).unwrap();
    (said.recv_timeout(PATIENCE).unwrap(), thread)
}

/// Looks until the thread does what is wanted.
fn until(id: ThreadId, wanted: impl Fn(&Doing) -> bool) -> ThreadState {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = ThreadState::look(id).unwrap();
        if wanted(&state.doing()) {
            return state;
        }
        assert!(Instant::now() < deadline, "it does something else: {state:?}");
        thread::yield_now();
    }
}
