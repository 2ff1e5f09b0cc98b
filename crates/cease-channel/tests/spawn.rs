//! Spawning: what the thread gets, and that a spawn that fails loses no work.
#![cfg(not(any(loom, shuttle)))]

use std::error::Error;
use std::thread;
use std::time::Duration;

use cease_channel::{Channel, StopReceiver};
use cease_core::{Checkpoint, Exit, Job, JoinError, Reason, SpawnFn, StopSource, Stopped, Strategy};

/// More than any address space has.
const NO_SUCH_STACK: usize = usize::MAX / 2;

/// Yields what it holds.
#[derive(Debug, PartialEq)]
struct Parcel(String);

impl Job for Parcel {
    type Output = String;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<String, Stopped> {
        stop.check()?;
        Ok(self.0)
    }
}

#[test]
fn a_spawn_that_fails_hands_the_job_back() {
    let error = Channel::new().stack_size(NO_SUCH_STACK).spawn(Parcel("precious".into())).unwrap_err();
    assert_eq!(error.to_string(), "could not start worker `channel`");
    assert!(error.os_error().raw_os_error().is_some());
    assert_eq!(error.source().unwrap().to_string(), error.os_error().to_string());

    let worker = Channel::new().spawn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().finished().as_deref(), Some("precious"));
}

#[test]
fn a_spawn_that_fails_hands_the_closure_back() {
    let precious = String::from("precious");
    let error = Channel::new().stack_size(NO_SUCH_STACK).spawn_fn(move |_: &StopReceiver| Ok(precious)).unwrap_err();

    let worker = Channel::new().spawn_fn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().finished().as_deref(), Some("precious"));
}

#[test]
fn the_largest_stack_is_an_error_and_not_a_panic() {
    let error = Channel::new().stack_size(usize::MAX).spawn(Parcel("precious".into())).unwrap_err();
    assert_eq!(error.into_job(), Parcel("precious".into()));
}

#[test]
fn a_name_with_a_nul_is_an_error_with_the_job_in_it() {
    let error = Channel::new().name("a\0b").spawn(Parcel("precious".into())).unwrap_err();
    assert_eq!(error.os_error().kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(error.into_job(), Parcel("precious".into()));
}

#[test]
fn a_spawn_that_fails_leaves_the_source_as_it_was() {
    let source = StopSource::new();
    let error = Channel::new().stack_size(NO_SUCH_STACK).spawn_with(Parcel("a".into()), source.clone()).unwrap_err();
    assert!(!source.is_stopped());
    let worker = Channel::new().spawn_with(error.into_job(), source).unwrap();
    assert_eq!(worker.join().unwrap().finished().as_deref(), Some("a"));
}

#[test]
fn the_thread_is_called_as_the_worker_is() {
    let worker = Channel::new().name("ticker").spawn_fn(|_| Ok(thread::current().name().map(str::to_owned))).unwrap();
    assert_eq!(worker.name(), "ticker");
    assert_eq!(worker.join().unwrap().finished().flatten().as_deref(), Some("ticker"));
}

#[test]
fn a_join_that_takes_too_long_gives_the_worker_back() {
    let worker = Channel::new().name("slow").spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
    let error = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    assert_eq!(error.to_string(), "worker `slow` still runs");
    let worker = error.into_worker();
    assert!(!worker.is_finished());
    assert!(worker.stop_because("enough"));
    let exit = worker.join_timeout(Duration::MAX).unwrap();
    assert!(matches!(exit, Exit::Stopped(stopped) if stopped.reason() == &Reason::from("enough")));
}
