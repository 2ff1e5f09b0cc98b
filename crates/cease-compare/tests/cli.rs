//! The comparison as a user runs it: its result and its exit codes.
#![cfg(not(any(loom, shuttle)))]

mod runs;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use runs::{Run, run};

/// A file with `text`, in the directory that cargo gives to tests.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// A run of one short cell that is stopped in time, however busy the machine is.
const SHORT: [&str; 8] =
    ["--strategy=flag", "--workload", "sleep-loop", "--trials", "3", "--grace", "60s", "--progress=never"];

#[test]
fn work_that_checks_is_stopped_and_measured() {
    let ended = run(&[
        "--strategy=flag,channel,unwind,trace,token,process,abandon",
        "--workload=sleep-loop,hash-files,cpu-checked",
        "--trials=5",
        "--grace=60s",
        "--format=json",
        "--seed=7",
    ]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["schema"], "cease.compare/1");
    assert_eq!((&json["complete"], &json["args"]["seed"]), (&Value::from(true), &Value::from(7)));
    assert_eq!(json["args"]["patience_ns"], 240_000_000_000_u64);
    assert!(json["environment"]["rustc"].as_str().unwrap().starts_with("rustc "));
    let cells = json["cells"].as_array().unwrap();
    let names = |cell: &Value| ["strategy", "workload"].map(|name| cell[name].as_str().unwrap().to_owned());
    let all = ["flag", "channel", "unwind", "trace", "token", "process", "abandon"]
        .map(|strategy| ["sleep-loop", "hash-files", "cpu-checked"].map(|work| [strategy, work]));
    assert_eq!(cells.iter().map(names).collect::<Vec<_>>(), all.concat());
    for cell in cells {
        assert_eq!((&cell["verdict"], &cell["expected"]), (&"stopped".into(), &"stopped".into()));
        assert_eq!((&cell["as_expected"], &cell["trials"]), (&Value::from(true), &Value::from(5)));
        assert_eq!(cell["left_behind"], nothing_left());
        assert_eq!((&cell["error"], &cell["work_after_request"]), (&Value::Null, &Value::Null));
        let samples = |name: &str| -> Vec<u64> {
            cell[name]["samples"].as_array().unwrap().iter().map(|sample| sample.as_u64().unwrap()).collect()
        };
        let (noticed, gone) = (samples("noticed_ns"), samples("gone_ns"));
        assert_eq!((noticed.len(), gone.len()), (5, 5));
        assert!(noticed.iter().zip(&gone).all(|(noticed, gone)| noticed <= gone), "{cell}");
        assert_eq!(cell["gone_ns"]["max"].as_u64(), gone.iter().copied().max());
    }
}

#[test]
fn work_that_never_checks_is_ignored_and_accounted_for_and_the_run_ends() {
    let ended = run(&["--strategy=flag", "--workload=cpu-unchecked", "--quick", "--grace=50ms", "--format=json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cell = &ended.json()["cells"][0];
    assert_eq!((&cell["verdict"], &cell["trials"]), (&"ignored".into(), &Value::from(1)));
    let left = &cell["left_behind"]["threads"][0];
    assert_eq!((&left["name"], &left["state"]), (&"flag".into(), &"R".into()));
    let doing = left["doing"].as_str().unwrap();
    assert!(doing.starts_with("spinning: ") || doing == "running", "{doing}, on a busy machine the latter");
    assert!(cell["work_after_request"].as_u64().unwrap() > 0, "a second of work was seen: {cell}");
    assert_eq!((&cell["noticed_ns"], &cell["gone_ns"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_task_is_stopped_by_asking_and_by_dropping_it() {
    let ended = run(&["--strategy=token,abort", "--workload=tokio-task", "--trials=5", "--grace=60s", "--format=json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cells = &ended.json()["cells"];
    for cell in [&cells[0], &cells[1]] {
        assert_eq!((&cell["verdict"], &cell["trials"]), (&"stopped".into(), &Value::from(5)));
        assert_eq!(cell["left_behind"], nothing_left());
    }
    assert!(cells[0]["noticed_ns"].is_object(), "what is dropped notices nothing, as a rule: {cells}");
}

#[test]
fn what_a_strategy_cannot_run_is_shown_and_not_run() {
    let cells = ["--strategy=flag,abort", "--workload=sleep-loop,tokio-task", "--trials=3", "--grace=60s"];
    let ended = run(&[&cells[..], &["--format=json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json = ended.json();
    let verdicts: Vec<_> = json["cells"].as_array().unwrap().iter().map(|cell| cell["verdict"].clone()).collect();
    assert_eq!(verdicts, ["stopped", "n/a", "n/a", "stopped"]);
    let cell = &json["cells"][1];
    assert_eq!((&cell["expected"], &cell["trials"], &cell["error"]), (&"n/a".into(), &0.into(), &Value::Null));

    let ended = run(&cells);
    assert!(ended.stdout.contains("\n n/a      flag      tokio-task"), "{ended:?}");
    assert!(ended.stdout.lines().last().unwrap().starts_with("4 cells: 2 n/a, 2 stopped; all as expected, in "));
}

#[test]
fn what_is_expected_not_to_run_and_runs_differs_and_so_does_the_reverse() {
    let other = file("n-a.txt", "flag sleep-loop n/a\nabort sleep-loop stopped");
    let cells = ["--strategy=flag,abort", "--workload=sleep-loop", "--trials=3", "--grace=60s", "--expected", &other];
    let ended = run(&cells);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("flag × sleep-loop: expected n/a, saw stopped\n"), "{ended:?}");
    assert!(ended.stdout.contains("abort × sleep-loop: expected stopped, saw n/a\n"), "{ended:?}");
}

#[test]
fn work_that_is_let_go_of_is_abandoned_and_accounted_for_and_the_run_ends() {
    let ended = run(&["--strategy=abandon", "--workload=cpu-unchecked", "--quick", "--grace=50ms", "--format=json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let cell = &ended.json()["cells"][0];
    assert_eq!((&cell["verdict"], &cell["trials"]), (&"abandoned".into(), &Value::from(1)));
    assert_eq!(cell["left_behind"]["threads"][0]["name"], "abandon");
    assert!(cell["work_after_request"].as_u64().unwrap() > 0, "half a second of work was seen: {cell}");
    assert_eq!((&cell["noticed_ns"], &cell["gone_ns"]), (&Value::Null, &Value::Null));
}

#[test]
fn work_that_never_checks_is_killed_in_a_process_and_nothing_of_it_is_left() {
    let cells = ["--strategy=process", "--workload=cpu-unchecked,tokio-task", "--trials=3", "--grace=1s"];
    let ended = run(&[&cells[..], &["--format=json"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json = ended.json();
    let cell = &json["cells"][0];
    assert_eq!((&cell["verdict"], &cell["as_expected"]), (&"killed".into(), &Value::from(true)));
    assert_eq!(cell["left_behind"], nothing_left());
    assert_eq!((&cell["noticed_ns"], &cell["work_after_request"]), (&Value::Null, &Value::Null));
    assert!(cell["gone_ns"]["p50"].as_u64().unwrap() >= 2_000_000_000, "first it is asked, for so long: {cell}");
    assert_eq!(json["cells"][1]["verdict"], "n/a", "a task does not travel");
}

#[test]
fn the_table_ends_with_the_summary() {
    let ended = run(&SHORT);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let last = ended.stdout.lines().last().unwrap();
    assert!(last.starts_with("1 cell: 1 stopped; all as expected, in "), "{ended:?}");
    assert!(ended.stdout.contains("\n stopped  flag      sleep-loop"), "{ended:?}");
}

#[test]
fn without_a_terminal_each_cell_that_is_done_has_a_line_on_standard_error() {
    let ended = run(&["--strategy=flag", "--workload=sleep-loop", "--trials=1", "--grace=60s"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.starts_with("flag × sleep-loop: stopped, gone within "), "{ended:?}");
    assert!(ended.stderr.ends_with(" (1 trial)\n") && ended.stderr.lines().count() == 1, "{ended:?}");
}

#[test]
fn a_verdict_that_differs_is_named_with_the_way_to_see_it_again() {
    let wrong = file("wrong.txt", "flag sleep-loop killed # never");
    let again = format!(
        "cease --strategy flag --workload sleep-loop --trials 3 --grace 1m --seed 1 --input . --expected {wrong}"
    );
    let ended = run(&[&SHORT[..], &["--expected", &wrong]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("flag × sleep-loop: expected killed, saw stopped\n"), "{ended:?}");
    assert!(ended.stdout.contains(&again), "{ended:?}");

    let ended = run(&[&SHORT[..], &["--format=json", "--expected", &wrong]].concat());
    assert_eq!((ended.code, &ended.json()["cells"][0]["as_expected"]), (Some(1), &Value::from(false)));
    assert!(ended.stderr.contains("expected killed, saw stopped; again: cease "), "{ended:?}");
    assert!(ended.stdout.ends_with("}\n"), "the document is a line");

    let output = file("differs.txt", "");
    let ended = run(&[&SHORT[..], &["--output", &output, "--expected", &wrong]].concat());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("expected killed, saw stopped; again: cease "), "{ended:?}");
    assert!(fs::read_to_string(output).unwrap().contains("flag × sleep-loop: expected killed, saw stopped\n"));
}

#[test]
fn a_worker_that_outlasts_its_grace_is_not_stopped() {
    let ended = run(&["--workload=sleep-loop", "--trials=3", "--grace=1ns", "--format=json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_ne!(ended.json()["cells"][0]["verdict"], "stopped");
}

#[test]
fn what_is_of_no_use_is_said_in_one_line() {
    let known = "known: flag, channel, unwind, trace, token, process, abandon, abort";
    run(&["--strategy", "flog"]).failed_with(2, &format!("unknown strategy `flog`; {known}"));
    run(&["--workload", "sleep-loop,nap"]).failed_with(2, "unknown workload `nap`; known: sleep-loop, hash-files");
    for grace in ["-1s", "0s", "soon", "99999999999999999999s", "99999999999999999999999999s"] {
        run(&["--grace", grace]).failed_with(2, &format!("invalid value '{grace}' for '--grace <TIME>'"));
    }
    run(&["--trials", "0"]).failed_with(2, "invalid value '0' for '--trials <N>'");
    run(&["--seed", "-1"]).failed_with(2, "invalid value '-1' for '--seed <N>'");
    run(&["--frobnicate"]).failed_with(2, "unexpected argument '--frobnicate'");
    run(&["--input", "/nowhere"]).failed_with(2, "cannot read `/nowhere`: No such file");
    run(&["--expected", "/nowhere"]).failed_with(2, "cannot read `/nowhere`: No such file");
    run(&["--output", "/nowhere/at/all"]).failed_with(2, "cannot write `/nowhere/at/all`: No such file");
    run(&["--expected", &file("short.txt", "flag sleep-loop stopped")])
        .failed_with(2, "no verdict is expected of flag × ");
    run(&["--workload", ""]).failed_with(4, "nothing selected");
}

#[test]
fn a_result_that_cannot_be_written_is_said_in_one_line() {
    run(&[&SHORT[..], &["--output", "/dev/full"]].concat()).failed_with(74, "cannot write the result to `/dev/full`");

    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cease"));
    let ended = Run::writing_to(command.args(SHORT), writer).end();
    ended.failed_with(74, "cannot write the result to the standard output");
}

#[test]
fn a_cell_whose_process_cannot_be_started_has_failed() {
    let few = format!("ulimit -n 5; exec {} --quick --workload sleep-loop", env!("CARGO_BIN_EXE_cease"));
    let ended = Run::of(Command::new("sh").args(["-c", &few])).end();
    assert_eq!(ended.code, Some(70), "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("Too many open files"), "{ended:?}");
}

/// What a cell says that has left nothing behind.
fn nothing_left() -> Value {
    serde_json::json!({ "threads": [], "descriptors": [], "processes": [] })
}

#[test]
fn help_and_list_tell_what_there_is() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for word in ["Exit codes:", "Verdicts:", "Examples:", "129, 130, 143", "--workload", "--seed"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    let list = run(&["--list", "--workload", "hash-files"]);
    assert_eq!(list.code, Some(0));
    assert!(list.stdout.contains("; loom sees the real code over a stand-in\n"), "{list:?}");
    assert!(list.stdout.contains("hash-files     SHA-256") && !list.stdout.contains("sleep-loop"), "{list:?}");
}
