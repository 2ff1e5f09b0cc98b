//! Law L19 with real numbers: when the number of a worker has become a stranger's, nothing reaches the stranger.
//!
//! The stranger gets the number by `clone3` with `set_tid`, which root may; elsewhere the test says that it was skipped.
#![cfg(not(any(loom, shuttle)))]

mod act;
mod stranger;

use act::{Act, HASTY, LIMIT};
use cease_core::StopSource;
use cease_process::Process;
use cease_process::pidfd::{Ended, Leader};
use rustix::process::Signal;
use stranger::Stranger;

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// One test, so that no other takes the number in between.
#[test]
fn nothing_reaches_a_stranger_who_has_the_number_now() {
    if std::env::var_os("CEASE_PROCESS_WORKER").is_some() {
        return;
    }
    let process = Process::in_test("worker").budgets(HASTY);
    let (worker, watch) = process.spawn_watched(Act::Deaf, StopSource::new()).unwrap();
    let pid = watch.pid();
    let taken = Stranger::with_number(pid).err().expect("a number that is in use is not given twice");
    if taken.raw_os_error() != Some(libc::EEXIST) {
        println!("skipped, because numbers cannot be chosen here: {taken}");
        return;
    }
    worker.stop();
    assert!(watch.wait().ended.is_some());
    let stranger = match Stranger::with_number(pid) {
        Ok(stranger) => stranger,
        Err(error) => {
            println!("skipped, because somebody else has the number: {error}");
            return;
        }
    };
    // Everything that could send a signal, when all of it is over.
    (0..3).for_each(|_| _ = worker.stop());
    (0..3).for_each(|_| watch.escalate());
    drop(worker);
    assert!(stranger.is_alive(), "L19: a signal reached a stranger");
    drop(stranger);

    // A child that has ended and is not reaped keeps its number.
    let (leader, _) = Leader::spawn(&mut std::process::Command::new("true"), true).unwrap();
    assert_eq!(leader.wait_timeout(LIMIT).unwrap(), Some(Ended::Exited(0)));
    let pid = leader.pid();
    assert_eq!(Stranger::with_number(pid).err().and_then(|error| error.raw_os_error()), Some(libc::EEXIST));
    leader.signal(Signal::KILL).unwrap();
    leader.signal_group(Signal::KILL).unwrap();
    assert_eq!(leader.reap().unwrap(), Ended::Exited(0));
}
