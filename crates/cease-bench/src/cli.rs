//! The command line.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use crate::cpp::Cpp;
use crate::rounds::{self, Scale, Setup};
use crate::{cpu, report, rows};

/// Measures the stop primitive, and what the strategies add to it, against their peers.
///
/// The contenders of a row take turns; a ratio is ours divided by the peer's in the same round, and what is printed is the
/// median over the rounds with the smallest and the largest.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 measured; 2 usage; 4 no row of that name; 70 a row could not be measured; \
                  74 the result could not be written."
)]
struct Args {
    /// Fewer and shorter rounds: a look, not a figure to quote.
    #[arg(long)]
    quick: bool,
    /// How many rounds; without this 31, or 7 for a look.
    #[arg(long, value_name = "COUNT")]
    rounds: Option<NonZeroUsize>,
    /// Measure only rows whose name contains this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    row: String,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

const NOTHING_SELECTED: u8 = 4;
const INTERNAL: u8 = 70;
const NOT_WRITTEN: u8 = 74;

/// Measures what the command line says, prints it, and says how that went.
#[must_use]
pub fn run() -> ExitCode {
    rows::process::init();
    let args = Args::parse();
    cpu::note_given();
    let selected: Vec<_> = rows::all().filter(|row| row.name.contains(&args.row)).collect();
    if selected.is_empty() {
        eprintln!("cease-bench: no row has `{}` in its name", args.row);
        return ExitCode::from(NOTHING_SELECTED);
    }
    let scale = if args.quick { Scale::QUICK } else { Scale::FULL };
    let scale = args.rounds.map_or(scale, |rounds| scale.with_rounds(rounds.get()));
    let setup = Setup { scale, cpp: Cpp::new() };
    let mut results = Vec::with_capacity(selected.len());
    for row in selected {
        eprintln!("measuring {}", row.name);
        match rounds::measure(row, &setup) {
            Ok(measured) => results.push(measured),
            Err(error) => {
                eprintln!("cease-bench: {} could not be measured: {error}", row.name);
                return ExitCode::from(INTERNAL);
            }
        }
    }
    let notes: Vec<_> = setup.cpp.note().into_iter().collect();
    let text = match args.format {
        Format::Text => report::table(&results, &notes, setup.scale.rounds),
        Format::Json => report::json(&results, &notes, setup.scale.rounds),
    };
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cease-bench: could not write the result: {error}");
            ExitCode::from(NOT_WRITTEN)
        }
    }
}
