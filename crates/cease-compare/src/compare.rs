//! The run: one cell after the other, ended early by a signal, and the result written at the end.

use std::fs;
use std::io::{self, Write};
use std::thread;
use std::time::Instant;

use cease_core::{Reason, StopSource, StopToken};
use cease_os::signals::StopOnSignals;

use crate::cell::Seen;
use crate::cli::{Cli, Format};
use crate::exit::{self, Failure};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::{Cell, Report};
use crate::supervisor::Supervisor;
use crate::table;

/// Does what the command line asks for, and says with which exit code to end.
///
/// # Errors
///
/// Why there is no result.
pub(crate) fn main(cli: &Cli) -> Result<u8, Failure> {
    let plan = Plan::new(cli)?;
    if cli.list {
        write(cli, plan.list().as_bytes())?;
        return Ok(exit::AS_EXPECTED);
    }
    plan.check()?;

    let source = StopSource::new();
    let stop = source.token();
    let supervisor = Supervisor::default();
    let signals = wire_signals(source, &supervisor)?;
    let report = run(cli, &plan, &supervisor, &stop);
    // From here on a signal ends the process, which may be blocked in writing.
    drop(signals);

    write(cli, render(cli, &plan, &report)?.as_bytes())?;
    Ok(match stop.reason() {
        Some(Reason::Signal(number)) if !report.complete => exit::interrupted(*number),
        _ => judge(&report),
    })
}

/// Runs the cells until they are done, or a stop is asked for.
fn run(cli: &Cli, plan: &Plan<'_>, supervisor: &Supervisor, stop: &StopToken) -> Report {
    let started = Instant::now();
    let mut report = Report::new(plan.args());
    let progress = Progress::new(cli.progress, plan.cells.len());
    for (pair, expected) in &plan.cells {
        if stop.is_stop_requested() {
            break;
        }
        progress.begin(pair);
        let seen =
            if pair.applies() { supervisor.run(&plan.spec(pair), &cli.input, stop) } else { Seen::not_applicable() };
        if stop.is_stop_requested() && seen.error.is_some() {
            // A Ctrl-C can still reach a cell that has only just been started; what it cut off was not seen.
            break;
        }
        let cell = Cell::new(pair.strategy, pair.workload.name, *expected, seen);
        progress.end(&cell);
        report.cells.push(cell);
    }
    progress.finish();
    report.finish(!stop.is_stop_requested(), started.elapsed());
    report
}

/// Lets the first signal end the run early, and the second one at once.
fn wire_signals(source: StopSource, supervisor: &Supervisor) -> Result<StopOnSignals, Failure> {
    let failed = |error: io::Error| Failure::internal(format!("cannot wait for signals: {error}"));
    let stop = source.token();
    let at_once = supervisor.clone();
    let signals = StopOnSignals::install(source, move |signal| at_once.kill_and_exit(exit::interrupted(signal)));
    let signals = signals.map_err(failed)?;
    let early = supervisor.clone();
    let tell = move || {
        if stop.wait().is_ok() {
            early.finish_early()
        }
    };
    // It ends with the first signal, or when the signals let go of the source.
    thread::Builder::new().name("messenger".to_owned()).spawn(tell).map_err(failed)?;
    Ok(signals)
}

/// What all the verdicts come to.
fn judge(report: &Report) -> u8 {
    if report.cells.iter().any(|cell| cell.seen.error.is_some()) {
        exit::INTERNAL
    } else if report.cells.iter().all(|cell| cell.as_expected) {
        exit::AS_EXPECTED
    } else {
        exit::DIFFERS
    }
}

/// The result in the format that is wanted; what is not as expected is also said where it would not be seen.
fn render(cli: &Cli, plan: &Plan<'_>, report: &Report) -> Result<String, Failure> {
    let again = |cell: &Cell| plan.rerun(cell);
    if cli.format == Format::Json || cli.output.is_some() {
        for cell in &report.cells {
            if let Some(difference) = cell.difference() {
                exit::complain(&format!("{difference}; again: {}", again(cell)));
            }
        }
    }
    match cli.format {
        Format::Text => Ok(table::text(report, again)),
        Format::Json => match serde_json::to_string(report) {
            Ok(json) => Ok(json + "\n"),
            Err(error) => Err(Failure::internal(error.to_string())),
        },
    }
}

/// Writes the result to where it is wanted.
fn write(cli: &Cli, bytes: &[u8]) -> Result<(), Failure> {
    match &cli.output {
        Some(path) => {
            let written = fs::write(path, bytes);
            written.map_err(|error| Failure::not_written(&format!("`{}`", path.display()), &error))
        }
        None => {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
            written.map_err(|error| Failure::not_written("the standard output", &error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Args;
    use crate::verdict::Verdict;

    #[test]
    fn a_cell_that_failed_outweighs_a_verdict_that_differs() {
        let args = Args::of(vec!["flag"], vec!["sleep-loop"]);
        let mut report = Report::new(args);
        assert_eq!(judge(&report), exit::AS_EXPECTED);
        let mut code_with = |seen: Seen| {
            report.cells.push(Cell::new("flag", "sleep-loop", Verdict::Stopped, seen));
            judge(&report)
        };
        assert_eq!(code_with(Seen { verdict: Some(Verdict::Stopped), ..Seen::default() }), exit::AS_EXPECTED);
        assert_eq!(code_with(Seen { verdict: Some(Verdict::Late), ..Seen::default() }), exit::DIFFERS);
        assert_eq!(code_with(Seen::failed("no thread".to_owned())), exit::INTERNAL);
        assert_eq!(code_with(Seen { verdict: Some(Verdict::Stopped), ..Seen::default() }), exit::INTERNAL);
    }
}
