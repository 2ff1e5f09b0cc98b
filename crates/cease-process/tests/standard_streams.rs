//! A program that has closed its standard streams: no descriptor of this crate takes their numbers.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "a standard stream has no owner that could close it")]

mod act;

use act::{Act, HASTY};
use cease_core::StopSource;
use cease_process::Process;
use cease_process::containment::{Containment, Kind};
use rustix::io::fcntl_dupfd_cloexec;
use std::num::NonZeroUsize;
use std::path::Path;

/// The process that is started for a worker runs this test, and does its job.
#[test]
fn worker() {
    act::init();
}

/// Closes the standard streams, and opens them again when it is dropped.
struct Closed([std::os::fd::OwnedFd; 3]);

impl Closed {
    fn new() -> Self {
        let saved = Self([
            fcntl_dupfd_cloexec(std::io::stdin(), 3).unwrap(),
            fcntl_dupfd_cloexec(std::io::stdout(), 3).unwrap(),
            fcntl_dupfd_cloexec(std::io::stderr(), 3).unwrap(),
        ]);
        for number in 0..3 {
            // SAFETY: takes a number; no value of this program owns a standard stream.
            assert_eq!(unsafe { libc::close(number) }, 0);
        }
        saved
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let [stdin, stdout, stderr] = &self.0;
        rustix::stdio::dup2_stdin(stdin).unwrap();
        rustix::stdio::dup2_stdout(stdout).unwrap();
        rustix::stdio::dup2_stderr(stderr).unwrap();
    }
}

/// The numbers of the standard streams that are open.
fn open_numbers() -> Vec<usize> {
    (0..3).filter(|number| Path::new(&format!("/proc/self/fd/{number}")).symlink_metadata().is_ok()).collect()
}

/// One test, because the streams belong to the whole process.
#[test]
fn no_descriptor_has_the_number_of_a_standard_stream() {
    if std::env::var_os("CEASE_PROCESS_WORKER").is_some() {
        return;
    }
    let process = |containment| Process::in_test("worker").budgets(HASTY).containment(containment);
    let mut seen = Vec::new();
    let closed = Closed::new();
    for kind in [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group] {
        let spawned = process(Containment::Require(kind)).spawn_watched(Act::Deaf, StopSource::new());
        seen.push((format!("{kind:?}, started: {}", spawned.is_ok()), open_numbers()));
    }
    let pool = process(Containment::Auto).pool(NonZeroUsize::MIN).and_then(|pool| pool.prespawn(1).map(|()| pool));
    seen.push((format!("pool, started: {}", pool.is_ok()), open_numbers()));
    drop(pool);
    drop(closed);
    println!("{seen:?}");
    assert!(seen.iter().any(|(case, _)| case.ends_with("true")), "no worker was started: {seen:?}");
    assert!(seen.iter().all(|(_, numbers)| numbers.is_empty()), "descriptors with these numbers are open: {seen:?}");
}
