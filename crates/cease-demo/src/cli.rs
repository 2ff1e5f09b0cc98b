//! The command line of every strategy's binary.

use std::num::NonZeroU32;
use std::time::Duration;

use cease_core::Contract;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::output::print_result;

/// How long the stop is held back for lines that are due and late.
///
/// A line that is due just when the stop is due is printed; a machine that is later than this breaks the tie the other way.
pub(crate) const TIE_LIMIT: Duration = Duration::from_secs(1);

/// What a run is asked to do.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Options {
    /// How far the numbered lines are apart
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = interval, allow_hyphen_values = true)]
    pub(crate) interval: Duration,

    /// How long the main thread sleeps before it asks for the stop
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration, allow_hyphen_values = true)]
    pub(crate) stop_after: Duration,

    /// How many workers share the stop
    #[arg(long, value_name = "N", default_value = "1", value_parser = workers, allow_hyphen_values = true)]
    pub(crate) workers: NonZeroU32,

    /// Run the job as a closure
    #[arg(long, conflicts_with = "class")]
    pub(crate) function: bool,

    /// Run the job as a struct, which is the default
    #[arg(long = "class", id = "class")]
    _class: bool,

    /// How the result is printed; json leaves stdout to one document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,

    /// How long the workers may take to end once the stop was asked for
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, allow_hyphen_values = true)]
    pub(crate) grace: Duration,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub(crate) enum Format {
    /// Line by line, as it happens.
    Text,
    /// One document at the end.
    Json,
}

/// What the binary of a strategy is called.
pub(crate) fn program(contract: &Contract) -> String {
    format!("cease-{}", contract.strategy)
}

/// Reads the command line; `None` when it asked for help or the version, which are printed then.
pub(crate) fn parse(contract: &Contract) -> Result<Option<Options>, Failure> {
    let program = program(contract);
    let command = Options::command()
        .about(format!(
            "Starts workers that print a numbered line each interval, then stops them: {}.",
            contract.technique
        ))
        .after_long_help(after_help(&program))
        .name(program);
    match command.try_get_matches().and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => Ok(Some(options)),
        Err(error) if error.use_stderr() => Err(Failure::Usage(one_line(&error.render().to_string()))),
        Err(help) => match help.print().and_then(|()| print_result("")) {
            Ok(()) => Ok(None),
            Err(error) => Err(Failure::Output(error)),
        },
    }
}

fn after_help(program: &str) -> String {
    let tie = humantime::format_duration(TIE_LIMIT);
    format!(
        "\
A TIME is a number with a unit, such as 300ms, 3s or 1m30s.
Line #1 is due at the start.
A line that is due just when the stop is due is printed:
the main thread waits for it before it asks, for at most {tie}.
SIGINT, SIGTERM and SIGHUP ask for the stop before its time, unless they are ignored, as by nohup.

Examples:
  {program}                       two lines: one at the start, one with the stop
  {program} --stop-after 2s       one line
  {program} --interval 100ms --stop-after 1s --workers 3
  {program} --function --format json

Exit codes:
  0              every worker ended in time, also after a first signal
  2              the command line makes no sense
  3              a worker still ran when the grace was over, or was let go of
  70             a worker could not be started, or did not end by the stop
  74             the output could not be written
  129, 130, 143  a second SIGHUP, SIGINT or SIGTERM left at once"
    )
}

/// The first paragraph of what clap says about a mistake, as one line.
fn one_line(text: &str) -> String {
    let paragraph = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn duration(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err("a time cannot be negative".into());
    }
    humantime::parse_duration(text).map_err(|error| match error {
        humantime::DurationError::NumberOverflow => "it is too long, or finer than 1ns".into(),
        other => format!("{other}; a time is written as 300ms, 3s or 1m30s"),
    })
}

fn interval(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("an interval cannot be zero".into()),
        interval => Ok(interval),
    }
}

fn workers(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("a number of workers lies between 1 and {}", u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn times_are_read_or_refused_with_a_reason() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for text in ["", "x", "3", "-1s", "3 parsecs", "99999999999999999999s", "600000000000y"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(interval("0ms").is_err());
    }

    #[test]
    fn a_mistake_is_told_in_one_line() {
        assert_eq!(
            one_line("error: bad value\n  [possible values: a, b]\n\nUsage: x"),
            "bad value [possible values: a, b]"
        );
    }
}
