//! The article's run: start workers, sleep, set the event, join, and say what happened.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Contract, Exit, Reason, SpawnFn, StopSource, Strategy, Worker};
use cease_os::signals::StopOnSignals;

use crate::cli::{self, Format, Options};
use crate::failure::Failure;
use crate::output::print_result;
use crate::report::{self, Report, Row, SCHEMA};
use crate::stage::{Notes, Stage};
use crate::ticker::{Envelope, Note, Ticker, Unwritten, tick};

/// Does the article's run with `strategy`, as the command line of this process asks for it.
///
/// It is the whole of a strategy's binary: what goes wrong is one line on stderr, and the exit code says what it was.
/// Nothing of it is left running when it returns, unless it says so by exit code 3.
pub fn run<S: Strategy<Ticker> + SpawnFn>(strategy: &S) -> ExitCode {
    let contract = strategy.contract();
    let start = |options: &Options, part: Part<'_>| {
        let Part { name, source, start, stage, notes } = part;
        let tell = Box::new(move |note| stage.hear(note, &notes));
        let (interval, format) = (options.interval, options.format);
        let job = Ticker { name: name.to_owned(), start, interval, format, tell };
        if options.function {
            let closure = move |stop: &S::Checkpoint| tick(&job, stop);
            strategy.spawn_fn_with(closure, source).map_err(|error| error.os_error().to_string())
        } else {
            strategy.spawn_with(job, source).map_err(|error| error.os_error().to_string())
        }
    };
    finish(contract, cli::parse(contract), start)
}

/// Does the article's run with a strategy whose jobs travel, as [`run`] does it with others.
///
/// `spawn` starts a worker that runs the [`Envelope`] where it arrives, and brings its notes back to the function that it is given;
/// it says why when it cannot. A closure does not travel, so `--function` is refused.
pub fn run_travelling<F>(contract: &'static Contract, spawn: F) -> ExitCode
where
    F: Fn(Envelope, StopSource, Box<dyn Fn(Note) + Send + Sync>) -> Result<Worker<Unwritten>, String>,
{
    let start = |options: &Options, part: Part<'_>| {
        let Part { name, source, start, stage, notes } = part;
        let (interval, format) = (options.interval, options.format);
        let envelope = Envelope { name: name.to_owned(), late: start.elapsed(), interval, format };
        spawn(envelope, source, Box::new(move |note| stage.hear(note, &notes)))
    };
    let refused = |options: Option<Options>| match options {
        Some(Options { function: true, .. }) => {
            Err(Failure::Usage("--function is for strategies of this process: a closure does not travel".into()))
        }
        options => Ok(options),
    };
    finish(contract, cli::parse(contract).and_then(refused), start)
}

/// What a worker is started with.
struct Part<'a> {
    name: &'a str,
    source: StopSource,
    /// When its first line is due.
    start: Instant,
    stage: Arc<Stage>,
    notes: Arc<Notes>,
}

/// Does the run, and says what went wrong.
fn finish<T: Into<io::Error>>(
    contract: &Contract,
    options: Result<Option<Options>, Failure>,
    start: impl Fn(&Options, Part<'_>) -> Result<Worker<T>, String>,
) -> ExitCode {
    let outcome = match options {
        Ok(Some(options)) => perform(contract, &options, |part| start(&options, part)),
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(contract, &failure.to_string());
            failure.code()
        }
    }
}

fn perform<T: Into<io::Error>>(
    contract: &Contract,
    options: &Options,
    start: impl Fn(Part<'_>) -> Result<Worker<T>, String>,
) -> Result<(), Failure> {
    let source = StopSource::new();
    let stop = source.token();
    let signals = StopOnSignals::options().install(source.clone()).map_err(Failure::Signals)?;
    let stage = Arc::new(Stage::new(options, source.clone()));

    let mut cast = Vec::new();
    // Once somebody asked, who is not there yet need not come.
    for number in (1..=options.workers.get()).take_while(|_| !stop.is_stop_requested()) {
        match cast_one(contract, &start, &source, &stage, number) {
            Ok(player) => cast.push(player),
            Err(failure) => {
                stage.ask("a worker could not be started");
                return join(cast, options.grace, &stage).and(Err(failure));
            }
        }
    }

    if stop.sleep(options.stop_after.saturating_sub(stage.start.elapsed())).is_ok() {
        stage.wait_for_due_lines();
        stage.ask("stop-after is over");
    }
    if let Some(reason @ Reason::Signal(_)) = stop.reason() {
        tell(contract, &format!("stopping on {reason}; the next one leaves at once"));
    }
    let workers = join(cast, options.grace, &stage)?;

    let asked = stage.asked().or(signals.first_at()).expect("whoever asks first notes when");
    let report = Report {
        schema: SCHEMA,
        strategy: contract.strategy,
        job: if options.function { "function" } else { "class" },
        interval_ns: report::nanos(options.interval),
        stop_after_ns: report::nanos(options.stop_after),
        reason: stop.reason().expect("it was asked for").to_string(),
        asked_ns: report::nanos_since(stage.start, asked),
        lines: workers.iter().map(|row| row.lines).sum(),
        workers,
    };
    let text = match options.format {
        Format::Text => report.text(),
        Format::Json => report.json(),
    };
    print_result(&text).map_err(Failure::Output)
}

/// A worker, and what is noted of it for the summary.
struct Player<T> {
    name: String,
    worker: Worker<T>,
    notes: Arc<Notes>,
}

/// Starts worker `number`.
fn cast_one<T>(
    contract: &Contract,
    start: impl Fn(Part<'_>) -> Result<Worker<T>, String>,
    source: &StopSource,
    stage: &Arc<Stage>,
    number: u32,
) -> Result<Player<T>, Failure> {
    let name = format!("{}-{number}", contract.strategy);
    let notes = Arc::new(Notes::default());
    let part = Part {
        name: &name,
        source: source.clone(),
        start: stage.start,
        stage: Arc::clone(stage),
        notes: Arc::clone(&notes),
    };
    match start(part) {
        Ok(worker) => Ok(Player { name, worker, notes }),
        Err(error) => Err(Failure::Spawn { worker: name, error }),
    }
}

/// Waits until every worker is gone, for as long as the grace allows, and notes what became of each.
///
/// The grace is one for all of them; who still runs then is let go of, and named.
fn join<T: Into<io::Error>>(cast: Vec<Player<T>>, grace: Duration, stage: &Stage) -> Result<Vec<Row>, Failure> {
    let asked = Instant::now();
    let (mut rows, mut running, mut unwritten) = (Vec::new(), Vec::new(), None);
    let (mut abandoned, mut broken) = (Vec::new(), Vec::new());
    for Player { name, worker, notes } in cast {
        let exit = match worker.join_timeout(grace.saturating_sub(asked.elapsed())) {
            Ok(exit) => exit,
            Err(error) => {
                error.into_worker().detach();
                running.push(name);
                continue;
            }
        };
        rows.push(Row {
            name: name.clone(),
            lines: notes.lines(),
            exit: exit.kind(),
            noticed_ns: notes.noticed_at().map(|noticed| report::nanos_since(stage.start, noticed)),
            gone_ns: report::nanos_since(stage.start, Instant::now()),
        });
        match exit {
            // What has something firmer than asking may have had to use it.
            Exit::Stopped(_) | Exit::Killed { .. } => {}
            Exit::Finished(error) => unwritten = unwritten.or(Some(error.into())),
            Exit::Abandoned => abandoned.push(name),
            other => broken.push(format!("{name} ({})", other.kind())),
        }
    }
    if !running.is_empty() {
        return Err(Failure::StillRunning { workers: running, grace });
    }
    if !abandoned.is_empty() {
        return Err(Failure::Abandoned(abandoned));
    }
    if !broken.is_empty() {
        return Err(Failure::Broken(broken));
    }
    unwritten.map_or(Ok(rows), |error| Err(Failure::Output(error)))
}

/// Says one line on stderr.
fn tell(contract: &Contract, line: &str) {
    // Nobody is left to tell when this fails, and the exit code says it too.
    let _ = io::stderr().lock().write_all(format!("{}: {line}\n", cli::program(contract)).as_bytes());
}
