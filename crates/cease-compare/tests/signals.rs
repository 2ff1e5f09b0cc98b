//! The comparison as it is interrupted or killed: it leaves no process behind.
#![cfg(not(any(loom, shuttle)))]

mod runs;

use serde_json::Value;

use runs::{Run, children_of, wait_for};

/// A run whose first cell lasts for longer than any test.
const ENDLESS: [&str; 5] =
    ["--workload=sleep-loop,cpu-checked", "--trials=10000000", "--grace=60s", "--format=json", "--progress=never"];

/// A run whose only cell waits for hours for work that cannot be stopped.
const STUCK: [&str; 3] = ["--workload=cpu-unchecked", "--grace=1h", "--progress=never"];

#[test]
fn the_first_signal_ends_the_run_with_what_there_is() {
    for (name, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let run = Run::start(&ENDLESS);
        run.wait_for_cell();
        run.signal(name);
        let ended = run.end();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let json = ended.json();
        assert_eq!((&json["complete"], json["cells"].as_array().unwrap().len()), (&Value::from(false), 1));
        let cell = &json["cells"][0];
        assert_eq!((&cell["verdict"], &cell["error"]), (&"stopped".into(), &Value::Null), "the cell was not signalled");
    }
}

#[test]
fn the_second_signal_ends_the_run_at_once() {
    let run = Run::start(&STUCK);
    run.wait_for_cell();
    run.signal("INT");
    run.signal("TERM");
    let ended = run.end();
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (Some(143), "", ""));
}

#[test]
fn a_cell_dies_with_a_run_that_is_killed() {
    let mut run = Run::start(&STUCK);
    let cell = run.wait_for_cell();
    run.kill_and_wait_for(&[cell]);
}

#[test]
fn a_worker_in_a_process_dies_with_a_run_that_is_killed() {
    let mut run = Run::start(&[&STUCK[..], &["--strategy=process"]].concat());
    let cell = run.wait_for_cell();
    let worker = wait_for(|| children_of(cell).first().copied(), "no worker was started");
    run.kill_and_wait_for(&[cell, worker]);
}
