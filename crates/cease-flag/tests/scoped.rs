//! Scoped workers borrow from the stack, and none of them outlives its scope.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, JoinError, Reason, StopSource, StopToken, Stopped};
use cease_flag::Flag;

/// Sets a flag when it is dropped: the last thing that a job does.
struct Gone<'a>(&'a AtomicBool);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Sleeps until it is stopped, and leaves the reason behind.
fn wait(stop: &StopToken, reason: &Mutex<Option<Reason>>, gone: Gone<'_>) -> Result<(), Stopped> {
    let stopped = stop.sleep(Duration::MAX).unwrap_err();
    *reason.lock().unwrap() = Some(stopped.reason().clone());
    drop(gone);
    Err(stopped)
}

#[test]
fn workers_borrow_from_the_stack() {
    let numbers = [1, 2, 3, 4];
    let mut halves = [0, 0];
    thread::scope(|scope| {
        let workers = halves.iter_mut().zip(numbers.chunks(2)).map(|(sum, half)| {
            let add = move |stop: &StopToken| {
                stop.check()?;
                *sum = half.iter().sum();
                Ok(half.len())
            };
            Flag::new().spawn_scoped(scope, add).unwrap()
        });
        for worker in workers.collect::<Vec<_>>() {
            assert_eq!(worker.join().unwrap().into_finished(), Some(2));
        }
    });
    assert_eq!(halves, [3, 7]);
}

#[test]
fn workers_of_one_source_stop_together() {
    let source = StopSource::new();
    let exits = thread::scope(|scope| {
        let sleep = |stop: &StopToken| stop.sleep(Duration::MAX);
        let workers = [(); 3].map(|()| Flag::new().spawn_scoped_with(scope, sleep, source.clone()).unwrap());
        assert!(source.request_with("all of you"));
        workers.map(|worker| worker.join().unwrap())
    });
    assert!(exits.iter().all(|exit| exit.as_stopped().unwrap().reason() == &Reason::from("all of you")));
}

#[test]
fn dropping_a_worker_stops_and_joins_it_inside_the_scope() {
    let (reason, gone) = (Mutex::new(None), AtomicBool::new(false));
    thread::scope(|scope| {
        let guard = Gone(&gone);
        let worker = Flag::new().spawn_scoped(scope, |stop| wait(stop, &reason, guard)).unwrap();
        drop(worker);
        assert!(gone.load(Relaxed), "it is gone before the scope ends");
    });
    assert_eq!(reason.into_inner().unwrap(), Some(Reason::OwnerDropped));
}

#[test]
fn a_panic_of_the_scope_stops_and_joins_the_workers_it_holds() {
    let (reason, gone) = (Mutex::new(None), AtomicBool::new(false));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|scope| {
            let guard = Gone(&gone);
            let _worker = Flag::new().spawn_scoped(scope, |stop| wait(stop, &reason, guard)).unwrap();
            resume_unwind(Box::new("the scope's own"))
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"the scope's own"));
    assert!(gone.load(Relaxed));
    assert_eq!(reason.into_inner().unwrap(), Some(Reason::OwnerDropped));
}

#[test]
fn a_detached_worker_is_joined_at_the_end_of_the_scope_and_not_stopped() {
    let (source, gone) = (StopSource::new(), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let guard = Gone(&gone);
        let job = move |stop: &StopToken| {
            let message = receiver.recv();
            stop.check()?;
            drop(guard);
            Ok(message)
        };
        Flag::new().spawn_scoped_with(scope, job, source.clone()).unwrap().detach();
        assert!(!gone.load(Relaxed), "it runs on");
        sender.send(()).unwrap();
    });
    assert!(gone.load(Relaxed));
    assert!(!source.is_stop_requested());
}

#[test]
fn a_panic_of_the_job_is_an_exit_and_never_a_panic_of_the_scope() {
    let exit = thread::scope(|scope| {
        let panics = |_: &StopToken| -> Result<(), Stopped> { resume_unwind(Box::new("the job's own")) };
        Flag::new().spawn_scoped(scope, panics).unwrap().detach();
        Flag::new().spawn_scoped(scope, panics).unwrap().join().unwrap()
    });
    assert_eq!(exit.into_panic().unwrap().message(), Some("the job's own"));
}

#[test]
fn a_spawn_that_fails_hands_the_closure_back() {
    let mut calls = 0;
    thread::scope(|scope| {
        let job = |stop: &StopToken| {
            stop.check()?;
            calls += 1;
            Ok(calls)
        };
        let error = Flag::new().stack_size(usize::MAX / 2).spawn_scoped(scope, job).unwrap_err();
        assert!(error.os_error().raw_os_error().is_some());
        let mut job = error.into_job();
        assert_eq!(job(&StopSource::new().token()).unwrap(), 1);
    });
    assert_eq!(calls, 1);
}

#[test]
fn a_join_that_takes_too_long_gives_the_worker_back() {
    thread::scope(|scope| {
        let worker = Flag::new().name("slow").spawn_scoped(scope, |stop| stop.sleep(Duration::MAX)).unwrap();
        let error = worker.join_timeout(Duration::ZERO).unwrap_err();
        assert!(matches!(error, JoinError::StillRunning(_)));
        assert_eq!(error.to_string(), "worker `slow` still runs");
        let worker = error.into_worker();
        assert!(worker.stop());
        assert!(matches!(worker.join(), Ok(Exit::Stopped(_))));
    });
}
