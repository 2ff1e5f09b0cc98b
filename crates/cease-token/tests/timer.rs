//! Deadlines that a tokio runtime fires, by its own clock.
#![cfg(not(any(loom, shuttle)))]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource};
use cease_token::{TokioTimer, from_tokio, to_tokio};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time;

const HOUR: Duration = Duration::from_secs(3600);

/// A runtime whose clock moves when everybody waits, or the test says so.
fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn tree(runtime: &Handle) -> StopSource {
    StopSource::with_timer(Arc::new(TokioTimer::new(runtime.clone())))
}

#[test]
fn a_deadline_passes_by_the_clock_of_the_runtime() {
    let runtime = paused();
    runtime.block_on(async {
        let begun = time::Instant::now();
        let (source, deadline) = tree(runtime.handle()).child_with_timeout(HOUR).unwrap();
        assert_eq!(deadline.at(), Some((begun + HOUR).into_std()));
        time::advance(HOUR - Duration::from_secs(1)).await;
        assert!(!source.is_stop_requested(), "it fired early");
        let stopped = source.token().stopped().await.unwrap();
        assert_eq!(stopped.reason(), &Reason::Deadline);
        assert_eq!(stopped.location().unwrap().file(), file!());
        assert!(begun.elapsed() >= HOUR);
    });
}

#[test]
fn a_deadline_that_is_moved_passes_when_it_was_moved_to() {
    let runtime = paused();
    runtime.block_on(async {
        let begun = time::Instant::now();
        let (source, deadline) = tree(runtime.handle()).child_with_timeout(2 * HOUR).unwrap();
        assert!(source.shorten_deadline((begun + HOUR).into_std()).unwrap());
        assert!(deadline.reset((begun + 3 * HOUR).into_std()).unwrap());
        source.token().stopped().await.unwrap();
        assert!(begun.elapsed() >= 3 * HOUR);

        let (source, deadline) = tree(runtime.handle()).child_with_timeout(HOUR).unwrap();
        assert!(deadline.clear());
        let waits = time::timeout(2 * HOUR, source.token().stopped_owned()).await;
        assert!(waits.is_err() && !source.is_stop_requested());
    });
}

#[test]
fn a_deadline_that_was_reached_or_taken_away_leaves_no_task() {
    let runtime = paused();
    runtime.block_on(async {
        let alive = || runtime.metrics().num_alive_tasks();
        let top = tree(runtime.handle());
        let (source, passed) = top.child_with_timeout(HOUR).unwrap();
        assert_eq!(alive(), 1);
        source.token().stopped().await.unwrap();
        let (kept, coming) = top.child_with_timeout(HOUR).unwrap();
        let (sooner, sooner_deadline) = top.child_with_timeout(HOUR / 2).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(alive(), 1, "one for the whole tree");
        drop((sooner, sooner_deadline));
        drop((top, source, kept, passed, coming));
        tokio::task::yield_now().await;
        assert_eq!(alive(), 0, "nobody is left who could be stopped");
    });
}

#[test]
fn threads_outside_the_runtime_set_deadlines_and_wait_for_them() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let top = tree(runtime.handle());
    let waiting = (0..4).map(|_| {
        let (source, deadline) = top.child_with_timeout(Duration::from_millis(10)).unwrap();
        thread::spawn(move || {
            let stopped = source.token().wait_timeout(Duration::from_secs(60)).expect("it fires in time");
            assert_eq!(stopped.reason(), &Reason::Deadline);
            assert!(Instant::now() >= deadline.at().unwrap(), "it fired early");
        })
    });
    for waiting in waiting.collect::<Vec<_>>() {
        waiting.join().unwrap();
    }
}

#[test]
fn a_runtime_that_is_gone_is_an_error() {
    let runtime = paused();
    let top = tree(runtime.handle());
    drop(runtime);
    let error = top.child_with_timeout(HOUR).expect_err("nobody is there who could fire it");
    assert_eq!(error.to_string(), "no timer for a deadline: the tokio runtime was shut down");
    let (source, _deadline) = top.child_with_timeout(Duration::ZERO).expect("a moment that has passed needs no timer");
    assert_eq!(source.token().reason(), Some(&Reason::Deadline));
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn a_runtime_without_a_clock_is_refused() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let _ = TokioTimer::new(runtime.handle().clone());
}

#[test]
fn a_deadline_goes_through_tokio_and_comes_back() {
    let runtime = paused();
    runtime.block_on(async {
        let (source, deadline) = tree(runtime.handle()).child_with_timeout(HOUR).unwrap();
        let made = to_tokio(&source.token());
        let (back, by_child) = (from_tokio(made.token()), from_tokio(&made.token().child_token()));
        assert_eq!((back.deadline(), by_child.deadline()), (deadline.at(), None));
        let later = deadline.at().unwrap() + HOUR;
        deadline.reset(later).unwrap();
        assert_eq!(back.deadline(), Some(later));
        made.token().cancelled().await;
        assert_eq!(back.token().reason(), Some(&Reason::Deadline));
        assert_eq!(by_child.token().reason(), Some(&Reason::Deadline));
        assert_eq!(by_child.token().request().unwrap().chain().count(), 2, "which it follows");
        drop(made);
        assert_eq!(back.deadline(), None);
    });
}
