//! A thousand workers that were let go of leave nothing once they are released: no thread, no descriptor, no memory.
//!
//! It is alone in its process, so that nothing else changes what is counted.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

use std::fs;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cease_abandon::{Abandon, AbandonedThreads};
use cease_conformance::harness::{CountingAllocator, live_bytes};
use cease_core::{Exit, SpawnFn};

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

const PATIENCE: Duration = Duration::from_secs(60);
const WORKERS: usize = 1000;
const ROUNDS: usize = 2;

static RELEASED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

fn held() -> [usize; 3] {
    let entries = |path| fs::read_dir(path).unwrap().count();
    [entries("/proc/self/task"), entries("/proc/self/fd"), live_bytes()]
}

/// Lets go of so many workers at once, releases them, and waits until the last is off the list.
fn round(account: &AbandonedThreads, workers: usize) {
    *RELEASED.0.lock().unwrap() = false;
    let recipe = Abandon::new().stack_size(64 << 10).grace(Duration::ZERO).account(account);
    for _ in 0..workers {
        let worker = recipe.spawn_fn(|_| {
            let released = RELEASED.0.lock().unwrap();
            drop(RELEASED.1.wait_while(released, |released| !*released).unwrap());
            Ok(vec![0_u8; 100])
        });
        let worker = worker.unwrap();
        worker.stop();
        assert!(matches!(worker.join(), Ok(Exit::Abandoned)));
    }
    assert_eq!(account.len(), workers);
    *RELEASED.0.lock().unwrap() = true;
    RELEASED.1.notify_all();
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_thousand_that_were_let_go_of_leave_nothing_once_they_are_released() {
    let account = AbandonedThreads::new();
    round(&account, WORKERS / 10);
    // The threads that went away are in `/proc` for some moments more.
    let settled = |wanted: Option<[usize; 3]>| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = held();
            if wanted.map_or(now[0] <= 2, |wanted| now == wanted) || Instant::now() > deadline {
                return now;
            }
            thread::yield_now();
        }
    };
    let before = settled(None);
    for _ in 0..ROUNDS {
        round(&account, WORKERS);
    }
    assert_eq!(settled(Some(before)), before, "threads, descriptors and bytes, after and before");
    assert_eq!(account.total(), (WORKERS / 10 + ROUNDS * WORKERS) as u64);
}
