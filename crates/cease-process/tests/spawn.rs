//! A worker that cannot begin is an error with the job in it, and one that talks nonsense is ended; nothing is left of either.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use act::{Act, HASTY, LIMIT, Scratch, TAG, nobody_is_left};
use cease_core::{Exit, SpawnError, Strategy};
use cease_process::pidfd::Ended;
use cease_process::{FrameError, Process, StartError};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// A program that knows no job.
#[test]
fn worker_without_jobs() {
    cease_process::init([]);
}

fn process() -> Process {
    Process::in_test("worker")
}

/// Spawns what cannot begin, and gives back why; nobody with the tag is left.
fn failure(process: Process, act: Act) -> SpawnError<Act> {
    let scratch = Scratch::new("failure");
    let error = process.env(TAG, scratch.tag()).spawn(act.clone()).unwrap_err();
    nobody_is_left(&scratch.tag(), Duration::ZERO, "after a spawn that failed");
    assert!(!error.os_error().to_string().is_empty());
    error
}

#[test]
fn a_program_that_is_not_there_is_told_by_the_operating_system_and_the_job_is_handed_back() {
    let error = failure(Process::new().program("/no/such/program"), Act::Return("precious".into()));
    assert_eq!(error.os_error().kind(), std::io::ErrorKind::NotFound);
    assert!(StartError::of(&error).is_none());
    let worker = process().spawn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("precious"));
}

#[test]
fn a_program_that_is_no_worker_is_told() {
    let error = failure(Process::new().program("true"), Act::Deaf);
    assert!(
        matches!(StartError::of(&error), Some(StartError::NoWorker(Some(Ended::Exited(0))))),
        "{}",
        error.os_error()
    );
}

#[test]
fn a_job_that_nobody_registered_is_told_by_name() {
    let error = failure(Process::in_test("worker_without_jobs"), Act::Deaf);
    let unknown = StartError::of(&error);
    assert!(matches!(unknown, Some(StartError::UnknownJob { name, known }) if name == "act" && known.is_empty()));
}

#[test]
fn a_job_that_is_large_arrives_as_it_was_sent() {
    let text = "0123456789".repeat(1 << 20);
    let worker = process().spawn(Act::Return(text.clone())).unwrap();
    assert!(worker.join().unwrap().into_finished() == Some(text), "to the last byte");
}

#[test]
fn a_job_that_is_too_large_is_told_before_anything_is_started() {
    let error = failure(process(), Act::Return("x".repeat(65 << 20)));
    assert!(
        matches!(StartError::of(&error), Some(StartError::Frame(FrameError::TooLong { .. }))),
        "{}",
        error.os_error()
    );
}

/// The version that this build speaks: `PROTOCOL` of `src/message.rs`.
const PROTOCOL: u32 = 3;

/// A child that says what it should not.
fn hostile(how: &str) -> Process {
    Process::in_test("hostile_child").env("CEASE_TEST_HOSTILE", how)
}

#[test]
fn a_child_that_says_nonsense_instead_of_hello_is_told() {
    for (how, expected) in [
        ("oversized", FrameError::TooLong { bytes: u32::MAX.into() }),
        ("unknown", FrameError::UnknownKind),
        ("unexpected", FrameError::Unexpected),
        ("trailing", FrameError::Trailing),
    ] {
        let error = failure(hostile(how), Act::Deaf);
        let frame = StartError::of(&error);
        assert!(matches!(frame, Some(StartError::Frame(error)) if *error == expected), "{how}: {}", error.os_error());
    }
}

#[test]
fn a_child_that_ends_in_the_middle_of_a_frame_or_says_nothing_is_told() {
    let error = failure(hostile("half"), Act::Deaf);
    assert!(matches!(StartError::of(&error), Some(StartError::NoWorker(_))), "{}", error.os_error());
    let limit = Duration::from_millis(300);
    let error = failure(hostile("silent").start_limit(limit), Act::Deaf);
    assert!(
        matches!(StartError::of(&error), Some(StartError::TimedOut(told)) if *told == limit),
        "{}",
        error.os_error()
    );
}

#[test]
fn a_child_of_another_build_or_another_version_is_told() {
    for how in ["build", "version"] {
        let error = failure(hostile(how), Act::Deaf);
        assert!(matches!(StartError::of(&error), Some(StartError::OtherBuild { .. })), "{how}: {}", error.os_error());
    }
}

#[test]
fn a_child_that_says_nonsense_later_is_ended_and_what_it_said_is_the_exit() {
    let own = std::env::current_exe().unwrap();
    for (how, word) in [("late-nonsense", "not known"), ("late-half", "middle"), ("late-oversized", "longer")] {
        let scratch = Scratch::new(how);
        let process = hostile(how).program(own.clone()).budgets(HASTY).env(TAG, scratch.tag());
        let exit = process.spawn(Act::Deaf).unwrap().join().unwrap();
        assert!(matches!(&exit, Exit::Broken(why) if why.contains(word)), "{how}: {exit:?}");
        nobody_is_left(&scratch.tag(), Duration::ZERO, how);
    }
}

#[test]
fn a_child_that_never_stops_telling_is_stopped_all_the_same() {
    let own = std::env::current_exe().unwrap();
    let (first, is_there) = channel();
    let process = hostile("flood").program(own).budgets(HASTY).on_progress(move |_| _ = first.send(()));
    let worker = process.spawn(Act::Deaf).unwrap();
    is_there.recv_timeout(LIMIT).unwrap();
    worker.stop();
    assert!(matches!(worker.join().unwrap(), Exit::Killed { .. }));
}

/// Says what `CEASE_TEST_HOSTILE` tells it to, in the place of a worker.
#[test]
fn hostile_child() {
    let Ok(how) = std::env::var("CEASE_TEST_HOSTILE") else { return };
    let mut socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let frame = |kind: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len() + 1).unwrap().to_le_bytes();
        [&length[..], &[kind], payload].concat()
    };
    let hello = |protocol: u32| {
        #[derive(serde::Serialize)]
        struct Hello {
            protocol: u32,
            build: &'static str,
            pid: u32,
        }
        rmp_serde::to_vec_named(&Hello { protocol, build: "another", pid: 1 }).unwrap()
    };
    let oversized = u32::MAX.to_le_bytes().to_vec();
    let first = match &*how {
        "oversized" => oversized.clone(),
        "unknown" => vec![1, 0, 0, 0, 99],
        "unexpected" => frame(3, &[0xc0]),
        "trailing" => frame(0, &[hello(PROTOCOL), vec![0]].concat()),
        "half" => vec![9, 0],
        "silent" => Vec::new(),
        "version" => frame(0, &hello(999)),
        _ => frame(0, &hello(PROTOCOL)),
    };
    socket.write_all(&first).unwrap();
    if !how.starts_with("late") && how != "flood" {
        if how != "half" {
            // Until whoever is told has had enough.
            let _ = socket.read_to_end(&mut Vec::new());
        }
        std::process::exit(0);
    }
    // The order and the job, whatever they are.
    for _ in 0..2 {
        let mut length = [0; 4];
        socket.read_exact(&mut length).unwrap();
        let mut rest = vec![0; u32::from_le_bytes(length) as usize];
        socket.read_exact(&mut rest).unwrap();
    }
    socket.write_all(&frame(3, &[0xc0])).unwrap();
    match &*how {
        "late-nonsense" => socket.write_all(&[1, 0, 0, 0, 99]).unwrap(),
        "late-half" => {
            socket.write_all(&[9, 0, 0, 0, 8, 1]).unwrap();
            std::process::exit(0);
        }
        "late-oversized" => socket.write_all(&oversized).unwrap(),
        _ => while socket.write_all(&frame(6, &[0xc0])).is_ok() {},
    }
    let _ = socket.read_to_end(&mut Vec::new());
}

/// Whoever ignores SIGCHLD has its children reaped by the kernel, and their numbers given away.
#[test]
fn a_program_that_ignores_sigchld_is_refused_before_anything_is_started() {
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(own);
    command.args(["--exact", "with_sigchld_ignored", "--nocapture", "--test-threads=1"]).env("CEASE_TEST_SIGCHLD", "1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("refused"), "{text}");
}

#[test]
fn with_sigchld_ignored() {
    if std::env::var_os("CEASE_TEST_SIGCHLD").is_none() {
        return;
    }
    act::ignore(libc::SIGCHLD);
    let error = failure(process(), Act::Return("precious".into()));
    assert_eq!(error.os_error().kind(), std::io::ErrorKind::Unsupported);
    assert_eq!(error.into_job(), Act::Return("precious".into()));
    println!("refused");
}
