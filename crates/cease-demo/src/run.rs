//! The article's run: start workers, sleep, set the event, join, and say what happened.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Exit, Reason, SpawnFn, StopSource, Strategy, Worker};
use cease_os::signals::StopOnSignals;

use crate::cli::{self, Format, Options};
use crate::failure::Failure;
use crate::output::print_result;
use crate::report::{self, Report, Row, SCHEMA};
use crate::stage::Stage;
use crate::ticker::{Notes, Ticker, tick};

/// Does the article's run with `strategy`, as the command line of this process asks for it.
///
/// It is the whole of a strategy's binary: what goes wrong is one line on stderr, and the exit code says what it was.
/// Nothing of it is left running when it returns, unless it says so by exit code 3.
pub fn run<S: Strategy<Ticker> + SpawnFn>(strategy: &S) -> ExitCode {
    let outcome = match cli::parse(strategy.contract()) {
        Ok(Some(options)) => perform(strategy, &options),
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(strategy, &failure.to_string());
            failure.code()
        }
    }
}

fn perform<S: Strategy<Ticker> + SpawnFn>(strategy: &S, options: &Options) -> Result<(), Failure> {
    let source = StopSource::new();
    let stop = source.token();
    let signals = StopOnSignals::options().install(source.clone()).map_err(Failure::Signals)?;
    let stage = Arc::new(Stage::new(options, source.clone()));

    let mut cast = Vec::new();
    // Once somebody asked, who is not there yet need not come.
    for number in (1..=options.workers.get()).take_while(|_| !stop.is_stopped()) {
        match start(strategy, options.function, &source, &stage, number) {
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
    if let Some(Reason::Signal(signal)) = stop.reason() {
        tell(strategy, &format!("stopping on signal {signal}; the next one leaves at once"));
    }
    let workers = join(cast, options.grace, &stage)?;

    let asked = stage.asked().or(signals.first_at()).expect("whoever asks first notes when");
    let report = Report {
        schema: SCHEMA,
        strategy: strategy.contract().strategy,
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

/// A worker, and what it notes for the summary.
struct Player {
    name: String,
    worker: Worker<io::Error>,
    notes: Arc<Notes>,
}

/// Starts worker `number`, as a struct or as a closure.
fn start<S: Strategy<Ticker> + SpawnFn>(
    strategy: &S,
    function: bool,
    source: &StopSource,
    stage: &Arc<Stage>,
    number: u32,
) -> Result<Player, Failure> {
    let name = format!("{}-{number}", strategy.contract().strategy);
    let notes = Arc::new(Notes::default());
    let job = Ticker { name: name.clone(), stage: Arc::clone(stage), notes: Arc::clone(&notes) };
    let spawned = if function {
        let closure = move |stop: &S::Checkpoint| tick(&job, stop);
        strategy.spawn_fn_with(closure, source.clone()).map_err(|error| error.os_error().to_string())
    } else {
        strategy.spawn_with(job, source.clone()).map_err(|error| error.os_error().to_string())
    };
    match spawned {
        Ok(worker) => Ok(Player { name, worker, notes }),
        Err(error) => Err(Failure::Spawn { worker: name, error }),
    }
}

/// Waits until every worker is gone, for as long as the grace allows, and notes what became of each.
///
/// The grace is one for all of them; who still runs then is let go of, and named.
fn join(cast: Vec<Player>, grace: Duration, stage: &Stage) -> Result<Vec<Row>, Failure> {
    let asked = Instant::now();
    let (mut rows, mut running, mut broken, mut unwritten) = (Vec::new(), Vec::new(), Vec::new(), None);
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
            exit: exit.word(),
            noticed_ns: notes.noticed.at().map(|noticed| report::nanos_since(stage.start, noticed)),
            gone_ns: report::nanos_since(stage.start, Instant::now()),
        });
        match exit {
            Exit::Stopped(_) => {}
            Exit::Finished(error) => unwritten = unwritten.or(Some(error)),
            other => broken.push(format!("{name} ({})", other.word())),
        }
    }
    if !running.is_empty() {
        return Err(Failure::StillRunning { workers: running, grace });
    }
    if !broken.is_empty() {
        return Err(Failure::Broken(broken));
    }
    unwritten.map_or(Ok(rows), |error| Err(Failure::Output(error)))
}

/// Says one line on stderr.
fn tell<S: Strategy<Ticker>>(strategy: &S, line: &str) {
    // Nobody is left to tell when this fails, and the exit code says it too.
    let _ = io::stderr().lock().write_all(format!("{}: {line}\n", cli::program(strategy.contract())).as_bytes());
}
