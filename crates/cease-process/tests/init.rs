//! A program that never calls `init` is told so by that name; a worker that a signal ended is not.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::io::ErrorKind;
use std::time::Duration;

use act::Act;
use cease_core::Strategy;
use cease_process::pidfd::Ended;
use cease_process::{Process, StartError};

const NAME: &str = "cease::process::init";

#[test]
fn a_program_without_init_is_refused_at_once_by_that_name() {
    // With a limit that never passes, only a refusal at once comes back.
    let error = Process::new().start_limit(Duration::MAX).spawn(Act::Return("kept".into())).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::NoInit)), "{}", error.os_error());
    assert_eq!(error.os_error().kind(), ErrorKind::Unsupported);
    assert!(error.os_error().to_string().contains(NAME), "{}", error.os_error());
    assert!(matches!(error.into_job(), Act::Return(text) if text == "kept"));
}

#[test]
fn another_program_without_init_is_told_the_name_with_the_timeout() {
    let process = Process::new().program("sleep").args(["600"]).start_limit(Duration::from_millis(50));
    let error = process.spawn(Act::Deaf).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::TimedOut(_))), "{}", error.os_error());
    assert!(error.os_error().to_string().contains(NAME), "{}", error.os_error());
}

#[test]
fn a_worker_that_a_signal_ended_before_it_began_is_not_told_of_init() {
    let process = Process::new().program("sh").args(["-c", "kill -9 $$"]);
    let error = process.spawn(Act::Deaf).unwrap_err();
    let Some(StartError::NoWorker(Some(Ended::Signaled { signal: 9, .. }))) = StartError::of(&error) else {
        panic!("{}", error.os_error());
    };
    assert!(!error.os_error().to_string().contains("init"), "{}", error.os_error());
}
