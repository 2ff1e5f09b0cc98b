//! A library worker started by a parent with a gibibyte of memory in use, beside one started by a small parent, and in each
//! containment; and a process killed and reaped in each containment, beside a bare SIGKILL and `waitid`.
//!
//! `cargo bench -p cease-process --bench worker -- [ROUNDS]`
//!
//! The rounds are interleaved: each has one start by either parent, in turn, and the figure is the median of the ratios
//! within a round, so that what the machine does meanwhile befalls both. So does each containment have one process in a round.
//! What has no cgroup looks at all processes of the machine, so their number stands beside the figures.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Job, Stopped, Strategy};
use cease_process::containment::{Containment, Enclosure, Kind};
use cease_process::pidfd::Leader;
use cease_process::tree::Tree;
use cease_process::{Process, RemoteJob};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

/// How much memory the large parent has in use.
const BALLAST: usize = 1 << 30;
/// Says to a process that it is a parent, and how many bytes it has in use.
const PARENT: &str = "CEASE_BENCH_PARENT";

/// A job that does nothing.
#[derive(Serialize, Deserialize)]
struct Nothing;

impl Job for Nothing {
    type Output = ();

    fn run<C: Checkpoint>(self, _stop: &C) -> Result<(), Stopped> {
        Ok(())
    }
}

impl RemoteJob for Nothing {
    const NAME: &'static str = "nothing";
}

fn main() {
    cease_process::init([cease_process::job::<Nothing>()]);
    if let Some(bytes) = std::env::var(PARENT).ok().and_then(|bytes| bytes.parse().ok()) {
        return start_when_told(bytes);
    }
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(300);
    let (mut small, mut large) = (Parent::start(0), Parent::start(BALLAST));
    // Whatever is done once only is done by now.
    (0..10).for_each(|_| _ = (small.time(), large.time()));
    let pairs: Vec<_> = (0..rounds)
        .map(|round| {
            // Who comes first has no part in it.
            if round % 2 == 0 {
                (small.time(), large.time())
            } else {
                let large = large.time();
                (small.time(), large)
            }
        })
        .collect();
    let ratios = pairs.iter().map(|(small, large)| large.as_secs_f64() / small.as_secs_f64());
    println!("\nfrom spawn to a job that runs, by the size of the parent, {rounds} interleaved rounds");
    print_row("a small parent", pairs.iter().map(|(small, _)| micros(*small)).collect(), "us");
    print_row(
        &format!("a parent with {} MiB in use", BALLAST >> 20),
        pairs.iter().map(|(_, large)| micros(*large)).collect(),
        "us",
    );
    print_row("the large one by the small one", ratios.collect(), "x");
    by_containment(rounds);
    kill_to_reaped(rounds);
}

/// From spawn until the job runs, and until it has returned and nothing is left.
fn by_containment(rounds: usize) {
    let all = [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group];
    let process = |kind| Process::new().containment(Containment::Require(kind));
    let kinds: Vec<_> = all.into_iter().filter(|kind| process(*kind).spawn(Nothing).is_ok()).collect();
    let mut times = vec![(Vec::new(), Vec::new()); kinds.len()];
    for _ in 0..rounds {
        for (kind, (begun, over)) in kinds.iter().zip(&mut times) {
            let began = Instant::now();
            let worker = process(*kind).spawn(Nothing).expect("it was had before");
            begun.push(micros(began.elapsed()));
            assert!(worker.join().expect("this is not its thread").into_finished().is_some());
            over.push(micros(began.elapsed()));
        }
    }
    println!("\nfrom spawn to a job that runs, and to its end, by containment, {rounds} interleaved rounds");
    for (kind, (begun, over)) in kinds.iter().zip(times) {
        print_row(&format!("to a job that runs in containment `{kind}`"), begun, "us");
        print_row(&format!("to its end in containment `{kind}`"), over, "us");
    }
}

/// From SIGKILL until the process is reaped, and nobody is left beside it.
fn kill_to_reaped(rounds: usize) {
    let can_be_had = |kind: &Kind| Enclosure::prepare(*kind).is_ok();
    let kinds: Vec<_> = [Kind::Cgroup, Kind::Descendants, Kind::Group].into_iter().filter(can_be_had).collect();
    let (mut bare, mut contained) = (Vec::new(), vec![Vec::new(); kinds.len()]);
    for _ in 0..rounds {
        bare.push(micros(time_bare_kill()));
        for (kind, times) in kinds.iter().zip(&mut contained) {
            times.push(micros(time_kill(*kind)));
        }
    }
    let entries = std::fs::read_dir("/proc").expect("it is mounted").flatten();
    let processes = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()));
    println!("\nfrom SIGKILL to reaped, {} processes on the machine, {rounds} interleaved rounds", processes.count());
    print_row("a bare SIGKILL and waitid", bare, "us");
    for (kind, times) in kinds.iter().zip(contained) {
        print_row(&format!("a tree in containment `{kind}`"), times, "us");
    }
}

/// A process that is up, and reads from the pipe until it is killed.
fn start_one() -> (Leader, Option<ChildStdin>) {
    let mut command = Command::new("sh");
    command.args(["-c", "echo up; read go"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let (leader, pipes) = Leader::spawn(&mut command, true).expect("it can be started");
    let mut stdout = BufReader::new(pipes.stdout.expect("it is piped")).lines();
    assert_eq!(next_line(&mut stdout), "up");
    (leader, pipes.stdin)
}

fn time_bare_kill() -> Duration {
    let (leader, _stdin) = start_one();
    let began = Instant::now();
    leader.signal(Signal::KILL).expect("it is a child");
    let _ = leader.wait_timeout(Duration::MAX);
    assert!(leader.reap().is_ok());
    began.elapsed()
}

fn time_kill(kind: Kind) -> Duration {
    let (leader, _stdin) = start_one();
    let enclosure = Enclosure::prepare(kind).expect("it was had before");
    enclosure.admit(&leader).expect("it was had before");
    enclosure.arm().expect("there are descriptors");
    let mut tree = Tree::new(leader, enclosure);
    let began = Instant::now();
    tree.kill().expect("it is a child");
    while !tree.wait(None, &[]).expect("it can be polled").leader_ended || !tree.survivors().is_empty() {}
    assert!(tree.reap().is_ok());
    began.elapsed()
}

/// A process that starts workers, and says how long each took.
struct Parent {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Parent {
    fn start(bytes: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        command.env(PARENT, bytes.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let stdin = child.stdin.take().expect("it is piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        assert_eq!(next_line(&mut stdout), "ready");
        Self { child, stdin, stdout }
    }

    /// Has it start one worker, and returns how long that took.
    fn time(&mut self) -> Duration {
        self.stdin.write_all(b"go\n").expect("it listens");
        Duration::from_nanos(next_line(&mut self.stdout).parse().expect("it is a number"))
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // It has no worker now, and is a child that is not reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of a parent: one worker for each line.
fn start_when_told(bytes: usize) {
    // Each page is written to, so that it is there.
    let ballast = vec![1_u8; bytes];
    println!("ready");
    for _ in std::io::stdin().lines() {
        let began = Instant::now();
        // It returns when the job begins.
        let worker = Process::new().env_remove(PARENT).spawn(Nothing).expect("it can be started");
        let took = began.elapsed();
        assert!(worker.join().expect("this is not its thread").into_finished().is_some());
        println!("{}", took.as_nanos());
    }
    drop(std::hint::black_box(ballast));
}

fn next_line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    lines.next().expect("it goes on").expect("it is text")
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Prints the median, and between what the middle half of all lies.
fn print_row(name: &str, mut values: Vec<f64>, unit: &str) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: usize| values[values.len() * part / 4];
    println!("{:>9.2} {unit}  ({:.2} to {:.2})  {name}", at(2), at(1), at(3));
}
