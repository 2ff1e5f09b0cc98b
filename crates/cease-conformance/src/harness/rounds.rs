//! Many rounds of real threads.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::Law;

use super::counting;
use crate::laws::Check;

const ROUNDS: usize = 1000;
/// A law that has not ended by then never will.
const LIMIT: Duration = Duration::from_secs(120);
/// How long the operating system may take to forget a thread that was joined.
const SETTLE: Duration = Duration::from_secs(5);

/// Runs `law` many times; for L18 nothing else in the process may change what is counted.
pub(super) fn run(check: &Check, test: &str, law: impl Fn() + Send + Sync + 'static) {
    if check.law != Law::L18 {
        under_watch(test, LIMIT, law);
        println!("{test}: {ROUNDS} rounds");
    } else {
        count_leaks(test, law);
        println!("{test}: {ROUNDS} rounds, in a process of its own");
    }
}

/// Fails, instead of waiting for ever, when the rounds do not end.
fn under_watch(test: &str, limit: Duration, law: impl Fn() + Send + 'static) {
    let (alive, end) = channel();
    let rounds = thread::spawn(move || {
        for _ in 0..ROUNDS {
            law();
        }
        drop(alive);
    });
    match end.recv_timeout(limit) {
        Err(RecvTimeoutError::Disconnected) => {}
        Err(RecvTimeoutError::Timeout) => panic!("{test}: a round did not end within {limit:?}"),
        Ok(()) => unreachable!("nothing is sent"),
    }
    if let Err(payload) = rounds.join() {
        std::panic::resume_unwind(payload);
    }
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    threads: usize,
    descriptors: usize,
    children: usize,
    bytes: usize,
}

impl Held {
    fn now() -> Self {
        let entries = |path| std::fs::read_dir(path).expect("/proc is mounted").count();
        let children = std::fs::read_dir("/proc/self/task")
            .expect("/proc is mounted")
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok())
            .map(|pids| pids.split_whitespace().count())
            .sum();
        let (threads, descriptors) = (entries("/proc/self/task"), entries("/proc/self/fd"));
        Self { threads, descriptors, children, bytes: counting::live_bytes() }
    }

    /// What it holds once it is as wanted, or at the latest when the operating system must have forgotten what is gone.
    fn settled(is_wanted: impl Fn(&Self) -> bool) -> Self {
        let end = Instant::now() + SETTLE;
        loop {
            let held = Self::now();
            if is_wanted(&held) || Instant::now() >= end {
                return held;
            }
            thread::yield_now();
        }
    }
}

fn count_leaks(test: &str, law: impl Fn()) {
    let rounds = |count| (0..count).for_each(|_| law());
    let threads = Held::now().threads;
    rounds(ROUNDS / 10);
    // What is made once only is there by now, and the threads that were joined are not.
    let before = Held::settled(|held| held.threads <= threads);
    rounds(ROUNDS);
    let after = Held::settled(|held| *held == before);
    assert_eq!(after, before, "L18: {test}: what the process holds after {ROUNDS} runs, and before");
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_law_that_fails_and_a_law_that_hangs_are_noticed() {
        assert!(catch_unwind(|| under_watch("fails", LIMIT, || std::panic::resume_unwind(Box::new(())))).is_err());

        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        let hangs = move || drop(held.lock().map(|held| held.recv()));
        assert!(catch_unwind(|| under_watch("hangs", Duration::from_millis(10), hangs)).is_err());
        drop(release);
    }
}
