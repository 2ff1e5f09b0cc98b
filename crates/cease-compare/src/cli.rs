//! The command line.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};

use crate::exit::{self, Failure};

/// Runs every way of stopping a worker against every kind of work, and shows what each one really does.
///
/// Each cell runs in a process of its own: a worker is started, works for a random moment, is asked to stop, and is
/// waited for, many times over.
#[derive(Debug, Parser)]
#[command(name = "cease", version, after_long_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Take only these strategies [default: all]
    #[arg(long = "strategy", value_name = "NAME", value_delimiter = ',')]
    pub(crate) strategies: Option<Vec<String>>,

    /// Take only these workloads [default: all]
    #[arg(long = "workload", value_name = "NAME", value_delimiter = ',')]
    pub(crate) workloads: Option<Vec<String>>,

    /// Hash the files of this directory; `target` and `.git` in it are skipped
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) input: PathBuf,

    /// Run 30 trials a cell instead of 200
    #[arg(long, conflicts_with = "trials")]
    pub(crate) quick: bool,

    /// Run so many trials a cell
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    trials: Option<u32>,

    /// How long a worker may take to be gone; one that takes four times as long (at least 1s) ignores the request
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = grace, allow_hyphen_values = true)]
    pub(crate) grace: Duration,

    /// Decides how long each worker works before it is asked
    #[arg(long, value_name = "N", allow_negative_numbers = true, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Compare the verdicts with this file instead of those built in: lines of strategy, workload, verdict
    #[arg(long, value_name = "FILE")]
    pub(crate) expected: Option<PathBuf>,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,

    /// Write the result to this file instead of the standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Show on the standard error how far the run is: a bar on a terminal, else a line for each cell
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub(crate) progress: When,

    /// List the strategies and workloads, with the verdicts that are expected, and run nothing
    #[arg(long)]
    pub(crate) list: bool,
}

const AFTER_HELP: &str = "\
Verdicts:
  stopped    gone within the grace
  late       gone, after the grace
  ignored    still at work after four times the grace, or finished as if nobody had asked
  killed     ended from outside
  abandoned  let go of; it may still run
  n/a        the strategy cannot run this work

Exit codes:
  0              every verdict is as expected
  1              a verdict differs from what is expected, or a stopped worker left something behind
  2              bad flag, unknown name, unreadable input
  4              nothing selected
  70             a cell could not be run
  74             the result could not be written
  129, 130, 143  SIGHUP, SIGINT, SIGTERM: the first ends the run with what there is, the second at once

Examples:
  cease --quick
  cease --workload hash-files --input /usr/share --trials 1000
  cease --format json | jq '.cells[] | {workload, verdict, gone_p99: .gone_ns.p99}'";

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table
    Text,
    /// One document of the schema cease.compare/1, with every sample
    Json,
}

/// Whether to show progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// A bar on a terminal, else lines
    Auto,
    /// Lines, also on a terminal
    Always,
    /// Nothing
    Never,
}

impl Cli {
    /// Reads the command line of this process; `None` when it only asked for help or the version, which is then told.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one line.
    pub(crate) fn read() -> Result<Option<Self>, Failure> {
        match Self::try_parse() {
            Ok(mut cli) => {
                // An empty list selects nothing, so that a script may pass one on.
                for names in [&mut cli.strategies, &mut cli.workloads].into_iter().flatten() {
                    names.retain(|name| !name.is_empty());
                }
                Ok(Some(cli))
            }
            Err(told) if matches!(told.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                let written = told.print().and_then(|()| io::stdout().flush());
                written.map(|()| None).map_err(|error| Failure::not_written("the standard output", &error))
            }
            Err(error) => Err(Failure { code: exit::USAGE, text: one_line(&error.render().to_string()) }),
        }
    }

    /// How many trials a cell has.
    pub(crate) fn trials(&self) -> u32 {
        self.trials.unwrap_or(if self.quick { 30 } else { 200 })
    }
}

fn grace(text: &str) -> Result<Duration, String> {
    let grace = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if grace.is_zero() { Err("no worker is gone at once".to_owned()) } else { Ok(grace) }
}

/// What clap says over several lines, in one.
fn one_line(rendered: &str) -> String {
    let said = rendered.lines().map(str::trim).filter(|line| !line.is_empty());
    let wanted = said.filter(|line| !line.starts_with("For more information") && !line.starts_with("Usage:"));
    let line = wanted.collect::<Vec<_>>().join(" ");
    format!("{}; see --help", line.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_quick_run_has_30_trials_a_cell_another_one_200_unless_a_number_is_given() {
        let trials = |arguments: &[&str]| Cli::try_parse_from([&["cease"], arguments].concat()).unwrap().trials();
        assert_eq!((trials(&[]), trials(&["--quick"]), trials(&["--trials=7"])), (200, 30, 7));
    }

    #[test]
    fn what_is_not_given_has_the_default_that_the_help_names() {
        let cli = Cli::try_parse_from(["cease"]).unwrap();
        assert_eq!((cli.grace, cli.seed, cli.input.to_str()), (Duration::from_millis(500), 1, Some(".")));
        assert_eq!((cli.format, cli.progress, cli.list), (Format::Text, When::Auto, false));
        assert_eq!((cli.strategies, cli.workloads, cli.expected, cli.output), (None, None, None, None));
    }

    #[test]
    fn a_grace_is_a_duration_of_some_length() {
        assert_eq!(grace("1s 500ms"), Ok(Duration::from_millis(1500)));
        for bad in ["-1s", "0s", "x", "", "99999999999999999999s"] {
            assert!(grace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_wrong_fits_on_one_line() {
        for bad in
            [["--format", "xml"], ["--grace", "x"], ["--trials", "0"], ["--frmat", "json"], ["--quick", "--trials=1"]]
        {
            let error = Cli::try_parse_from(["cease"].into_iter().chain(bad)).unwrap_err();
            let line = one_line(&error.render().to_string());
            assert!(!line.contains('\n') && !line.starts_with("error") && line.ends_with("; see --help"), "{line}");
        }
    }
}
