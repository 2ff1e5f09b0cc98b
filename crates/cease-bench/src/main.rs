//! Measures the stop primitive and the flag strategy against their peers, interleaved in one run.

mod cpu;
mod report;
mod rounds;
mod rows;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

/// Measures the stop primitive and the flag strategy against their peers.
///
/// The contenders of a row take turns; a ratio is ours divided by the peer's in the same round, and what is printed is the
/// median over the rounds with the smallest and the largest.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 measured; 2 usage; 4 no row of that name; 74 the result could not be written."
)]
struct Args {
    /// Fewer rounds: a look, not a figure to quote.
    #[arg(long)]
    quick: bool,
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
const NOT_WRITTEN: u8 = 74;

fn main() -> ExitCode {
    let args = Args::parse();
    cpu::note_given();
    let selected: Vec<_> = rows::all().into_iter().filter(|row| row.name.contains(&args.row)).collect();
    if selected.is_empty() {
        eprintln!("cease-bench: no row has `{}` in its name", args.row);
        return ExitCode::from(NOTHING_SELECTED);
    }
    let rounds = if args.quick { rounds::QUICK } else { rounds::FULL };
    let results: Vec<_> = selected
        .into_iter()
        .map(|row| {
            eprintln!("measuring {}", row.name);
            rounds::measure(row, rounds)
        })
        .collect();
    let text = match args.format {
        Format::Text => report::table(&results, rounds),
        Format::Json => report::json(&results, rounds),
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
