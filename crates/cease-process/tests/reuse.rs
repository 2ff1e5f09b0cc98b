//! Law L19 with real numbers: when the number of a worker has become a stranger's, nothing reaches the stranger.
//!
//! The stranger gets the number by `clone3` with `set_tid`, which root may; elsewhere the test says that it was skipped.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "a process with a number of one's choice has no safe wrapper")]

mod act;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use act::{Act, HASTY, LIMIT};
use cease_core::StopSource;
use cease_process::Process;
use cease_process::pidfd::{Ended, Leader};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// A process with a number of the test's choice, which does nothing; dropping it ends and reaps it.
struct Stranger(OwnedFd);

impl Stranger {
    /// Starts one, if this process may.
    fn with_number(pid: u32) -> io::Result<Self> {
        let numbers = [i32::try_from(pid).expect("a number of a process is small")];
        // SAFETY: all zeroes are arguments: no flags, no stack, no descriptors.
        let mut args = unsafe { std::mem::zeroed::<libc::clone_args>() };
        args.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
        args.set_tid = numbers.as_ptr() as u64;
        args.set_tid_size = 1;
        // SAFETY: `args` and the number that it points to live through the call, and its size is told. Without CLONE_VM the
        // child has memory of its own, and it only calls what may be called after a fork of a program with threads.
        let child = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) };
        match child {
            -1 => Err(io::Error::last_os_error()),
            0 => loop {
                // SAFETY: it waits for a signal, and touches nothing.
                unsafe { libc::pause() };
            },
            _ => Ok(Self(pidfd_open(Pid::from_raw(numbers[0]).expect("it is not zero"), PidfdFlags::empty())?)),
        }
    }

    fn is_alive(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::PidFd(self.0.as_fd()), options).expect("it is a child").is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(&self.0, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.0.as_fd()), WaitIdOptions::EXITED);
    }
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
