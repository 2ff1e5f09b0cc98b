//! The cases that every strategy's binary is held to, each run as a user would run it.
//!
//! A binary's `tests/cli.rs` is one call of [`crate::cases!`], so that siblings are held to the same.
//! A case that fails panics, as a test does, and leaves no process behind.
//! No case measures how fast anything is: a count is asserted only where the tie rule or the clock forces it.

mod process;

use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::Value;

use process::Stream::{Stderr, Stdout};
use process::{Run, full_socket};

/// Holds a binary to every case: one test per case.
///
/// ```text
/// cease_demo::cases!(env!("CARGO_BIN_EXE_cease-flag"));
/// ```
#[macro_export]
macro_rules! cases {
    ($program:expr) => {
        $crate::cases! {
            @with $program;
            class_and_function_print_the_same
            a_worker_that_cannot_be_started_is_exit_70
        }
    };
    (@with $program:expr; $($own:ident)*) => {
        $crate::cases! {
            @each $program;
            a_stop_between_two_lines_prints_the_lower_number
            a_line_due_with_the_stop_is_printed
            json_is_one_document_on_stdout
            bad_usage_is_one_line_and_exit_2
            help_tells_the_exit_codes
            a_closed_stdout_stops_the_run_with_exit_74
            a_full_disk_stops_the_run_with_exit_74
            the_first_signal_stops_it_well
            the_second_signal_leaves_at_once
            a_worker_that_does_not_end_is_named_with_exit_3
            $($own)*
        }
    };
    (@each $program:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::cases::$case($program);
            }
        )*
    };
}

/// Holds the binary of a strategy whose jobs travel to every case but the one about a closure, which does not travel.
///
/// ```text
/// cease_demo::travelling_cases!(env!("CARGO_BIN_EXE_cease-process"));
/// ```
#[macro_export]
macro_rules! travelling_cases {
    ($program:expr) => {
        $crate::cases! {
            @with $program;
            a_function_is_refused_with_exit_2
            a_worker_that_cannot_be_started_is_exit_70
        }
    };
}

/// Holds the binary of a strategy whose jobs wait for a thread of a pool to every case but the one about a worker that
/// cannot be started, because such a worker waits.
///
/// ```text
/// cease_demo::pooled_cases!(env!("CARGO_BIN_EXE_cease-token"));
/// ```
#[macro_export]
macro_rules! pooled_cases {
    ($program:expr) => {
        $crate::cases! {
            @with $program;
            class_and_function_print_the_same
            a_worker_that_gets_no_thread_waits_and_is_stopped
        }
    };
}

/// The article's lower number: the stop comes before the second line.
pub fn a_stop_between_two_lines_prints_the_lower_number(program: &str) {
    let ended = Run::start(program, &["--interval", "1h", "--stop-after", "50ms", "--workers", "2"]).finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let (first, second) = (worker(program, 1), worker(program, 2));
    let count = |line: &str| ended.stdout.lines().filter(|printed| *printed == line).count();
    for name in [&first, &second] {
        assert_eq!(count(&format!("{name}: started")), 1, "{}", ended.stdout);
        assert_eq!(count(&format!("{name}: #1")), 1, "{}", ended.stdout);
    }
    assert!(!ended.stdout.contains("#2"), "{}", ended.stdout);
    for part in ["stop asked at ", " ms (requested: stop-after is over)", "stopped", "noticed at", "gone at", "total"] {
        assert!(ended.stdout.contains(part), "no {part:?} in:\n{}", ended.stdout);
    }
}

/// The article's higher number: a line and the stop are due in the same moment.
pub fn a_line_due_with_the_stop_is_printed(program: &str) {
    let args = ["--interval", "250ms", "--stop-after", "250ms", "--workers", "3", "--format", "json"];
    let ended = Run::start(program, &args).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = ended.json();
    assert!(number(&report, "asked_ns") >= 250_000_000, "{report}");
    let workers = report["workers"].as_array().expect("it is a list");
    assert_eq!(workers.len(), 3);
    for row in workers {
        let most = number(row, "noticed_ns") / 250_000_000 + 1;
        assert!((2..=most).contains(&number(row, "lines")), "{report}");
    }
}

/// The schema, the order of the times, and the purity of stdout.
pub fn json_is_one_document_on_stdout(program: &str) {
    let args = ["--interval", "1h", "--stop-after", "20ms", "--workers", "2", "--format", "json"];
    let ended = Run::start(program, &args).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let report = ended.json();
    assert_eq!(report["schema"], "cease.demo/1");
    assert_eq!(report["strategy"], strategy(program));
    assert_eq!(report["job"], "class");
    assert_eq!(report["reason"], "requested: stop-after is over");
    assert_eq!(report["interval_ns"], 3_600_000_000_000_u64);
    assert_eq!(report["stop_after_ns"], 20_000_000);
    assert_eq!(report["lines"], 2);
    for (index, row) in report["workers"].as_array().expect("it is a list").iter().enumerate() {
        let name = worker(program, index + 1);
        assert!(ended.stderr.contains(&format!("{name}: #1\n")), "{}", ended.stderr);
        assert_eq!((&row["name"], &row["lines"], &row["exit"]), (&name.into(), &1.into(), &"stopped".into()));
        let times = [number(&report, "asked_ns"), number(row, "noticed_ns"), number(row, "gone_ns")];
        assert!(times.is_sorted(), "{report}");
    }
}

/// A struct and a closure have one body.
pub fn class_and_function_print_the_same(program: &str) {
    let printed = |job: &str| {
        let ended = Run::start(program, &["--interval", "1h", "--stop-after", "0s", job]).finish();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let end = ended.stdout.find("stop asked at").expect("there is a summary");
        ended.stdout[..end].to_owned()
    };
    assert_eq!(printed("--class"), printed("--function"));
    let report = Run::start(program, &["--stop-after", "0s", "--function", "--format", "json"]).finish().json();
    assert_eq!(report["job"], "function");
}

/// A closure does not travel to another process.
pub fn a_function_is_refused_with_exit_2(program: &str) {
    let ended = Run::start(program, &["--stop-after", "0s", "--function"]).finish();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    ended.assert_one_line("does not travel");
}

/// Every mistake is told in one line that names it.
pub fn bad_usage_is_one_line_and_exit_2(program: &str) {
    let mistakes: &[(&[&str], &str)] = &[
        (&["--workers", "0"], "--workers"),
        (&["--workers", "-1"], "--workers"),
        (&["--workers", "99999999999"], "--workers"),
        (&["--interval=-1s"], "negative"),
        (&["--interval", "-1s"], "negative"),
        (&["--interval", "0s"], "zero"),
        (&["--interval", "x"], "--interval"),
        (&["--interval", "3"], "--interval"),
        (&["--interval", "99999999999999999999s"], "too long"),
        (&["--stop-after", "999999999999999y"], "too long"),
        (&["--grace"], "--grace"),
        (&["--format", "xml"], "json"),
        (&["--function", "--class"], "--class"),
        (&["--no-such-flag"], "--no-such-flag"),
        (&["stray"], "stray"),
    ];
    for (args, word) in mistakes {
        let ended = Run::start(program, args).finish();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{args:?}");
        ended.assert_one_line(word);
    }
}

/// `-h` is short, `--help` has examples and every exit code, and both say what the binary is called.
pub fn help_tells_the_exit_codes(program: &str) {
    let [short, long] = ["-h", "--help"].map(|flag| Run::start(program, &[flag]).finish());
    for help in [&short, &long] {
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains(&format!("Usage: cease-{} ", strategy(program))), "{}", help.stdout);
    }
    assert!(short.stdout.len() < long.stdout.len());
    let (_, codes) = long.stdout.split_once("Exit codes:").expect("they are documented");
    for code in ["0", "2", "3", "70", "74", "129", "130", "143"] {
        assert!(codes.split([' ', ',', '\n']).any(|word| word == code), "no {code} in:\n{codes}");
    }
    assert!(long.stdout.contains("Examples:"));
}

/// Nobody reads the result, and the run would take an hour.
pub fn a_closed_stdout_stops_the_run_with_exit_74(program: &str) {
    for args in
        [&["--stop-after", "1h", "--workers", "3"][..], &["--stop-after", "0s", "--format", "json"], &["--help"]]
    {
        let (reader, writer) = io::pipe().expect("a pipe can be made");
        drop(reader);
        let ended = Run::start_onto(writer.into(), program, args).finish();
        assert_eq!(ended.code, Some(74), "{args:?}: {}", ended.stderr);
        let (progress, last) = ended.last_line();
        assert!(last.contains("Broken pipe"), "{last}");
        assert_eq!(progress.is_empty(), !args.contains(&"json"), "{progress}");
    }
}

/// The result has no room, and the run would take an hour.
pub fn a_full_disk_stops_the_run_with_exit_74(program: &str) {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let ended = Run::start_onto(full.into(), program, &["--stop-after", "1h"]).finish();
    assert_eq!(ended.code, Some(74), "{}", ended.stderr);
    ended.assert_one_line("No space left");
}

/// Ctrl-C once: the run ends as it should, an hour early.
pub fn the_first_signal_stops_it_well(program: &str) {
    for (signal, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let mut run = Run::start(program, &["--interval", "1h", "--stop-after", "1h", "--workers", "2"]);
        run.wait_for(Stdout, "#1");
        run.signal(signal);
        let ended = run.finish();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.assert_one_line(&format!("stopping on signal {number}"));
        assert!(ended.stdout.contains(&format!("(signal {number} (SIG{signal}))")), "{}", ended.stdout);
        assert!(ended.stdout.contains("total"), "{}", ended.stdout);
    }
}

/// Ctrl-C twice, while the result waits for a reader that has stalled.
pub fn the_second_signal_leaves_at_once(program: &str) {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let (_stalled, writer) = full_socket();
        let mut run = Run::start_onto(writer, program, &["--stop-after", "1h", "--format", "json"]);
        run.wait_for(Stderr, "#1");
        run.signal(signal);
        run.wait_for(Stderr, "stopping on signal");
        run.signal(signal);
        let ended = run.finish();
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    }
}

/// A line that waits for a reader that has stalled is not a checkpoint.
pub fn a_worker_that_does_not_end_is_named_with_exit_3(program: &str) {
    let (_stalled, writer) = full_socket();
    let ended = Run::start_onto(writer, program, &["--stop-after", "0s", "--grace", "10ms"]).finish();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    ended.assert_one_line(&format!("still running 10ms after the stop: {}", worker(program, 1)));
}

/// The same with a strategy that lets go of it: the worker is over for whoever waits, and still runs.
///
/// It is for such strategies alone, and so is not one of [`crate::cases!`].
pub fn a_worker_that_was_let_go_of_is_named_with_exit_3(program: &str) {
    let (_stalled, writer) = full_socket();
    let ended = Run::start_onto(writer, program, &["--stop-after", "0s", "--grace", "1h"]).finish();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    let told = format!("let go of, and may still run: {}\n", worker(program, 1));
    let (_, account) = ended.stderr.split_once(&told).unwrap_or_else(|| panic!("{}", ended.stderr));
    let left = format!("left behind: `{}` (thread ", strategy(program));
    assert!(account.contains(&left), "{account}");
    assert!(account.contains("requested: stop-after is over") && account.contains("blocked in write"), "{account}");
}

/// The address space has room for some stacks, and not for all.
pub fn a_worker_that_cannot_be_started_is_exit_70(program: &str) {
    let script = "ulimit -v 1200000 && RUST_MIN_STACK=268435456 exec \"$0\" \"$@\"";
    let args = ["-c", script, program, "--workers", "100", "--interval", "1h", "--stop-after", "1h"];
    let ended = Run::start("sh", &args).finish();
    assert_eq!(ended.code, Some(70), "{}", ended.stderr);
    ended.assert_one_line("could not start worker");
    ended.assert_one_line("os error");
    assert!(ended.stdout.contains(&format!("{}: started", worker(program, 1))), "{}", ended.stdout);
    assert!(!ended.stdout.contains("total"), "{}", ended.stdout);
}

/// The same limit, where the workers that get no thread wait for one: the stop ends them with the others.
pub fn a_worker_that_gets_no_thread_waits_and_is_stopped(program: &str) {
    let script = "ulimit -v 1200000 && RUST_MIN_STACK=268435456 exec \"$0\" \"$@\"";
    let args = ["-c", script, program, "--workers", "20", "--interval", "1h", "--stop-after", "100ms"];
    let ended = Run::start("sh", &args).finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{}", ended.stdout);
    assert!(ended.stdout.contains(&format!("{}: #1", worker(program, 1))), "{}", ended.stdout);
    assert!(!ended.stdout.contains(&format!("{}: #1", worker(program, 20))), "{}", ended.stdout);
    let stopped = ended.stdout.lines().filter(|line| line.contains(" stopped ")).count();
    assert_eq!(stopped, 20, "{}", ended.stdout);
}

/// The strategy of a binary, by its name.
fn strategy(program: &str) -> &str {
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).expect("a binary has a name");
    name.strip_prefix("cease-").expect("binaries are called after their strategy")
}

/// What a binary calls its worker `number`.
fn worker(program: &str, number: usize) -> String {
    format!("{}-{number}", strategy(program))
}

/// The integer called `name`.
fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("no integer {name} in {object}"))
}
