//! A worker in a process of its own, beside the same program started once more by hand.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Exit, Job, Stopped, Strategy, Worker};
use cease_process::ladder::GracePeriods;
use cease_process::{Pool, Process, RemoteJob};
use serde::{Deserialize, Serialize};

use crate::contender::Contender;
use crate::rounds::{Row, Unit, spread};

pub(super) static ROWS: [Row; 3] = [
    Row {
        name: "process/spawn-to-running",
        unit: Unit::Nanoseconds,
        targets: &[(BARE, 1.3)],
        limit: None,
        contenders: |setup| {
            let starts = setup.scale.operations(STARTS);
            Ok(vec![
                Contender::fallible("Process", move || starting(starts, worker)),
                Contender::fallible(BARE, move || starting(starts, Bare::start)),
            ])
        },
    },
    Row {
        name: "process/pooled-round-trip",
        unit: Unit::Nanoseconds,
        targets: &[(BARE, 0.1)],
        limit: None,
        contenders: |setup| {
            let (trips, starts) = (setup.scale.operations(TRIPS), setup.scale.operations(STARTS));
            // The first trip starts the worker; it is one of many.
            let pool = Process::new().pool(NonZeroUsize::MIN)?;
            Ok(vec![
                Contender::fallible("Pool", move || median(trips, || round_trip(&pool))),
                Contender::fallible(BARE, move || starting(starts, Bare::start)),
            ])
        },
    },
    Row {
        name: "process/kill-to-reaped",
        unit: Unit::Nanoseconds,
        targets: &[(BARE, 1.2)],
        limit: None,
        contenders: |setup| {
            let ends = setup.scale.operations(STARTS);
            Ok(vec![
                Contender::fallible("Process", move || ending(ends, worker, kill_worker)),
                Contender::fallible(BARE, move || ending(ends, Bare::start, Bare::kill)),
            ])
        },
    },
];

const BARE: &str = "bare re-exec";

/// How many starts, or ends, make a round.
const STARTS: u32 = 64;

/// How many jobs of a pool make a round.
const TRIPS: u32 = 512;

/// Says to a process that it is a bare one.
const MARK: &str = "CEASE_BENCH_BARE";

/// Does what this process was started for, if it was started by one of these rows.
pub(crate) fn init() {
    cease_process::init([cease_process::job::<Wait>(), cease_process::job::<Pass>()]);
    if std::env::var_os(MARK).is_some() {
        // It runs: that is all that there is to say.
        println!();
        Wait.for_ever();
    }
}

/// Never ends by itself.
#[derive(Debug, Serialize, Deserialize)]
struct Wait;

impl Wait {
    fn for_ever(self) -> ! {
        loop {
            std::thread::park();
        }
    }
}

impl Job for Wait {
    type Output = ();

    fn run<C: Checkpoint>(self, _stop: &C) -> Result<(), Stopped> {
        self.for_ever()
    }
}

impl RemoteJob for Wait {
    const NAME: &'static str = "wait";
}

/// Returns at once.
#[derive(Debug, Serialize, Deserialize)]
struct Pass;

impl Job for Pass {
    type Output = u64;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<u64, Stopped> {
        stop.check().map(|()| 7)
    }
}

impl RemoteJob for Pass {
    const NAME: &'static str = "pass";
}

/// How long it takes from a job that is handed to the pool until what it returned is there.
fn round_trip(pool: &Pool) -> io::Result<Duration> {
    let began = Instant::now();
    let worker = pool.spawn(Pass).map_err(|error| io::Error::other(error.to_string()))?;
    match worker.join() {
        Ok(Exit::Finished(7)) => Ok(began.elapsed()),
        _ => Err(io::Error::other("the job did not return what it should")),
    }
}

/// A worker whose job has begun.
fn worker() -> io::Result<Worker<()>> {
    let budgets = GracePeriods { ask: Duration::ZERO, term: Duration::ZERO, kill: Duration::from_secs(60) };
    let spawned = Process::new().budgets(budgets).spawn(Wait);
    spawned.map_err(|error| io::Error::other(error.to_string()))
}

fn kill_worker(worker: Worker<()>) -> io::Result<()> {
    worker.stop();
    match worker.join() {
        Ok(exit) if exit.kind() == "killed" => Ok(()),
        _ => Err(io::Error::other("it did not end by the stop")),
    }
}

/// A process that has said that it runs; dropping it ends it.
struct Bare(Child);

impl Bare {
    fn start() -> io::Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        let mut child = Self(command.env(MARK, "1").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        let stdout = child.0.stdout.as_mut().expect("it is piped");
        stdout.read_exact(&mut [0])?;
        Ok(child)
    }

    fn kill(mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        // Both are errors, and harmless, when it has been reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The median of so many starts.
fn starting<P>(starts: u32, start: fn() -> io::Result<P>) -> io::Result<f64> {
    median(starts, || {
        let began = Instant::now();
        let process = start()?;
        let took = began.elapsed();
        drop(process);
        Ok(took)
    })
}

/// The median of so many ends.
fn ending<P>(ends: u32, start: fn() -> io::Result<P>, end: fn(P) -> io::Result<()>) -> io::Result<f64> {
    median(ends, || {
        let process = start()?;
        let began = Instant::now();
        end(process)?;
        Ok(began.elapsed())
    })
}

fn median(times: u32, once: impl Fn() -> io::Result<Duration>) -> io::Result<f64> {
    let all = (0..times).map(|_| Ok(once()?.as_secs_f64() * 1e9));
    all.collect::<io::Result<_>>().map(|all| spread(all).median)
}
