//! A stop that unwinds the closures of a real thread pool, rayon's.
#![cfg(not(any(loom, shuttle)))]

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, channel};

use cease_core::{Exit, Reason, SpawnFn, StopSource, StopToken, Stopped, Worker};
use cease_unwind::{Unwind, UnwindStop};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

const THREADS: usize = 4;

fn pool() -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap()
}

/// Waits until each thread of the pool runs such a call, then for the stop, and leaves.
fn leave_together(stop: &UnwindStop, all: &Barrier) {
    stop.enter(|| {
        all.wait();
        stop.token().wait().unwrap();
        cease_unwind::check();
        unreachable!("the check has left");
    });
}

/// A recipe, and the lines of the checkpoints whose stops it reports as swallowed.
fn reporting() -> (Unwind, Receiver<u32>) {
    let (report, reports) = channel();
    let unwind = Unwind::new().on_swallowed(move |_, swallowed| report.send(swallowed.left_at.line()).unwrap());
    (unwind, reports)
}

fn assert_stopped<T: std::fmt::Debug>(worker: Worker<T>) {
    worker.stop_with("enough");
    match worker.join().unwrap() {
        Exit::Stopped(stopped) => assert_eq!(stopped.reason(), &Reason::from("enough")),
        Exit::Panicked(panic) => panic.resume(),
        exit => panic!("{exit:?}"),
    }
}

/// The ways in which rayon runs closures on all threads of a pool.
const WAYS: [fn(&ThreadPool, &UnwindStop, &Barrier); 4] = [
    |pool, stop, all| {
        pool.install(|| (0..THREADS).into_par_iter().with_max_len(1).for_each(|_| leave_together(stop, all)));
    },
    |pool, stop, all| {
        drop(pool.broadcast(|_| leave_together(stop, all)));
    },
    |pool, stop, all| {
        let leave = || leave_together(stop, all);
        let two = || _ = rayon::join(leave, leave);
        pool.join(two, two);
    },
    |pool, stop, all| {
        pool.scope(|scope| (0..THREADS).for_each(|_| scope.spawn(|_| leave_together(stop, all))));
    },
];

#[test]
fn a_stop_of_all_threads_of_a_pool_is_reported_by_none() {
    for way in WAYS {
        let (unwind, reports) = reporting();
        let worker = unwind.spawn_fn(move |stop| {
            way(&pool(), stop, &Barrier::new(THREADS));
            Ok(())
        });
        assert_stopped(worker.unwrap());
        drop(unwind);
        assert_eq!(reports.iter().count(), 0);
    }
}

/// Standard error is that of a process, so the worker runs in another.
#[test]
fn a_stop_of_all_threads_of_a_pool_prints_nothing() {
    const INSIDE: &str = "CEASE_TEST_PARALLEL";
    const NAME: &str = "a_stop_of_all_threads_of_a_pool_prints_nothing";
    if env::var_os(INSIDE).is_none() {
        let mut command = Command::new(env::current_exe().unwrap());
        let output = command.args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1").output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}");
        assert_eq!(printed.lines().filter(|line| line.contains("swallowed the stop")).count(), 1, "{printed}");
        return;
    }
    for way in WAYS {
        let worker = Unwind::new().spawn_fn(move |stop| {
            way(&pool(), stop, &Barrier::new(THREADS));
            Ok(())
        });
        assert_stopped(worker.unwrap());
    }
    // The one line that the process outside expects, so that it reads where lines are printed.
    let worker = Unwind::new().spawn_fn(|stop| {
        stop.token().wait().unwrap();
        drop(catch_unwind(cease_unwind::check));
        stop.check()
    });
    assert_stopped(worker.unwrap());
}

#[test]
fn a_stop_that_a_closure_swallows_is_reported() {
    let (unwind, reports) = reporting();
    let line = line!() + 6;
    let worker = unwind.spawn_fn(move |stop| {
        pool().install(|| {
            (0..THREADS).into_par_iter().with_max_len(1).for_each(|_| {
                stop.enter(|| {
                    stop.token().wait().unwrap();
                    drop(catch_unwind(|| cease_unwind::check()));
                });
            });
        });
        Ok(())
    });
    let worker = worker.unwrap();
    worker.stop();
    assert!(matches!(worker.join().unwrap(), Exit::Finished(())), "each closure goes on");
    drop(unwind);
    assert_eq!(reports.iter().collect::<Vec<_>>(), [line; THREADS]);
}

/// Runs `job` beside a peer source, stops it, and returns the exit's kind and the reason for which the peers were stopped.
fn peers_of(
    job: impl FnOnce(&UnwindStop, &StopSource) -> Result<(), Stopped> + Send + 'static,
) -> (&'static str, Option<Reason>) {
    let source = StopSource::new();
    let peers: StopToken = source.token();
    let kept = source.clone();
    let worker = Unwind::new().on_swallowed(|_, _| ()).spawn_fn(move |stop| job(stop, &source)).unwrap();
    worker.stop();
    let kind = worker.join().unwrap().kind();
    drop(kept);
    (kind, peers.reason().cloned())
}

#[test]
fn a_stop_that_rayon_hands_on_is_no_failure_for_a_guard_of_the_job() {
    for way in WAYS {
        let peers = peers_of(move |stop, source| {
            let _guard = source.clone().stop_on_panic();
            way(&pool(), stop, &Barrier::new(THREADS));
            Ok(())
        });
        assert_eq!(peers, ("stopped", None));
    }
}

#[test]
fn a_sibling_that_is_dropped_by_an_unwinding_thread_makes_no_failure_of_the_stop() {
    let peers = peers_of(|stop, source| {
        let all = Barrier::new(2);
        let guarded = || {
            stop.enter(|| {
                let _guard = source.clone().stop_on_panic();
                rayon::join(|| leave_together(stop, &all), || leave_together(stop, &all));
            });
        };
        pool().install(guarded);
        Ok(())
    });
    assert_eq!(peers, ("stopped", None));
}

#[test]
fn a_panic_on_a_thread_that_handed_its_stop_on_is_a_failure() {
    let peers = peers_of(|stop, source| {
        let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        // Both closures run on the only thread of the pool, and the first payload outlives its stay there.
        let handed_on = pool.install(|| catch_unwind(AssertUnwindSafe(|| leave_together(stop, &Barrier::new(1)))));
        let failed = catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| {
                let _guard = source.clone().stop_on_panic();
                resume_unwind(Box::new("a bug"))
            })
        }));
        assert_eq!(failed.unwrap_err().downcast_ref(), Some(&"a bug"));
        resume_unwind(handed_on.unwrap_err())
    });
    assert_eq!(peers, ("stopped", Some(Reason::PeerFailed)));
}

#[test]
fn a_panic_of_a_closure_is_a_failure_while_no_stop_is_on_its_way() {
    let peers = peers_of(|stop, source| {
        stop.token().wait().unwrap();
        let _guard = source.clone().stop_on_panic();
        pool().install(|| (0..THREADS).into_par_iter().for_each(|_| resume_unwind(Box::new("a bug"))));
        Ok(())
    });
    assert_eq!(peers, ("panicked", Some(Reason::PeerFailed)));
}
