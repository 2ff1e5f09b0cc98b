//! The measurement as a user runs it; no test here looks at how fast anything is.
#![cfg(not(any(loom, shuttle)))]

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
    let report = report(&run(Command::new(BENCH).args(["--quick", "--format", "json"])));
    let rows = report["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["row"].as_str().unwrap()).collect();
    let expected = [
        "poll/1-thread",
        "poll/2-threads",
        "poll/child-depth-8",
        "poll/any-of-3",
        "create/source",
        "child/1-thread",
        "child/2-threads",
        "request/1e3",
        "request/1e5",
        "request/1e6",
        "request/1e6-stall",
        "bytes/child",
        "wake/blocking",
        "wake/async-current-thread",
        "wake/async-multi-thread",
        "spawn+join",
    ];
    assert_eq!(names, expected);
    for row in rows {
        let unit = if row["row"] == "bytes/child" { "B" } else { "ns" };
        assert!(row["ours"].as_f64().unwrap() > 0.0 && row["unit"] == unit, "{row}");
        let peers = row["peers"].as_object().unwrap();
        assert!(!peers.is_empty(), "{row}");
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
fn a_result_that_cannot_be_written_is_exit_74() {
    let ended = run(Command::new("sh").args(["-c", "exec \"$0\" --quick --row spawn > /dev/full", BENCH]));
    assert_eq!(ended.status.code(), Some(74));
    assert!(ended.stderr.contains("could not write the result"), "{}", ended.stderr);
}
