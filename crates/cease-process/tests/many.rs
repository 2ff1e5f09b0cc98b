//! Law L18: many workers, one after the other and at once, leave nothing behind.
//!
//! It is counted in a process of its own, where nobody else changes what is counted.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use act::{Act, HASTY, LIMIT, Scratch};
use cease_core::Strategy;
use cease_process::Process;
use cease_process::containment::{Containment, Kind};
use rustix::process::{Resource, getrlimit, setrlimit};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// Says to a process that it is the one in which is counted, and where its temporary files go.
const ALONE: &str = "CEASE_TEST_ALONE";
const RUNS: usize = 1000;
/// How many workers there are at a time, and at once where there are to be many.
const SOME: usize = 8;
const CROWD: usize = 300;

#[test]
fn l18_nothing_leaks() {
    if counts_alone("l18_nothing_leaks") {
        nothing_leaks(RUNS, &process());
    }
}

#[test]
fn l18_nothing_leaks_of_namespaces() {
    if counts_alone("l18_nothing_leaks_of_namespaces") && act::can_have(Kind::PidNamespace) {
        nothing_leaks(RUNS / 4, &process().containment(Containment::Require(Kind::PidNamespace)));
    }
}

fn nothing_leaks(count: usize, process: &Process) {
    let runs = |count: usize| {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..SOME {
                scope.spawn(|| {
                    loop {
                        // ORDERING: Relaxed: only the number matters.
                        let round = next.fetch_add(1, Ordering::Relaxed);
                        if round >= count {
                            break;
                        }
                        run(round, process);
                    }
                });
            }
        });
    };
    let threads = Held::now().threads;
    runs(2 * SOME);
    let before = Held::with(threads);
    runs(count);
    before.is_again();
}

#[test]
fn l18_a_crowd_at_once_leaves_nothing() {
    if !counts_alone("l18_a_crowd_at_once_leaves_nothing") {
        return;
    }
    // Each takes a few descriptors.
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let threads = Held::now().threads;
    run(0, &process());
    let before = Held::with(threads);
    let workers: Vec<_> = (0..CROWD).map(|_| process().spawn(Act::StoppedFuture).unwrap()).collect();
    assert_eq!(Held::now().children, before.children + CROWD, "all of them are there at once");
    workers.iter().for_each(|worker| assert!(worker.stop()));
    for worker in workers {
        let exit = worker.join().unwrap();
        assert!(exit.as_stopped().is_some());
    }
    before.is_again();
}

#[test]
fn l18_a_pool_that_is_dropped_leaves_nothing() {
    if !counts_alone("l18_a_pool_that_is_dropped_leaves_nothing") {
        return;
    }
    let threads = Held::now().threads;
    run(0, &process());
    let before = Held::with(threads);
    for _ in 0..5 {
        let pool = process().budgets(HASTY).pool(NonZeroUsize::new(SOME).unwrap()).unwrap();
        pool.prespawn(SOME / 2).unwrap();
        thread::scope(|scope| {
            for _ in 0..SOME {
                scope.spawn(|| {
                    for round in 0..20 {
                        let act = match round {
                            7 => Act::Panic("on purpose".into()),
                            13 => Act::Deaf,
                            _ => Act::Return("x".into()),
                        };
                        let worker = pool.spawn(act).unwrap();
                        if round == 13 {
                            worker.stop();
                        }
                        drop(worker.join().unwrap());
                    }
                });
            }
        });
        let busy = pool.spawn(Act::StoppedFuture).unwrap();
        drop(pool);
        drop(busy);
    }
    before.is_again();
}

/// One worker, from its start to its end, which is another one each time.
fn run(round: usize, process: &Process) {
    let act = match round % 5 {
        0 => Act::StoppedFuture,
        1 => Act::Return("x".into()),
        2 => Act::Panic("on purpose".into()),
        3 => Act::Exit(3),
        _ => Act::Deaf,
    };
    let worker = process.clone().budgets(HASTY).spawn(act).unwrap();
    worker.stop();
    drop(worker.join().unwrap());
}

fn process() -> Process {
    Process::in_test("worker").env_remove(ALONE)
}

/// Whether this process is the one in which is counted; if not, it starts that, and waits for it.
fn counts_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let scratch = Scratch::new("alone");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ALONE, scratch.tag());
    let output = command.env("TMPDIR", scratch.tag()).current_dir(scratch.tag()).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

/// What this process holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    threads: usize,
    descriptors: usize,
    /// Zombies included.
    children: usize,
    cgroups: usize,
    files: usize,
}

impl Held {
    /// Fails when it is something else that is held now, and stays so.
    fn is_again(&self) {
        let end = Instant::now() + LIMIT;
        while Self::now() != *self {
            assert!(Instant::now() < end, "before there were {self:?}, and now {:?}", Self::now());
            thread::yield_now();
        }
    }

    /// What is held once as many threads are there as before the first worker: the kernel lists a thread for a moment after it
    /// was joined.
    fn with(threads: usize) -> Self {
        act::until("rid of the threads of the first workers", || Self::now().threads == threads);
        Self::now()
    }

    fn now() -> Self {
        let entries = |path: &Path| fs::read_dir(path).unwrap().count();
        let own = std::process::id();
        let (threads, descriptors) = (entries("/proc/self/task".as_ref()), entries("/proc/self/fd".as_ref()));
        let children = act::processes().into_iter().filter(|pid| act::parent_of(*pid) == Some(own)).count();
        let files = entries(&std::env::temp_dir());
        Self { threads, descriptors, children, cgroups: act::cgroups_of(own), files }
    }
}
