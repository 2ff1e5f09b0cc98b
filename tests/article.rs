//! The article's scenario under every strategy: a ticker that holds a critical resource, stopped by an event, and what it
//! leaves. In a process it is the same ticker, which has travelled.
#![cfg(not(any(loom, shuttle)))]

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use cease_abandon::Abandon;
use cease_channel::Channel;
use cease_core::{Checkpoint, Contract, Exit, Job, Reason, SpawnError, SpawnFn, StopSource, Stopped, Strategy, Worker};
use cease_flag::Flag;
use cease_process::{Process, Progress, RemoteJob};
use cease_tests::process;
use cease_tests::repo::Repo;
use cease_token::Token;
use cease_trace::Trace;
use cease_unwind::Unwind;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

const LIMIT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(1);
/// How many lines the main thread waits for before it sets the event.
const ENOUGH: usize = 5;
const ROUNDS: usize = 20;
const ALONE: &str = "CEASE_ARTICLE_ALONE";

/// The critical resource: a file of records, closed by a trailer that says how many there are.
struct Records {
    file: File,
    written: u64,
}

impl Records {
    fn create(path: &Path) -> Self {
        Self { file: File::create(path).expect("the directory exists"), written: 0 }
    }

    /// Writes the next record, in two parts: who is stopped between them leaves half a record.
    fn write(&mut self) -> u64 {
        let (number, check) = record(self.written);
        self.file.write_all(number.as_bytes()).expect("there is room on the disk");
        self.file.write_all(check.as_bytes()).expect("there is room on the disk");
        self.written += 1;
        self.written - 1
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        let closed = writeln!(self.file, "{} records", self.written).and_then(|()| self.file.sync_all());
        closed.expect("there is room on the disk");
    }
}

/// The two parts of record `number`.
fn record(number: u64) -> (String, String) {
    (format!("{number:>10} "), format!("{:>10}\n", number ^ 0x5555))
}

/// The number of whole records in `text`, or what is damaged.
fn audit(text: &str) -> Result<u64, String> {
    let Some(end) = text.strip_suffix(" records\n").map(|text| text.rfind('\n').map_or(0, |end| end + 1)) else {
        return Err("it was not closed".into());
    };
    let (records, trailer) = text.split_at(end);
    let count = (0..).zip(records.split_inclusive('\n')).try_fold(0, |count, (number, line)| {
        let (first, second) = record(number);
        if line == first + &second { Ok(count + 1) } else { Err(format!("record {number} is {line:?}")) }
    })?;
    if trailer == format!("{count} records\n") { Ok(count) } else { Err(format!("{count} records, but {trailer:?}")) }
}

/// The article's class: opens the file where it runs, writes a line each interval, and says so.
#[derive(Serialize, Deserialize)]
struct Ticker {
    path: PathBuf,
    /// To the main thread, where that is in the same process.
    #[serde(skip)]
    written: Option<Sender<u64>>,
}

impl Job for Ticker {
    type Output = ();

    fn run<C: Checkpoint>(self, stop: &C) -> Result<(), Stopped> {
        let mut records = Records::create(&self.path);
        loop {
            let number = records.write();
            // Nobody listens any more once the main thread has heard enough.
            let _ = cease_process::progress(&number);
            let _ = self.written.as_ref().map(|written| written.send(number));
            stop.sleep(INTERVAL)?;
        }
    }
}

impl RemoteJob for Ticker {
    const NAME: &'static str = "ticker";
}

/// The process that is started for a worker comes here.
#[test]
fn worker() {
    cease_process::init([cease_process::job::<Ticker>(), cease_process::job::<Waiting>()]);
}

/// Runs one worker that `spawn` starts, sets the event after some lines, joins, and audits what is left.
fn run_and_audit(name: &str, spawn: impl FnOnce(Ticker, StopSource) -> Worker<()>) {
    let path = scratch(name);
    let (written, lines) = channel();
    let event = StopSource::new();
    let worker = spawn(Ticker { path: path.clone(), written: Some(written) }, event.clone());
    let mut acknowledged = hear(&lines, ENOUGH);

    assert!(event.request_with("the main thread has slept enough"));
    let exit = worker.join().expect("joined from outside");
    let Exit::Stopped(stopped) = exit else { panic!("the ticker {}", exit.kind()) };
    assert_eq!(stopped.reason(), &Reason::from("the main thread has slept enough"));

    acknowledged.extend(lines.try_iter());
    let text = fs::read_to_string(&path).expect("the file is there");
    let records = audit(&text).expect("the file is whole");
    assert_eq!(acknowledged, (0..records).collect::<Vec<_>>(), "each record was acknowledged, and the other way round");
    fs::remove_file(path).expect("the file is there");
}

/// The process strategy, with the lines of a ticker brought to where the other strategies' go.
struct Elsewhere;

impl Strategy<Ticker> for Elsewhere {
    fn contract(&self) -> &'static Contract {
        &cease_process::CONTRACT
    }

    fn spawn_with(&self, ticker: Ticker, event: StopSource) -> Result<Worker<()>, SpawnError<Ticker>> {
        let written = ticker.written.clone();
        let hear = move |line: Progress<'_>| {
            let number = line.decode().expect("a ticker tells numbers");
            let _ = written.as_ref().map(|written| written.send(number));
        };
        Process::in_test("worker").on_progress(hear).spawn_with(ticker, event)
    }
}

/// Every strategy; `process` is the one whose jobs travel.
fn strategies<J: Job>(process: impl Strategy<J> + 'static) -> Vec<Box<dyn Strategy<J>>> {
    vec![
        Box::new(Flag::new()),
        Box::new(Channel::new()),
        Box::new(Unwind::new()),
        Box::new(Trace::new()),
        Box::new(Token::new(runtime().handle().clone())),
        Box::new(process),
        Box::new(Abandon::new().grace(Duration::MAX)),
    ]
}

/// One runtime, with one thread for blocking jobs, for as long as this process lives.
fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.max_blocking_threads(1).thread_keep_alive(Duration::MAX).build().expect("a runtime can be had")
    });
    &RUNTIME
}

fn as_a_struct() {
    for strategy in strategies(Elsewhere) {
        let spawn = |ticker, event| strategy.spawn_with(ticker, event).expect("a worker can be had");
        run_and_audit(strategy.contract().strategy, spawn);
    }
}

fn as_a_closure() {
    fn under<S: SpawnFn>(strategy: &S) {
        run_and_audit("closure", |ticker, event| {
            strategy.spawn_fn_with(move |stop| ticker.run(stop), event).expect("a thread can be had")
        });
    }
    under(&Flag::new());
    under(&Channel::new());
    under(&Unwind::new());
    under(&Trace::new());
    under(&Token::new(runtime().handle().clone()));
    under(&Abandon::new().grace(Duration::MAX));
}

#[test]
fn every_strategy_is_here() {
    let here =
        strategies(Elsewhere).into_iter().map(|strategy| format!("crates/cease-{}", strategy.contract().strategy));
    let mut here: Vec<_> = here.collect();
    here.sort();
    assert_eq!(here, Repo::load().strategies().collect::<Vec<_>>());
}

#[test]
fn a_struct_that_is_stopped_leaves_a_whole_file() {
    as_a_struct();
}

#[test]
fn a_closure_that_is_stopped_leaves_a_whole_file() {
    as_a_closure();
}

#[test]
fn a_damaged_file_is_noticed() {
    let path = scratch("damaged");
    let mut records = Records::create(&path);
    (0..3).for_each(|number| assert_eq!(records.write(), number));
    drop(records);
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(path).unwrap();
    assert_eq!(audit(&text), Ok(3));
    for end in 0..text.len() {
        assert!(audit(&text[..end]).is_err(), "cut at {end}");
    }
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(audit(rest).is_err(), "without {first:?}");
}

/// In a process of its own, where no other test opens a file, or starts a thread or a process.
#[test]
fn many_runs_leave_no_thread_no_descriptor_and_no_process() {
    const NAME: &str = "many_runs_leave_no_thread_no_descriptor_and_no_process";
    if std::env::var_os(ALONE).is_none() {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        let ended = process::run(command.args(["--exact", NAME, "--nocapture"]).env(ALONE, "1"), LIMIT).unwrap();
        assert!(ended.status.success() && ended.stdout.contains("1 passed"), "{}{}", ended.stdout, ended.stderr);
        return;
    }
    as_a_struct();
    let before = held();
    assert_one_more_is_noticed(before);
    for _ in 0..ROUNDS {
        as_a_struct();
        as_a_closure();
    }
    // A thread that was joined may be listed for a moment longer.
    let end = Instant::now() + LIMIT / 2;
    while held() != before && Instant::now() < end {
        thread::yield_now();
    }
    assert_eq!(held(), before, "threads, descriptors and processes, after {ROUNDS} runs and before");
}

/// Sleeps until its stop.
#[derive(Serialize, Deserialize)]
struct Waiting;

impl RemoteJob for Waiting {
    const NAME: &'static str = "waiting";
}

impl Job for Waiting {
    type Output = ();

    fn run<C: Checkpoint>(self, stop: &C) -> Result<(), Stopped> {
        stop.sleep(Duration::MAX)
    }
}

#[test]
fn of_64_requests_at_once_exactly_one_is_first() {
    for strategy in strategies(Process::in_test("worker")) {
        for _ in 0..ROUNDS {
            ask_64_at_once(strategy.contract().strategy, strategy.spawn(Waiting).expect("a worker can be had"));
        }
    }
}

fn ask_64_at_once(strategy: &str, worker: Worker<()>) {
    let together = Arc::new(Barrier::new(64));
    let ask = |number: u32| {
        let (source, together) = (worker.source().clone(), Arc::clone(&together));
        thread::spawn(move || {
            together.wait();
            let first = source.request_with(number.to_string());
            first.then_some(number)
        })
    };
    let asked: Vec<_> = (0..64).map(ask).collect();
    let winner: Vec<_> = asked.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(winner.len(), 1, "{winner:?} were told that they were first");
    let exit = worker.join().unwrap();
    let stopped = exit.as_stopped().unwrap_or_else(|| panic!("under {strategy} the job {}", exit.kind()));
    assert_eq!(stopped.reason(), &Reason::from(winner[0].to_string()));
}

/// The first `count` lines.
fn hear(lines: &Receiver<u64>, count: usize) -> Vec<u64> {
    (0..count).map(|_| lines.recv_timeout(LIMIT).expect("the ticker writes on")).collect()
}

/// How many threads, descriptors and children this process has; a child that has ended and is not reaped is one.
fn held() -> [usize; 3] {
    let [threads, descriptors] = ["/proc/self/task", "/proc/self/fd"].map(|path| {
        let entries = fs::read_dir(path).expect("/proc is mounted");
        entries.map(|entry| entry.expect("/proc can be read").path()).collect::<Vec<_>>()
    });
    // A thread may go away between the two looks, and has no children then.
    let children = threads.iter().map(|thread| fs::read_to_string(thread.join("children")).unwrap_or_default());
    [threads.len(), descriptors.len(), children.map(|list| list.split_whitespace().count()).sum()]
}

/// The control: a count that cannot change would show nothing.
fn assert_one_more_is_noticed([threads, descriptors, children]: [usize; 3]) {
    let mut child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().expect("a process can be had");
    let file = File::open("/proc/self/stat").expect("/proc is mounted");
    let (hold, until_dropped) = channel::<()>();
    let thread = thread::spawn(move || until_dropped.recv());
    assert_eq!(held(), [threads + 1, descriptors + 1, children + 1]);
    drop((file, hold));
    child.kill().expect("it is not reaped yet");
    child.wait().expect("it is not reaped yet");
    assert!(thread.join().expect("waiting does not panic").is_err(), "nothing was sent");
}

/// A file of this process alone.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("article-{name}-{}", std::process::id()))
}
