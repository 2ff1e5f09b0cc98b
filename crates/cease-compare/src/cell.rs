//! One cell: one strategy stops one kind of work, again and again, in this process.

use std::time::{Duration, Instant};

use cease_core::{StopSource, StopToken};
use serde::{Deserialize, Serialize};

use crate::audit::{Inventory, LeftBehind};
use crate::latency::{Latency, as_ns};
use crate::random::Random;
use crate::spec::{LONGEST_PAUSE, SETTLE, Spec};
use crate::trial::{self, Start, Trial};
use crate::verdict::Verdict;

/// What was seen in a cell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// The worst of the trials, or `None` when the cell failed.
    pub(crate) verdict: Option<Verdict>,
    /// How many trials there were.
    pub(crate) trials: u32,
    /// From the request until the job's checkpoint saw it.
    pub(crate) noticed_ns: Option<Latency>,
    /// From the request until nothing of the worker ran any more.
    pub(crate) gone_ns: Option<Latency>,
    /// What the process has after the trials that it did not have before.
    pub(crate) left_behind: LeftBehind,
    /// How many pieces of work were done between the request and the end of the patience, if it still ran then.
    pub(crate) work_after_request: Option<u64>,
    /// Why the cell failed, if it did.
    pub(crate) error: Option<String>,
}

impl Seen {
    /// A cell that failed.
    pub(crate) fn failed(error: String) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    /// A cell that was not run, because the strategy cannot run this work.
    pub(crate) fn not_applicable() -> Self {
        Self { verdict: Some(Verdict::NotApplicable), ..Self::default() }
    }
}

/// Runs the trials of one cell; after a stop of `interrupt` it begins no further one.
///
/// # Errors
///
/// What failed, in one line; that a worker does not stop is no failure.
pub(crate) fn run(spec: &Spec, start: &Start<'_>, interrupt: &StopToken) -> Result<Seen, String> {
    // The timer of the process stays once a deadline was set, so it is there before the first look.
    let (_, deadline) = StopSource::with_timeout(spec.patience()).map_err(|error| error.to_string())?;
    deadline.clear();
    let before = Inventory::take().map_err(|error| error.to_string())?;

    let trials = run_trials(spec, start, interrupt)?;
    let verdict = trials.iter().map(|trial| trial.verdict).max();
    let settle = if verdict.is_some_and(Verdict::leaves_work) { Duration::ZERO } else { SETTLE };
    let ns_of = |when: fn(&Trial) -> Option<Duration>| Latency::of(trials.iter().filter_map(when).map(as_ns).collect());
    Ok(Seen {
        verdict,
        trials: u32::try_from(trials.len()).expect("no more than were asked for"),
        noticed_ns: ns_of(|trial| trial.noticed),
        gone_ns: ns_of(|trial| trial.gone),
        left_behind: before.left_behind(settle).map_err(|error| error.to_string())?,
        work_after_request: trials.iter().filter_map(|trial| trial.work_after_request).max(),
        error: None,
    })
}

fn run_trials(spec: &Spec, start: &Start<'_>, interrupt: &StopToken) -> Result<Vec<Trial>, String> {
    let started = Instant::now();
    let mut random = Random::new(spec.seed);
    let mut trials: Vec<Trial> = Vec::new();
    while (trials.len() as u64) < u64::from(spec.trials) {
        // One that has to be killed takes far longer than others, and no longer than one that ignores the request.
        let killed = trials.iter().any(|trial| trial.verdict == Verdict::Killed);
        let budget = if killed { spec.budget().min(spec.patience()) } else { spec.budget() };
        let cut_short = interrupt.is_stop_requested() || started.elapsed() > budget;
        let left_work = trials.last().is_some_and(|trial| trial.verdict.leaves_work());
        if !trials.is_empty() && (cut_short || left_work) {
            break;
        }
        let pause = random.duration_below(LONGEST_PAUSE);
        trials.push(trial::run(spec, start, pause, interrupt)?);
    }
    Ok(trials)
}
