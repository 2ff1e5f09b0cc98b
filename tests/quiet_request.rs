//! A request with nobody waiting makes no system call, shown by a process in which any other call would be deadly.
#![cfg(not(any(loom, shuttle)))]

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use cease_tests::process::{self, Ended};

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_request_with_nobody_waiting_makes_no_system_call() {
    let ended = child("quiet");
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!(ended.stdout, "ok", "the request was the first, and the poll saw it");
}

/// The control: waking a thread needs a system call, and the filter notices.
#[test]
fn a_request_that_wakes_a_thread_dies_of_the_filter() {
    let ended = child("waited");
    assert_eq!(ended.status.signal(), Some(libc::SIGSYS), "{ended:?}");
    assert_eq!(ended.stdout, "");
}

fn child(case: &str) -> Ended {
    process::run(Command::new(env!("CARGO_BIN_EXE_child")).arg(case), LIMIT).expect("the child ends by itself")
}
