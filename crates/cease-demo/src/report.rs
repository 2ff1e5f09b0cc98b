//! What a run says about itself when it is over.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

/// The summary of a run; all times count from its start.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema: &'static str,
    pub(crate) strategy: &'static str,
    /// `class` or `function`.
    pub(crate) job: &'static str,
    pub(crate) interval_ns: u64,
    pub(crate) stop_after_ns: u64,
    /// Why the stop was asked for.
    pub(crate) reason: String,
    /// When the stop was asked for.
    pub(crate) asked_ns: u64,
    /// How many lines ran, of all workers together.
    pub(crate) lines: u64,
    pub(crate) workers: Vec<Row>,
}

/// What became of one worker.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) lines: u64,
    /// How it ended, in one word.
    pub(crate) exit: &'static str,
    /// When a checkpoint told it to stop.
    pub(crate) noticed_ns: Option<u64>,
    /// When it was joined.
    pub(crate) gone_ns: u64,
}

/// The name and version of the document.
pub(crate) const SCHEMA: &str = "cease.demo/1";

impl Report {
    /// The document, with a newline at its end.
    pub(crate) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("texts and integers can always be written");
        text.push('\n');
        text
    }

    /// The table, with a newline at its end.
    pub(crate) fn text(&self) -> String {
        let width = self.workers.iter().map(|row| row.name.len()).max().unwrap_or(0).max("worker".len());
        let mut text = format!("stop asked at {} ({})\n", millis(self.asked_ns), self.reason);
        let mut line = |[worker, lines, exit, noticed, gone]: [&str; 5]| {
            let row = format!("{worker:<width$}  {lines:>6}  {exit:<9}  {noticed:>14}  {gone:>14}");
            writeln!(text, "{}", row.trim_end()).expect("writing to a string cannot fail");
        };
        line(["worker", "lines", "exit", "noticed at", "gone at"]);
        for row in &self.workers {
            let noticed = row.noticed_ns.map_or_else(|| "never".to_owned(), millis);
            line([&row.name, &row.lines.to_string(), row.exit, &noticed, &millis(row.gone_ns)]);
        }
        line(["total", &self.lines.to_string(), "", "", ""]);
        text
    }
}

/// How long after `start` `moment` was.
pub(crate) fn nanos_since(start: Instant, moment: Instant) -> u64 {
    nanos(moment.saturating_duration_since(start))
}

/// `duration` in nanoseconds; the largest number stands for all that do not fit, beyond 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn millis(nanos: u64) -> String {
    format!("{}.{:03} ms", nanos / 1_000_000, nanos / 1_000 % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let row = |name: &str, noticed_ns| Row {
            name: name.into(),
            lines: 2,
            exit: "stopped",
            noticed_ns,
            gone_ns: 3_000_100_000,
        };
        let report = Report {
            schema: SCHEMA,
            strategy: "flag",
            job: "class",
            interval_ns: 3_000_000_000,
            stop_after_ns: 3_000_000_000,
            reason: "signal 2".into(),
            asked_ns: 3_000_007_999,
            lines: 4,
            workers: vec![row("flag-1", Some(3_000_050_000)), row("flag-10", None)],
        };
        assert_eq!(
            report.text(),
            "\
stop asked at 3000.007 ms (signal 2)
worker    lines  exit           noticed at         gone at
flag-1        2  stopped       3000.050 ms     3000.100 ms
flag-10       2  stopped             never     3000.100 ms
total         4
"
        );
    }
}
