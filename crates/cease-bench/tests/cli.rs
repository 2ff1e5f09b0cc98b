//! The measurement as a user runs it; no test here looks at how fast anything is.
#![cfg(not(any(loom, shuttle)))]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cease_tests::process::{self, Ended};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(300);
const BENCH: &str = env!("CARGO_BIN_EXE_cease-bench");

fn run(command: &mut Command) -> Ended {
    process::run(command, LIMIT).unwrap()
}

fn report(ended: &Ended) -> Value {
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["schema"], "cease.bench/1");
    report
}

#[test]
fn every_row_names_its_peers_and_their_ratios() {
    let report = report(&run(Command::new(BENCH).args(["--quick", "--rounds", "1", "--format", "json"])));
    assert_eq!(report["rounds"], 1);
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    let expected = [
        "poll/1-thread",
        "poll/2-threads",
        "poll/child-depth-8",
        "poll/any-of-3",
        "poll/channel-checkpoint",
        "poll/token-checkpoint",
        "create/source",
        "child/1-thread",
        "child/2-threads",
        "request/1e3",
        "request/1e5",
        "request/1e6",
        "request/1e6-stall",
        "bytes/child",
        "callback/register+drop",
        "callback/register+drop/boxed",
        "wake/blocking",
        "wake/descriptor",
        "wake/async-current-thread",
        "wake/async-multi-thread",
        "spawn+join",
        "unwind/happy-path",
        "unwind/happy-path/empty",
        "unwind/stop-depth-1",
        "unwind/stop-depth-10",
        "unwind/stop-depth-100",
        "trace/serial-loop",
        "trace/vector-loop",
        "trace/vector-loop/every-1024",
        "token/stop-to-exit",
        "token/blocking-stop-to-exit",
        "channel/stop-to-exit",
        "process/spawn-to-running",
        "process/pooled-round-trip",
        "process/kill-to-reaped",
    ];
    assert_eq!(names, expected);
    let cpp = report["notes"].as_array().unwrap().is_empty();
    for row in rows {
        let unit = if row["row"] == "bytes/child" { "B" } else { "ns" };
        assert!(row["ours"].as_f64().unwrap() > 0.0 && row["unit"] == unit, "{row}");
        let peers = row["peers"].as_object().unwrap();
        assert!(!peers.is_empty() || !cpp, "{row}");
        for name in peers.keys() {
            let ratio = row["ratio"][name].as_f64().unwrap();
            let spread = [0, 1].map(|end| row["spread"][name][end].as_f64().unwrap());
            assert!((spread[0]..=spread[1]).contains(&ratio), "{row}");
        }
        for (name, most) in row["targets"].as_object().unwrap() {
            let ratio = row["ratio"][name].as_f64().unwrap();
            assert_eq!(row["met"][name], ratio <= most.as_f64().unwrap(), "{row}");
        }
        if let Some(limit) = row.get("limit") {
            let within = row["ours"].as_f64().unwrap() <= limit["most"].as_f64().unwrap();
            assert_eq!(limit["met"], within, "{row}");
        }
    }
}

#[test]
fn a_row_that_does_not_exist_is_exit_4() {
    let ended = run(Command::new(BENCH).args(["--row", "nap"]));
    assert_eq!((ended.status.code(), &*ended.stdout), (Some(4), ""));
    assert_eq!(ended.stderr, "cease-bench: no row has `nap` in its name\n");
}

#[test]
fn no_rounds_are_exit_2() {
    let ended = run(Command::new(BENCH).args(["--rounds", "0"]));
    assert_eq!((ended.status.code(), &*ended.stdout), (Some(2), ""));
    assert!(ended.stderr.contains("--rounds <COUNT>"), "{}", ended.stderr);
}

#[test]
fn a_result_that_cannot_be_written_is_exit_74() {
    let ended = run(Command::new("sh").args(["-c", "exec \"$0\" --quick --row spawn > /dev/full", BENCH]));
    assert_eq!(ended.status.code(), Some(74));
    assert!(ended.stderr.contains("could not write the result"), "{}", ended.stderr);
}

/// Measures a row that has C++ among its peers, where `path` is all there is in the way of programs.
fn measure_callbacks(path: &Path, more: &[&str]) -> Ended {
    let row = ["--quick", "--rounds", "1", "--row", "callback/register+drop/boxed"];
    run(Command::new(BENCH).args(row).args(more).env("PATH", path))
}

/// An empty directory of this test run's own.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn without_a_cpp_compiler_a_note_says_so() {
    let nothing = directory("no-programs");
    let report = report(&measure_callbacks(&nothing, &["--format", "json"]));
    assert_eq!(report["notes"][0], "C++ was not measured: there is no C++ compiler (c++, g++)");
    assert_eq!(report["rows"][0]["peers"], Value::Object(serde_json::Map::new()));

    let ended = measure_callbacks(&nothing, &[]);
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("\nnote: C++ was not measured: there is no C++ compiler"), "{}", ended.stdout);
}

#[test]
fn with_a_broken_cpp_compiler_a_note_says_so() {
    let report =
        report(&measure_callbacks(&compiler("broken", "echo 'no such header' >&2; exit 3"), &["--format", "json"]));
    let note = "C++ was not measured: `c++` failed (exit status: 3): no such header";
    assert_eq!(report["notes"], serde_json::json!([note]));
}

#[test]
fn with_a_compiler_whose_program_does_not_work_a_note_says_so() {
    // What it "compiles" says nothing and ends.
    let makes_nothing = "while [ $# -gt 1 ]; do shift; done; echo '#!/bin/sh' > \"$1\"; /bin/chmod +x \"$1\"";
    let report = report(&measure_callbacks(&compiler("useless", makes_nothing), &["--format", "json"]));
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.starts_with("C++ was not measured: the program was compiled, but does not run: "), "{note}");
}

/// A directory with a C++ compiler that only does what `script` says.
fn compiler(name: &str, script: &str) -> PathBuf {
    let directory = directory(name);
    let path = directory.join("c++");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}
