//! The comparison as a user runs it: its result, its exit codes, and that it leaves no process behind.
#![cfg(not(any(loom, shuttle)))]

use std::fs;
use std::io::{self, PipeWriter, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a machine that is busy; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run that is killed and reaped at the latest when the test ends.
struct Run {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Run {
    fn start(arguments: &[&str]) -> Self {
        // Whoever runs the tests may ignore signals, `nohup` for instance, and a process inherits that.
        let program = ["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_cease")];
        Self::of(Command::new("env").args(program).args(arguments))
    }

    fn of(command: &mut Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        let mut run = Self::writing_to(command, writer);
        run.stdout = read_to_end(reader);
        run
    }

    /// Starts a command, in a process group of its own as a shell does; nobody reads its standard output.
    fn writing_to(command: &mut Command, stdout: PipeWriter) -> Self {
        let command = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        // The command would keep the writing end open here.
        command.stdout(Stdio::null());
        let stderr = read_to_end(child.stderr.take().unwrap());
        Self { child, stdout: read_to_end(io::empty()), stderr }
    }

    /// Waits for the end of the run, and of every process that it started: they share its standard error.
    fn end(mut self) -> Ended {
        let stderr = self.stderr.recv_timeout(PATIENCE).expect("the run, or a process of it, hangs");
        let stdout = self.stdout.recv_timeout(PATIENCE).expect("the run hangs");
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    /// Waits until a cell runs, and says which process it is.
    ///
    /// It counts once it is this program again: between fork and exec it is still in the process group of the run.
    fn wait_for_cell(&self) -> u32 {
        let started = Instant::now();
        let list = format!("/proc/{0}/task/{0}/children", self.child.id());
        loop {
            assert!(started.elapsed() < PATIENCE, "no cell was started");
            for cell in fs::read_to_string(&list).unwrap().split_whitespace() {
                let arguments = fs::read_to_string(format!("/proc/{cell}/cmdline")).unwrap_or_default();
                if arguments.contains("--run-one-cell") {
                    return cell.parse().unwrap();
                }
            }
            thread::yield_now();
        }
    }

    /// Sends a signal to the whole process group, as a terminal does, and waits until it was taken.
    fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} -- -{}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        // Of two that wait at the same moment, the second one can be handed over first.
        let started = Instant::now();
        while fs::read_to_string(format!("/proc/{}/status", self.child.id())).is_ok_and(|status| {
            status
                .lines()
                .filter_map(|line| line.strip_prefix("ShdPnd:"))
                .any(|pending| pending.trim() != "0000000000000000")
        }) {
            assert!(started.elapsed() < PATIENCE, "{name} waits");
            thread::yield_now();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both only fail when the child was reaped before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The result, which is all that was written to the standard output.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it ended with `code` and said why in one line.
    fn failed_with(&self, code: i32, why: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("cease: ") && self.stderr.contains(why), "{self:?}");
    }
}

/// Reads all that a pipe yields, on a thread of its own; a result means that nobody holds its other end any more.
fn read_to_end(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        let _ = tell.send(text);
    });
    told
}

fn run(arguments: &[&str]) -> Ended {
    Run::start(arguments).end()
}

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
        "--strategy=flag,channel,unwind,trace,token,abandon",
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
    let all = ["flag", "channel", "unwind", "trace", "token", "abandon"]
        .map(|strategy| ["sleep-loop", "hash-files", "cpu-checked"].map(|work| [strategy, work]));
    assert_eq!(cells.iter().map(names).collect::<Vec<_>>(), all.concat());
    for cell in cells {
        assert_eq!((&cell["verdict"], &cell["expected"]), (&"stopped".into(), &"stopped".into()));
        assert_eq!((&cell["as_expected"], &cell["trials"]), (&Value::from(true), &Value::from(5)));
        assert_eq!(cell["left_behind"], serde_json::json!({ "threads": [], "descriptors": [] }));
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
        assert_eq!(cell["left_behind"], serde_json::json!({ "threads": [], "descriptors": [] }));
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
fn the_table_ends_with_the_summary() {
    let ended = run(&SHORT);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let last = ended.stdout.lines().last().unwrap();
    assert!(last.starts_with("1 cell: 1 stopped; all as expected, in "), "{ended:?}");
    assert!(ended.stdout.contains("\n stopped  flag      sleep-loop"), "{ended:?}");
}

#[test]
fn a_verdict_that_differs_is_named_with_the_way_to_see_it_again() {
    let wrong = file("wrong.txt", "flag sleep-loop corrupt # never");
    let again = format!(
        "cease --strategy flag --workload sleep-loop --trials 3 --grace 1m --seed 1 --input . --expected {wrong}"
    );
    let ended = run(&[&SHORT[..], &["--expected", &wrong]].concat());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("flag × sleep-loop: expected corrupt, saw stopped\n"), "{ended:?}");
    assert!(ended.stdout.contains(&again), "{ended:?}");

    let ended = run(&[&SHORT[..], &["--format=json", "--expected", &wrong]].concat());
    assert_eq!((ended.code, &ended.json()["cells"][0]["as_expected"]), (Some(1), &Value::from(false)));
    assert!(ended.stderr.contains("expected corrupt, saw stopped; again: cease "), "{ended:?}");
}

#[test]
fn a_worker_that_outlasts_its_grace_is_not_stopped() {
    let ended = run(&["--workload=sleep-loop", "--trials=3", "--grace=1ns", "--format=json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_ne!(ended.json()["cells"][0]["verdict"], "stopped");
}

#[test]
fn what_is_of_no_use_is_said_in_one_line() {
    let known = "known: flag, channel, unwind, trace, token, abandon, abort";
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
    run.child.kill().unwrap();
    assert_eq!(run.child.wait().unwrap().code(), None);
    run.stderr.recv_timeout(PATIENCE).expect("the cell lives on");
    // It closed what it shares with the test; the last moments of its end are waited for here.
    let started = Instant::now();
    while fs::read_to_string(format!("/proc/{cell}/stat")).is_ok_and(|stat| !stat.contains(") Z")) {
        assert!(started.elapsed() < PATIENCE, "the cell lives on");
        thread::yield_now();
    }
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
