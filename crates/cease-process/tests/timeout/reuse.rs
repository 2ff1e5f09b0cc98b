//! A number that has become somebody else's: nothing reaches the stranger (law L19).
//!
//! The stranger gets the number by `clone3` with `set_tid`, which root may; elsewhere the test says that it was skipped.

use std::fs;
use std::time::Instant;

use rustix::process::Signal;

use crate::common::{LIMIT, OURS, Running, kinds};
use crate::stranger::Stranger;

/// Whether a number that `taken` has cannot be had for that reason alone.
fn is_taken(taken: u32) -> bool {
    let error = Stranger::with_number(taken).err().expect("a number that is in use is not given twice");
    error.raw_os_error() == Some(libc::EEXIST)
}

/// A stranger with the number `pid`, once it is free; `None` where somebody else was faster.
fn stranger(pid: u32) -> Option<Stranger> {
    let end = Instant::now() + LIMIT;
    loop {
        match Stranger::with_number(pid) {
            Ok(stranger) => return Some(stranger),
            // Who has a command line has not ended, and is not the one that was waited for.
            Err(_) if fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty()) => {
                eprintln!("skipped: somebody else has the number");
                return None;
            }
            Err(error) => assert!(Instant::now() < end, "{pid} is not free in time: {error}"),
        }
        std::thread::yield_now();
    }
}

/// The kinds of containment in which orphans come to the program, and their numbers are those that are seen here.
fn adopting() -> impl Iterator<Item = String> {
    kinds().iter().filter(|kind| **kind != "pidns").map(|kind| format!("--tree={kind}"))
}

#[test]
fn who_has_the_number_of_an_orphan_that_was_reaped_lives() {
    for tree in adopting() {
        // The orphan goes on when it is written to, so that it ends when its number is known.
        let script = "(sh -c 'echo $$; read go' <&3 &) 3<&0; trap '' TERM; echo up; while :; do sleep 1000; done";
        let words = [&tree, "-k", ".05", "60", "sh", "-c", script];
        let mut running = Running::start(OURS, &words);
        let lines = [running.line(), running.line()];
        let pid = lines.iter().find_map(|line| line.parse().ok()).expect("the orphan tells its number");
        if !is_taken(pid) {
            eprintln!("skipped: numbers cannot be chosen here");
            return;
        }
        running.go();
        // Until the program has reaped it, it cannot be had.
        let gone = Instant::now() + LIMIT;
        while fs::exists(format!("/proc/{pid}")).unwrap() {
            assert!(Instant::now() < gone, "not reaped in time");
            std::thread::yield_now();
        }
        let Some(stranger) = stranger(pid) else { return };
        running.send(Signal::ALARM);
        assert_eq!(running.end().signal, Some(9), "{tree}");
        assert!(stranger.is_alive(), "L19: a signal reached a stranger, {tree}");
    }
}

#[test]
fn the_number_of_the_command_is_its_own_until_all_is_over() {
    for tree in adopting() {
        let script = "echo $$; setsid sh -c 'trap \"\" TERM; echo up; exec sleep 1000' & read go; exit 7";
        let mut running = Running::start(OURS, &[&tree, "-k", "60", "60", "sh", "-c", script]);
        let pid = running.line().parse().expect("the command tells its number");
        running = running.once_up(1);
        if !is_taken(pid) {
            eprintln!("skipped: numbers cannot be chosen here");
            return;
        }
        running.go();
        let end = Instant::now() + LIMIT;
        while !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ") {
            assert!(Instant::now() < end, "no end in time");
            std::thread::yield_now();
        }
        assert!(is_taken(pid), "reaped while the rest still runs: a signal to its group could be a stranger's, {tree}");
        running.send(Signal::TERM);
        running.send(Signal::INT);
        running.wait();
        let Some(stranger) = stranger(pid) else { return };
        assert!(running.end_unless_left().is_some() && stranger.is_alive(), "{tree}");
    }
}
