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
    /// The summary of `trials`, without what they have left behind.
    fn of(trials: &[Trial]) -> Self {
        let ns_of =
            |when: fn(&Trial) -> Option<Duration>| Latency::of(trials.iter().filter_map(when).map(as_ns).collect());
        Self {
            verdict: trials.iter().map(|trial| trial.verdict).max(),
            trials: u32::try_from(trials.len()).expect("no more trials run than the command line allows"),
            noticed_ns: ns_of(|trial| trial.noticed),
            gone_ns: ns_of(|trial| trial.gone),
            work_after_request: trials.iter().filter_map(|trial| trial.work_after_request).max(),
            ..Self::default()
        }
    }

    /// How long the audit waits until nothing is left; zero after a verdict that leaves work, which stays.
    fn settle(&self) -> Duration {
        if self.verdict.is_some_and(Verdict::leaves_work) { Duration::ZERO } else { SETTLE }
    }

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

    let seen = Seen::of(&run_trials(spec, start, interrupt)?);
    let left_behind = before.left_behind(seen.settle()).map_err(|error| error.to_string())?;
    Ok(Seen { left_behind, ..seen })
}

fn run_trials(spec: &Spec, start: &Start<'_>, interrupt: &StopToken) -> Result<Vec<Trial>, String> {
    let started = Instant::now();
    let mut random = Random::new(spec.seed);
    let mut trials = Vec::new();
    while begins_another(spec, &trials, started.elapsed(), interrupt.is_stop_requested()) {
        let pause = random.duration_below(LONGEST_PAUSE);
        trials.push(trial::run(spec, start, pause, interrupt)?);
    }
    Ok(trials)
}

/// Whether the cell begins another trial after `trials`; it always runs one.
fn begins_another(spec: &Spec, trials: &[Trial], elapsed: Duration, interrupted: bool) -> bool {
    let Some(last) = trials.last() else { return spec.trials > 0 };
    // A worker that has to be killed takes far longer than others, and no longer than one that ignores the request.
    let killed = trials.iter().any(|trial| trial.verdict == Verdict::Killed);
    let budget = if killed { spec.budget().min(spec.patience()) } else { spec.budget() };
    let enough = trials.len() as u64 >= u64::from(spec.trials);
    !enough && !interrupted && elapsed <= budget && !last.verdict.leaves_work()
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::cell::Cell;

    use cease_core::{Checkpoint, SpawnFn, StopObserved};
    use cease_flag::Flag;

    use super::*;
    use crate::heartbeat::Heartbeat;

    fn spec(trials: u32) -> Spec {
        let grace = Duration::from_secs(60);
        Spec { strategy: "flag".to_owned(), workload: "scripted".to_owned(), seed: 1, trials, grace }
    }

    fn trial(verdict: Verdict) -> Trial {
        Trial { verdict, noticed: None, gone: None, work_after_request: None }
    }

    /// Runs a cell whose worker number `n`, from 0, leaves at its checkpoint unless `ignores(n)`; then it does all its work.
    fn run_scripted(spec: &Spec, interrupt: &StopToken, ignores: fn(u32) -> bool) -> Seen {
        let number = Cell::new(0);
        let start = |heartbeat: Heartbeat, _: StopObserved| {
            let ignored = ignores(number.replace(number.get() + 1));
            let job = move |stop: &StopToken| {
                heartbeat.beat();
                let stopped = stop.sleep(Duration::MAX);
                if ignored { Ok(Ok(())) } else { stopped.map(Ok) }
            };
            Ok(Flag::new().spawn_fn(job).unwrap())
        };
        run(spec, &start, interrupt).unwrap()
    }

    #[test]
    fn the_worst_of_mixed_verdicts_is_the_verdict_of_the_cell() {
        for (at, worst) in Verdict::ALL.into_iter().enumerate() {
            for &better in &Verdict::ALL[..=at] {
                for trials in [[worst, better], [better, worst]] {
                    assert_eq!(Seen::of(&trials.map(trial)).verdict, Some(worst), "{trials:?}");
                }
            }
        }
        assert_eq!(Seen::of(&[]).verdict, None);
    }

    #[test]
    fn one_worker_that_ignores_its_stop_is_seen_among_those_that_stop() {
        let seen = run_scripted(&spec(5), &StopToken::never(), |number| number == 2);
        assert_eq!(
            (seen.verdict, seen.trials),
            (Some(Verdict::Ignored), 3),
            "no trial runs after the one that left work"
        );
        let seen = run_scripted(&spec(3), &StopToken::never(), |_| false);
        assert_eq!((seen.verdict, seen.trials), (Some(Verdict::Stopped), 3));
    }

    #[test]
    fn an_interrupted_cell_runs_one_trial() {
        let interrupt = StopSource::new();
        interrupt.request();
        assert_eq!(run_scripted(&spec(3), &interrupt.token(), |_| false).trials, 1);
    }

    #[test]
    fn each_trial_adds_its_times_and_the_most_work_after_a_request_counts() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let trials = [
            Trial { noticed: ms(1), gone: ms(3), ..trial(Verdict::Stopped) },
            Trial { noticed: None, gone: ms(4), work_after_request: Some(7), ..trial(Verdict::Killed) },
            Trial { work_after_request: Some(2), ..trial(Verdict::Ignored) },
        ];
        let seen = Seen::of(&trials);
        assert_eq!(seen.noticed_ns.unwrap().samples, [1_000_000]);
        assert_eq!(seen.gone_ns.unwrap().samples, [3_000_000, 4_000_000]);
        assert_eq!((seen.trials, seen.work_after_request, seen.error), (3, Some(7), None));
    }

    #[test]
    fn the_audit_waits_only_where_nothing_may_be_left() {
        let settle = |verdict| Seen::of(&[trial(verdict)]).settle();
        assert_eq!([Verdict::Stopped, Verdict::Killed, Verdict::Late].map(settle), [SETTLE; 3]);
        assert_eq!([Verdict::Abandoned, Verdict::Ignored].map(settle), [Duration::ZERO; 2]);
    }

    #[test]
    fn a_cell_goes_on_while_there_are_trials_and_time_and_nothing_is_left() {
        let spec = Spec { grace: Duration::from_millis(250), ..spec(200) };
        let (zero, last) = (Duration::ZERO, spec.budget());
        let more = |verdicts: &[Verdict], elapsed, interrupted| {
            let trials: Vec<_> = verdicts.iter().copied().map(trial).collect();
            begins_another(&spec, &trials, elapsed, interrupted)
        };
        assert!(more(&[], Duration::MAX, true), "one trial always runs");
        assert!(more(&[Verdict::Stopped; 199], last, false));
        assert!(!more(&[Verdict::Stopped; 200], zero, false));
        assert!(!more(&[Verdict::Stopped], zero, true));
        assert!(!more(&[Verdict::Stopped], last + Duration::from_nanos(1), false));
        assert!(!more(&[Verdict::Stopped, Verdict::Abandoned], zero, false));
        assert!(!more(&[Verdict::Ignored], zero, false));

        // The patience, a second here, is shorter than the budget of so many trials.
        assert!(more(&[Verdict::Killed, Verdict::Stopped], spec.patience(), false));
        assert!(!more(&[Verdict::Killed, Verdict::Stopped], spec.patience() + Duration::from_nanos(1), false));
        let short = Spec { trials: 2, grace: Duration::from_secs(60), ..spec.clone() };
        assert!(begins_another(&short, &[trial(Verdict::Killed)], short.budget(), false));
        assert!(!begins_another(&short, &[trial(Verdict::Killed)], short.budget() * 2, false));
    }

    #[test]
    fn a_cell_that_failed_or_was_not_run_has_no_trials() {
        let failed = Seen::failed("no thread".to_owned());
        assert_eq!((failed.verdict, failed.trials, failed.error.as_deref()), (None, 0, Some("no thread")));
        let skipped = Seen::not_applicable();
        assert_eq!((skipped.verdict, skipped.trials, skipped.error), (Some(Verdict::NotApplicable), 0, None));
    }
}
