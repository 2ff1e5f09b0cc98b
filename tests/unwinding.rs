//! Where unwinding ends: what no process survives, what is said on standard error, and `panic = "abort"`.
//!
//! Each is shown in a child: this test program again, with the name of one test and a word in its environment, or an
//! example of cease-unwind that a child cargo builds.
#![cfg(not(any(loom, shuttle)))]

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use cease_core::{SpawnFn, Stopped};
use cease_tests::process::{self, Ended};
use cease_unwind::{Unwind, UnwindStop};

/// Says to the child that it is one.
const ALONE: &str = "CEASE_UNWIND_ALONE";
const LIMIT: Duration = Duration::from_secs(60);
/// How long a small build may take on a machine that is busy.
const LIMIT_OF_A_BUILD: Duration = Duration::from_secs(600);
const SIGABRT: i32 = 6;

/// Runs the test called `test` in a process of its own; `redirect` is what a shell adds to the command.
fn run(test: &str, redirect: &str) -> Ended {
    let program = std::env::current_exe().unwrap();
    let script = format!("ulimit -c 0; exec \"$0\" --exact {test} --nocapture --test-threads=1 {redirect}");
    let ended = process::run(Command::new("sh").args(["-c", &script]).arg(program).env(ALONE, "1"), LIMIT).unwrap();
    assert!(ended.stdout.contains("running 1 test"), "{ended:?}");
    ended
}

fn is_child() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs `job` with its stop pending, and joins it.
fn stop(job: fn(&UnwindStop) -> Result<(), Stopped>) {
    let worker = Unwind::new().name("child").spawn_fn(move |stop| {
        stop.token().wait().unwrap();
        job(stop)
    });
    let worker = worker.unwrap();
    worker.stop_with("enough");
    assert!(worker.join().unwrap().as_stopped().is_some(), "it came out alive");
}

/// The child of the calling test is ended by SIGABRT, and says why.
fn assert_aborts(test: &str, why: &str) {
    let ended = run(test, "");
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended:?}");
    assert!(ended.stderr.contains(why), "{ended:?}");
}

/// Builds the example `abort` with `panic` set so, into a target directory of its own, and returns what it says.
fn example(panic: &str) -> String {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository");
    let ended = process::run(
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--locked", "--offline", "--no-default-features", "--target-dir", "target/abort"])
            .args(["--package", "cease-unwind", "--example", "abort"])
            .args(["--config", &format!("profile.dev.panic=\"{panic}\"")])
            .current_dir(top)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_RUSTFLAGS"),
        LIMIT_OF_A_BUILD,
    );
    let ended = ended.expect("cargo runs this test");
    assert!(ended.status.success(), "{ended:?}");
    ended.stdout
}

#[test]
fn a_destructor_that_panics_on_the_way_out_ends_the_process() {
    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }

    if is_child() {
        return stop(|stop| {
            let _panics = Panics;
            stop.check()
        });
    }
    assert_aborts("a_destructor_that_panics_on_the_way_out_ends_the_process", "panic in a destructor during cleanup");
}

#[test]
fn a_frame_of_c_on_the_way_out_ends_the_process() {
    extern "C" fn called_from_c() {
        cease_unwind::check();
    }

    if is_child() {
        return stop(|_| {
            called_from_c();
            Ok(())
        });
    }
    assert_aborts("a_frame_of_c_on_the_way_out_ends_the_process", "panic in a function that cannot unwind");
}

#[test]
fn a_frame_of_c_that_may_unwind_lets_the_stop_pass() {
    extern "C-unwind" fn called_from_c() {
        cease_unwind::check();
    }

    stop(|_| {
        called_from_c();
        Ok(())
    });
}

#[test]
fn a_stop_that_was_swallowed_is_one_line_on_standard_error() {
    if is_child() {
        return stop(|stop| {
            drop(catch_unwind(AssertUnwindSafe(|| stop.check())));
            stop.check()
        });
    }
    let test = "a_stop_that_was_swallowed_is_one_line_on_standard_error";
    let ended = run(test, "");
    assert!(ended.status.success(), "{ended:?}");
    let lines: Vec<_> = ended.stderr.lines().filter(|line| line.contains("swallowed")).collect();
    let [line] = lines[..] else { panic!("{ended:?}") };
    assert!(line.starts_with("worker `child`: a catch_unwind swallowed the stop that left at "), "{line}");
    assert!(line.contains("unwinding.rs:") && line.contains("requested: enough"), "{line}");

    let ended = run(test, "2>&-");
    assert!(ended.status.success(), "nobody is there to be told, and nothing comes of it: {ended:?}");
}

#[test]
fn neither_a_stop_nor_its_way_out_says_anything() {
    if is_child() {
        return stop(|stop| stop.check());
    }
    let ended = run("neither_a_stop_nor_its_way_out_says_anything", "");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn a_program_that_cannot_unwind_is_refused_at_start_and_has_the_job_back() {
    let why = "a job that is stopped by unwinding needs a program that was built with panic = \"unwind\"";
    let expected = [
        &*format!("could not start worker `post`: {why}"),
        "Unsupported",
        "handed back: precious",
        "Err(\"requested: enough\")",
    ];
    assert_eq!(example("abort").lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_same_program_runs_the_job_when_it_can_unwind() {
    let expected = ["started: Ok(Finished(\"precious\"))", "Err(\"requested: enough\")"];
    assert_eq!(example("unwind").lines().collect::<Vec<_>>(), expected);
}
