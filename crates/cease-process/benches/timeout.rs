//! `cease-timeout` beside GNU's `timeout` and beside nothing at all: interleaved rounds in one run, and the ratios of medians.
//!
//! `cargo bench -p cease-process --bench timeout -- [ROUNDS]`
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const OURS: &str = env!("CARGO_BIN_EXE_cease-timeout");
const GNU: &str = "/usr/bin/timeout";
const TRUE: &str = "/bin/true";

/// What is compared: a name, and the words.
type Row<'a> = (&'a str, Vec<&'a str>);

/// Says to a process that it is the one that kills by hand.
const BY_HAND: &str = "CEASE_BENCH_BY_HAND";

/// What is killed: the same process says that it is up and waits, for one on its way to be another would end sooner or later by
/// chance.
const WAITS: [&str; 3] = ["sh", "-c", "echo up; read go"];

fn main() {
    if std::env::var_os(BY_HAND).is_some() {
        return kill_by_hand();
    }
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(500);
    let gnu = Path::new(GNU).is_file();
    if !gnu {
        println!("skipped: there is no {GNU} to compare with");
    }
    whole_process(rounds, gnu);
    kill_to_reaped(rounds.min(300));
    a_large_parent(rounds.min(300));
}

/// The whole process, from its start until it is reaped, around a command that does nothing.
fn whole_process(rounds: usize, gnu: bool) {
    let mut rows: Vec<Row<'_>> = if gnu { vec![("GNU timeout", vec![GNU, "10", TRUE])] } else { Vec::new() };
    rows.push(("cease-timeout", vec![OURS, "10", TRUE]));
    rows.push(("cease-timeout --tree=sweep", vec![OURS, "--tree=sweep", "10", TRUE]));
    rows.push(("cease-timeout --tree=pidns", vec![OURS, "--tree=pidns", "10", TRUE]));
    rows.push(("the bare command", vec![TRUE]));
    let mut times = vec![Vec::new(); rows.len()];
    for _ in 0..rounds {
        for (row, times) in rows.iter().zip(&mut times) {
            let began = Instant::now();
            let status =
                Command::new(row.1[0]).args(&row.1[1..]).env("LC_ALL", "C").status().expect("it can be started");
            times.push(began.elapsed());
            assert!(status.success() || row.0.contains("pidns"), "{}", row.0);
        }
    }
    println!("\nwhole process around `true`, {rounds} interleaved rounds");
    let medians: Vec<_> = times.into_iter().map(median).collect();
    for (row, time) in rows.iter().zip(&medians) {
        print_row(row.0, *time, medians[0]);
    }
}

/// From KILL until the command is reaped: as `cease-timeout` reports it, and as another process does that does no more than that.
///
/// Both of them wait until they are told, so that they, what they kill and this one are on the processors in the same way.
fn kill_to_reaped(rounds: usize) {
    let kinds = ["cgroup", "sweep"].map(|kind| (kind, format!("--tree={kind}")));
    let own = std::env::current_exe().expect("it runs");
    let mut bare = Vec::new();
    let mut ours = vec![Vec::new(); kinds.len()];
    for _ in 0..rounds {
        let mut child = start(Command::new(&own).env(BY_HAND, ""));
        let mut input = child.stdin.take().expect("it is piped");
        input.write_all(b"go\n").expect("it listens");
        let nanos = text_of(&mut child).1.trim().parse().expect("it is a number");
        bare.push(Duration::from_nanos(nanos));
        for ((_, tree), times) in kinds.iter().zip(&mut ours) {
            let words = [tree, "--report=json", "-s", "KILL", "60"];
            let mut child = start(Command::new(OURS).args(words).args(WAITS));
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::ALARM).expect("it is not reaped");
            // Waiting would end its input, and with that the command.
            let _input = child.stdin.take();
            let (status, report) = text_of(&mut child);
            let report: serde_json::Value = serde_json::from_str(&report).expect("it is a document");
            // Where it cannot be had there is nothing to report.
            if let (Some(9), Some(seconds)) = (status.signal(), report["kill_to_reaped_s"].as_f64()) {
                times.push(Duration::from_secs_f64(seconds));
            }
        }
    }
    println!("\nfrom KILL until the command is reaped, {rounds} interleaved rounds");
    let base = median(bare);
    print_row("SIGKILL and waitid by hand", base, base);
    for ((kind, _), times) in kinds.iter().zip(ours).filter(|(_, times)| !times.is_empty()) {
        print_row(&format!("cease-timeout --tree={kind}"), median(times), base);
    }
}

/// What a large parent of `cease-timeout` costs: nothing, because nothing of it is copied.
fn a_large_parent(rounds: usize) {
    let time = || {
        let times = (0..rounds).map(|_| {
            let began = Instant::now();
            Command::new(OURS).args(["10", TRUE]).status().expect("it can be started");
            began.elapsed()
        });
        median(times.collect())
    };
    let small = time();
    let ballast = vec![1_u8; 1 << 30];
    let large = time();
    println!("\nwhole process, by the size of who starts it, {rounds} rounds each");
    print_row("a small one", small, small);
    print_row(&format!("one of {} MiB", ballast.len() >> 20), large, small);
}

/// The life of one that kills by hand: it starts a command, waits until it is told to, and says how long that took.
fn kill_by_hand() {
    let mut child = Command::new(WAITS[0]).args(&WAITS[1..]).stdin(Stdio::piped()).spawn().expect("it can be started");
    std::io::stdin().read_line(&mut String::new()).expect("it is told");
    let input = child.stdin.take();
    let began = Instant::now();
    child.kill().expect("it runs");
    child.wait().expect("it is a child");
    eprintln!("{}", began.elapsed().as_nanos());
    drop(input);
}

/// How it ended, and what it said on its standard error.
fn text_of(child: &mut Child) -> (ExitStatus, String) {
    let status = child.wait().expect("it is a child");
    let mut text = String::new();
    child.stderr.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    (status, text)
}

/// Starts a command that says when it is up.
fn start(command: &mut Command) -> Child {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
    let mut up = [0; 3];
    child.stdout.as_mut().expect("it is piped").read_exact(&mut up).expect("it says so");
    child
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn print_row(name: &str, time: Duration, base: Duration) {
    let ratio = time.as_secs_f64() / base.as_secs_f64();
    println!("{:>9.1} us  {ratio:>5.2}  {name}", time.as_secs_f64() * 1e6);
}
