//! The timer works on while the operating system refuses it a thread for callbacks, and calls them later.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const PATIENCE: Duration = Duration::from_secs(60);
/// Set in the process that plays the scene.
const ALONE: &str = "CEASE_TEST_REFUSED_THREAD";
/// Less than the stack of a thread, which has 2 MiB, and enough for small allocations.
const SPARE: u64 = 1 << 20;
/// More threads than the C library has kept stacks for.
const ENOUGH: usize = 100;

/// The bytes of address space that this process uses.
fn address_space() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    pages * u64::try_from(rustix::param::page_size()).unwrap()
}

/// The limit on address space holds for root too, unlike the limit on processes.
#[test]
fn a_callback_that_is_refused_a_thread_delays_no_stop_and_is_called_later() {
    let name = "a_callback_that_is_refused_a_thread_delays_no_stop_and_is_called_later";
    if std::env::var_os(ALONE).is_none() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--test-threads=1", "--nocapture"]).env(ALONE, "1").env_remove("RUST_MIN_STACK");
        let ended = command.output().unwrap();
        let text = String::from_utf8_lossy(&ended.stdout);
        assert!(ended.status.success() && text.contains("running 1 test"), "{ended:?}");
        return;
    }
    // The thread of the timer starts before the limit holds, and lives on. Once it has stopped a source it has its own
    // memory: while the allocator maps that, the process uses twice as much for a moment, and the limit would be too high.
    let (early, _deadline) = StopSource::with_timeout(Duration::from_millis(1)).unwrap();
    early.token().wait().unwrap();
    let (first, first_deadline) = StopSource::with_timeout(PATIENCE * 60).unwrap();
    let (sender, called) = mpsc::channel();
    let _first = first.token().on_stop(move || sender.send(thread::current().name().map(str::to_owned)).unwrap());
    let (second, second_deadline) = StopSource::with_timeout(PATIENCE * 60).unwrap();

    let enough = getrlimit(Resource::As);
    setrlimit(Resource::As, Rlimit { current: Some(address_space() + SPARE), ..enough }).unwrap();
    // A stack that the C library kept of an ended thread serves a new one in spite of the limit. Threads that stay use
    // them up; they end with the process.
    let refused = (0..ENOUGH).find_map(|_| {
        thread::Builder::new()
            .spawn(|| {
                loop {
                    thread::park()
                }
            })
            .err()
    });
    first_deadline.reset(Instant::now() + Duration::from_millis(50)).unwrap();
    let first_stop = first.token().wait_timeout(PATIENCE).map(|stopped| stopped.reason().clone());
    // The timer serves another deadline while the callback of the first one has no thread.
    second_deadline.reset(Instant::now() + Duration::from_millis(50)).unwrap();
    let second_stop = second.token().wait_timeout(PATIENCE).map(|stopped| stopped.reason().clone());
    let early = called.try_recv();
    setrlimit(Resource::As, enough).unwrap();

    assert!(refused.is_some(), "the limit does not refuse threads");
    assert_eq!(first_stop.unwrap(), Reason::Deadline);
    assert_eq!(second_stop.unwrap(), Reason::Deadline);
    assert_eq!(early, Err(mpsc::TryRecvError::Empty), "there was no thread that could call it");
    // No further deadline passes: the timer itself tries again.
    assert_eq!(called.recv_timeout(PATIENCE).unwrap().as_deref(), Some("cease-callbacks"));
}
