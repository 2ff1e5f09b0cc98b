//! The result of a run, as it is written in JSON.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::cell::Seen;
use crate::latency::as_ns;
use crate::verdict::Verdict;

/// The name and version of the format.
const SCHEMA: &str = "cease.compare/1";

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    schema: &'static str,
    /// Where it ran.
    pub(crate) environment: Environment,
    /// What was asked for.
    pub(crate) args: Args,
    /// Whether every cell was run to its end; false after an interrupt.
    pub(crate) complete: bool,
    /// How long the run took.
    pub(crate) elapsed_ns: u64,
    /// One entry for each cell that was run.
    pub(crate) cells: Vec<Cell>,
}

/// What was asked for, with every default filled in.
#[derive(Debug, Serialize)]
pub(crate) struct Args {
    pub(crate) strategies: Vec<&'static str>,
    pub(crate) workloads: Vec<&'static str>,
    pub(crate) input: String,
    pub(crate) seed: u64,
    pub(crate) trials: u32,
    pub(crate) grace_ns: u64,
    pub(crate) patience_ns: u64,
}

#[cfg(test)]
impl Args {
    /// The arguments of a run of one trial a cell.
    pub(crate) fn of(strategies: Vec<&'static str>, workloads: Vec<&'static str>) -> Self {
        Self { strategies, workloads, input: ".".to_owned(), seed: 1, trials: 1, grace_ns: 1, patience_ns: 4 }
    }
}

/// One strategy with one workload, and what was seen.
#[derive(Debug, Serialize)]
pub(crate) struct Cell {
    /// The strategy's name.
    pub(crate) strategy: &'static str,
    /// The workload's name.
    pub(crate) workload: &'static str,
    /// The verdict that is expected.
    pub(crate) expected: Verdict,
    /// Whether the verdict is that one, and only work that was not stopped has left anything behind.
    pub(crate) as_expected: bool,
    /// What was seen.
    #[serde(flatten)]
    pub(crate) seen: Seen,
}

/// Where a run took place.
#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    cease: &'static str,
    started_at: String,
    os: &'static str,
    arch: &'static str,
    kernel: Option<String>,
    cpu: Option<String>,
    cores: Option<usize>,
    rustc: &'static str,
    profile: &'static str,
}

impl Report {
    /// A run without cells.
    pub(crate) fn new(args: Args) -> Self {
        let environment = Environment::look();
        Self { schema: SCHEMA, environment, args, complete: false, elapsed_ns: 0, cells: Vec::new() }
    }

    /// Notes how the run went.
    pub(crate) fn finish(&mut self, complete: bool, elapsed: Duration) {
        self.complete = complete;
        self.elapsed_ns = as_ns(elapsed);
    }

    /// How many cells there would be in a complete run.
    pub(crate) fn selected(&self) -> usize {
        self.args.strategies.len() * self.args.workloads.len()
    }
}

impl Cell {
    /// Compares what was seen with what is expected.
    pub(crate) fn new(strategy: &'static str, workload: &'static str, expected: Verdict, seen: Seen) -> Self {
        let leaves_work = seen.verdict.is_some_and(Verdict::leaves_work);
        let as_expected = seen.verdict == Some(expected) && (leaves_work || seen.left_behind.is_empty());
        Self { strategy, workload, expected, as_expected, seen }
    }

    /// What is not as expected, in one line; `None` when all is.
    pub(crate) fn difference(&self) -> Option<String> {
        if self.as_expected {
            return None;
        }
        let name = format!("{} × {}: expected {}", self.strategy, self.workload, self.expected);
        Some(match (self.seen.verdict, &self.seen.error) {
            (_, Some(error)) => format!("{name}, but the cell failed: {error}"),
            (Some(verdict), _) if verdict == self.expected => {
                format!("{name} with nothing left behind, saw {}", self.seen.left_behind.summary())
            }
            (verdict, _) => format!("{name}, saw {}", verdict.map_or("nothing", Verdict::word)),
        })
    }
}

impl Environment {
    fn look() -> Self {
        Self {
            cease: env!("CARGO_PKG_VERSION"),
            started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            kernel: read_line(Path::new("/proc/sys/kernel/osrelease"), ""),
            cpu: read_line(Path::new("/proc/cpuinfo"), "model name"),
            cores: thread::available_parallelism().ok().map(Into::into),
            rustc: env!("CEASE_RUSTC"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        }
    }

    /// It all, in one line.
    pub(crate) fn summary(&self) -> String {
        let cores = self.cores.map_or_else(|| "? cores".to_owned(), |cores| format!("{cores} cores"));
        let cpu = self.cpu.as_deref().unwrap_or(self.arch);
        let kernel = self.kernel.as_deref().unwrap_or("of an unknown version");
        format!("{cores} of {cpu}, {} {kernel}, {}, {} build", self.os, self.rustc, self.profile)
    }
}

/// The rest of the first line of a file that begins with `key`, after its colon if it has a key.
fn read_line(path: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(rest.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{LeftBehind, LeftThread};

    fn cell(expected: Verdict, seen: Seen) -> Cell {
        Cell::new("flag", "sleep-loop", expected, seen)
    }

    fn saw(verdict: Verdict) -> Seen {
        Seen { verdict: Some(verdict), ..Seen::default() }
    }

    fn left() -> LeftBehind {
        let thread = LeftThread { name: "flag".to_owned(), state: 'R', doing: "running".to_owned() };
        LeftBehind { threads: vec![thread], ..LeftBehind::default() }
    }

    #[test]
    fn any_other_verdict_than_the_expected_one_is_a_difference() {
        for expected in Verdict::ALL {
            for verdict in Verdict::ALL {
                let cell = cell(expected, saw(verdict));
                assert_eq!(cell.as_expected, verdict == expected);
                assert_eq!(cell.difference().is_none(), verdict == expected);
            }
        }
        let difference = cell(Verdict::Stopped, saw(Verdict::Late)).difference();
        assert_eq!(difference.unwrap(), "flag × sleep-loop: expected stopped, saw late");
    }

    #[test]
    fn what_a_stopped_worker_leaves_behind_is_a_difference() {
        let stopped = cell(Verdict::Stopped, Seen { left_behind: left(), ..saw(Verdict::Stopped) });
        assert!(stopped.difference().unwrap().ends_with("nothing left behind, saw thread `flag` (R, running)"));
        let ignored = cell(Verdict::Ignored, Seen { left_behind: left(), ..saw(Verdict::Ignored) });
        assert_eq!(ignored.difference(), None, "a worker that ignores the request is still there");
        let abandoned = cell(Verdict::Abandoned, Seen { left_behind: left(), ..saw(Verdict::Abandoned) });
        assert_eq!(abandoned.difference(), None);
    }

    #[test]
    fn a_cell_that_failed_is_never_as_expected() {
        for expected in Verdict::ALL {
            let failed = cell(expected, Seen::failed("no thread to give".to_owned()));
            assert!(failed.difference().unwrap().ends_with("but the cell failed: no thread to give"));
        }
    }

    #[test]
    fn a_cell_without_a_verdict_is_a_difference() {
        let difference = cell(Verdict::Late, Seen::default()).difference();
        assert_eq!(difference.unwrap(), "flag × sleep-loop: expected late, saw nothing");
    }

    #[test]
    fn a_finished_run_has_its_time_and_the_number_of_its_cells() {
        let args = Args::of(vec!["flag", "token"], vec!["sleep-loop", "hash-files", "tokio-task"]);
        let mut report = Report::new(args);
        assert!(!report.complete);
        report.finish(true, Duration::from_micros(5));
        assert_eq!((report.complete, report.elapsed_ns, report.selected()), (true, 5_000, 6));
    }

    #[test]
    fn an_environment_is_summed_up_also_where_the_system_does_not_say_all() {
        let known = Environment {
            cease: "1",
            started_at: String::new(),
            os: "linux",
            arch: "x86_64",
            kernel: Some("6.1".to_owned()),
            cpu: Some("Xeon".to_owned()),
            cores: Some(2),
            rustc: "rustc 1",
            profile: "debug",
        };
        assert_eq!(known.summary(), "2 cores of Xeon, linux 6.1, rustc 1, debug build");
        let unknown = Environment { kernel: None, cpu: None, cores: None, ..known };
        assert_eq!(unknown.summary(), "? cores of x86_64, linux of an unknown version, rustc 1, debug build");
    }

    #[test]
    fn a_key_is_cut_from_its_line() {
        assert!(read_line(Path::new("/proc/self/status"), "Name").is_some_and(|name| !name.contains(':')));
        assert_eq!(read_line(Path::new("/proc/self/status"), "No such key"), None);
    }
}
