//! The laws of lifetime for tasks: one list of cases, held to by both techniques, on runtimes of both kinds.
//!
//! The suite's own laws are written for jobs on threads; these are the same promises for jobs that await.
//! A case runs on a thread outside of the runtime, so it may block; under `current` another thread drives the runtime.
#![cfg(not(any(loom, shuttle)))]

mod driven;

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, JoinError, Reason, StopSource, Worker};
use cease_token::{SpawnTask, TaskStop};
use driven::{LIMIT, Resource, cases, endless, join, reason};
use tokio::sync::oneshot;
use tokio::task::yield_now;

const ROUNDS: usize = 200;

cases! {
    l1_request_is_sticky
    l2_one_reason
    l5_stop_before_start
    l6_stop_after_the_end_is_harmless
    l7_a_produced_value_is_not_lost
    l8_after_join_nothing_runs
    l9_a_panic_is_reported
    l9_a_panic_of_a_destructor_is_reported
    l10_drop_stops_and_joins
    l10_only_detach_lets_go
    l11_joining_oneself_is_an_error
    l14_the_last_source_tells
    l15_a_deadline_stops_a_task
    l18_nothing_leaks
}

/// Two ask at once, and exactly one was first; the task sees a stop and goes on seeing it.
fn l1_request_is_sticky<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let worker = strategy.spawn_task(|stop: TaskStop| async move {
            let mut seen = false;
            for _ in 0..10 {
                assert!(stop.is_stop_requested() || !seen, "the stop was taken back");
                seen = stop.is_stop_requested();
                yield_now().await;
            }
            Ok(())
        });
        let worker = worker.unwrap();
        let (start, source) = (Arc::new(Barrier::new(2)), worker.source().clone());
        let together = Arc::clone(&start);
        let other = thread::spawn(move || {
            together.wait();
            source.request()
        });
        start.wait();
        let here = worker.stop();
        assert!(here != other.join().unwrap());
        assert!(!worker.stop());
        if let Exit::Panicked(panic) = join(worker) {
            panic.resume();
        }
    }
}

/// Two ask at once with different reasons, and the exit has that of the winner.
fn l2_one_reason<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let worker = endless(strategy);
        let (start, source) = (Arc::new(Barrier::new(2)), worker.source().clone());
        let together = Arc::clone(&start);
        let other = thread::spawn(move || {
            together.wait();
            source.request_with("there")
        });
        start.wait();
        let here = worker.stop_with("here");
        other.join().unwrap();
        assert_eq!(reason(&join(worker)), &Reason::from(if here { "here" } else { "there" }));
    }
}

/// The job gets no further than its first checkpoint.
fn l5_stop_before_start<S: SpawnTask>(strategy: &S) {
    let source = StopSource::new();
    source.request_with("early");
    let passed = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&passed);
    let worker = strategy.spawn_task_with(
        |stop: TaskStop| async move {
            stop.check()?;
            shared.store(1, Relaxed);
            Ok(())
        },
        source,
    );
    assert_eq!(reason(&join(worker.unwrap())), &Reason::from("early"));
    assert_eq!(passed.load(Relaxed), 0);
}

/// Asking after the end changes nothing about it.
fn l6_stop_after_the_end_is_harmless<S: SpawnTask>(strategy: &S) {
    let worker = strategy.spawn_task(|_| async { Ok(6) }).unwrap();
    worker.ended().wait_timeout(LIMIT).unwrap();
    let source = worker.source().clone();
    assert!(worker.stop());
    assert_eq!(join(worker).into_finished(), Some(6));
    assert!(!source.request());
}

/// What was produced when the stop came is what the exit has, and nothing was produced when it has none.
fn l7_a_produced_value_is_not_lost<S: SpawnTask>(strategy: &S) {
    for round in 0..ROUNDS {
        let produced = Arc::new(AtomicU32::new(0));
        let shared = Arc::clone(&produced);
        let (start, started) = (Arc::new(Barrier::new(2)), round % 2 == 0);
        let together = Arc::clone(&start);
        let worker = strategy.spawn_task(move |_| async move {
            if started {
                together.wait();
            }
            for _ in 0..round % 4 {
                yield_now().await;
            }
            shared.store(1, Relaxed);
            Ok(7)
        });
        let worker = worker.unwrap();
        if started {
            start.wait();
        }
        worker.stop();
        match join(worker) {
            Exit::Finished(value) => assert_eq!((value, produced.load(Relaxed)), (7, 1)),
            Exit::Stopped(_) => assert_eq!(produced.load(Relaxed), 0, "a value was produced, and is lost"),
            exit => panic!("it {}", exit.kind()),
        }
    }
}

/// When join returns, the destructors have run: those of what was moved in, and those of the future.
fn l8_after_join_nothing_runs<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let open = Arc::new(AtomicU32::new(0));
        let (moved_in, shared) = (Resource::open(&open), Arc::clone(&open));
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _moved_in = moved_in;
            let _inner = Resource::open(&shared);
            Err::<(), _>(stop.stopped().await)
        });
        let worker = worker.unwrap();
        worker.stop();
        let exit = join(worker);
        assert_eq!(open.load(Relaxed), 0, "join returned ({}) before the destructors had run", exit.kind());
        assert!(exit.as_stopped().is_some());
    }
}

/// A panic is an exit of its own, in the closure as in the future, before and after an await.
fn l9_a_panic_is_reported<S: SpawnTask>(strategy: &S) {
    let payload = |worker: Worker<()>| join(worker).into_panic().unwrap().into_payload().downcast_ref().copied();
    #[allow(unreachable_code, reason = "the future has a type all the same")]
    let at_once = strategy.spawn_task(|_| {
        resume_unwind(Box::new(1_u32));
        async { Ok(()) }
    });
    assert_eq!(payload(at_once.unwrap()), Some(1_u32));
    let polled = strategy.spawn_task(|_| async { resume_unwind(Box::new(2_u32)) });
    assert_eq!(payload(polled.unwrap()), Some(2_u32));
    let later = strategy.spawn_task(|_| async {
        yield_now().await;
        resume_unwind(Box::new(3_u32))
    });
    assert_eq!(payload(later.unwrap()), Some(3_u32));
}

/// Panics when it is dropped.
struct Mine(u32);

impl Drop for Mine {
    fn drop(&mut self) {
        resume_unwind(Box::new(self.0));
    }
}

/// A destructor that panics is no stop, whether the task finishes or is stopped.
fn l9_a_panic_of_a_destructor_is_reported<S: SpawnTask>(strategy: &S) {
    let payload = |worker: Worker<()>| join(worker).into_panic().unwrap().into_payload().downcast_ref().copied();
    let finishing = strategy.spawn_task(|_| async {
        let _mine = Mine(1);
        Ok(())
    });
    assert_eq!(payload(finishing.unwrap()), Some(1_u32));

    let (tell, begun) = channel();
    let stopped = strategy.spawn_task(move |stop: TaskStop| async move {
        let _mine = Mine(2);
        tell.send(()).unwrap();
        Err(stop.stopped().await)
    });
    let stopped = stopped.unwrap();
    begun.recv_timeout(LIMIT).unwrap();
    stopped.stop();
    assert_eq!(payload(stopped), Some(2_u32));
}

/// Dropping asks, says why, and returns when the task is gone.
fn l10_drop_stops_and_joins<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let open = Arc::new(AtomicU32::new(0));
        let resource = Resource::open(&open);
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _resource = resource;
            Err::<(), _>(stop.stopped().await)
        });
        let worker = worker.unwrap();
        let token = worker.source().token();
        drop(worker);
        assert_eq!(open.load(Relaxed), 0);
        assert_eq!(token.reason(), Some(&Reason::OwnerDropped));
    }
}

/// Detaching neither asks nor waits, and what is detached is still stopped through its source.
fn l10_only_detach_lets_go<S: SpawnTask>(strategy: &S) {
    let worker = endless(strategy);
    let (source, ended) = (worker.source().clone(), worker.ended().clone());
    worker.detach();
    assert!(!source.is_stop_requested() && !ended.is_stop_requested());
    assert!(source.request());
    ended.wait_timeout(LIMIT).unwrap();
}

/// A task that joins itself gets its worker back; dropping that asks and lets go.
fn l11_joining_oneself_is_an_error<S: SpawnTask>(strategy: &S) {
    let (hand, handed) = oneshot::channel::<Worker<u32>>();
    let (tell, told) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        let own = handed.await.unwrap();
        let Err(JoinError::Itself(own)) = own.join() else { panic!("a task joined itself") };
        drop(own);
        tell.send(stop.is_stop_requested()).unwrap();
        Ok(0)
    });
    hand.send(worker.unwrap()).unwrap();
    assert_eq!(told.recv_timeout(LIMIT), Ok(true));
}

/// The last source is gone unasked, and a task that waits for the stop itself is told.
fn l14_the_last_source_tells<S: SpawnTask>(strategy: &S) {
    let (tell, told) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        tell.send(stop.token().stopped().await.is_err()).unwrap();
        Ok(())
    });
    let worker = worker.unwrap();
    let ended = worker.ended().clone();
    worker.detach();
    assert_eq!(told.recv_timeout(LIMIT), Ok(true));
    ended.wait_timeout(LIMIT).unwrap();
}

/// A deadline is a stop like any other.
fn l15_a_deadline_stops_a_task<S: SpawnTask>(strategy: &S) {
    let (source, _deadline) = StopSource::with_timeout(Duration::from_millis(1)).unwrap();
    let worker = strategy.spawn_task_with(|stop: TaskStop| async move { stop.sleep(Duration::MAX).await }, source);
    assert_eq!(reason(&join(worker.unwrap())), &Reason::Deadline);
}

/// Nobody is left in the list, and nothing of the job.
fn l18_nothing_leaks<S: SpawnTask>(strategy: &S) {
    let open = Arc::new(AtomicU32::new(0));
    for round in 0..ROUNDS {
        let resource = Resource::open(&open);
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _resource = resource;
            if round % 2 == 0 { Ok(()) } else { Err(stop.stopped().await) }
        });
        let worker = worker.unwrap();
        worker.stop();
        join(worker);
    }
    assert_eq!((open.load(Relaxed), Arc::strong_count(&open)), (0, 1));
}
