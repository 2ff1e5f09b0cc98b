//! One trial: a worker is started, works for a moment, is asked to stop, and is waited for.

use std::time::{Duration, Instant};

use cease_core::{Exit, StopObserved, StopToken, Worker};

use crate::heartbeat::{Heartbeat, heartbeat};
use crate::spec::{GET_GOING, Spec};
use crate::verdict::Verdict;

/// Starts one worker, which beats the heartbeat and notes when it first sees the stop; or says in one line why not.
pub(crate) type Start<'a> = dyn Fn(Heartbeat, StopObserved) -> Result<Worker<Result<(), String>>, String> + 'a;

/// What was seen of one worker; times are since the request.
#[derive(Debug)]
pub(crate) struct Trial {
    /// How it ended, or that it did not.
    pub(crate) verdict: Verdict,
    /// When its checkpoint saw the stop, if one did.
    pub(crate) noticed: Option<Duration>,
    /// When nothing of it ran any more, if that came to be.
    pub(crate) gone: Option<Duration>,
    /// How many pieces of work it did after the request, if it still ran at the end and they are counted here.
    pub(crate) work_after_request: Option<u64>,
}

/// Starts one worker, lets it work for `pause`, or until `interrupt`, and stops it.
///
/// One that still runs when the patience is over is let go of.
///
/// # Errors
///
/// What failed, in one line.
pub(crate) fn run(spec: &Spec, start: &Start<'_>, pause: Duration, interrupt: &StopToken) -> Result<Trial, String> {
    let (heartbeat, listener) = heartbeat();
    let noticed = StopObserved::default();
    let worker = start(heartbeat, noticed.clone())?;
    if !listener.wait_for_first(GET_GOING) {
        // Its heartbeat is gone, so it has ended or is about to; or it does not get going.
        return Err(match worker.join_timeout(spec.grace) {
            Ok(exit) => why_unasked(&exit),
            Err(still_running) => {
                still_running.into_worker().detach();
                "the worker did not begin to work in time".to_owned()
            }
        });
    }
    // However the wait ends, the pause is over.
    let _ = interrupt.wait_timeout(pause);

    let beats_at_request = listener.beats();
    let asked_at = Instant::now();
    worker.stop();
    let ended = worker.join_timeout(spec.patience());
    let gone = asked_at.elapsed();
    let noticed = noticed.at().map(|at| at.saturating_duration_since(asked_at));
    let worked_on = || Some(listener.beats()? - beats_at_request?);
    match ended {
        Ok(exit @ Exit::Abandoned) => Ok(Trial {
            verdict: judge(&exit, Verdict::Abandoned)?,
            noticed,
            gone: None,
            work_after_request: worked_on(),
        }),
        Ok(exit) => {
            let stopped = if gone <= spec.grace { Verdict::Stopped } else { Verdict::Late };
            Ok(Trial { verdict: judge(&exit, stopped)?, noticed, gone: Some(gone), work_after_request: None })
        }
        Err(still_running) => {
            let work_after_request = worked_on();
            still_running.into_worker().detach();
            Ok(Trial { verdict: Verdict::Ignored, noticed, gone: None, work_after_request })
        }
    }
}

/// What the end of a worker that was asked to stop says; `stopped` when it did.
fn judge(exit: &Exit<Result<(), String>>, stopped: Verdict) -> Result<Verdict, String> {
    match exit {
        Exit::Stopped(_) => Ok(stopped),
        Exit::Finished(Ok(())) => Ok(Verdict::Ignored),
        Exit::Killed { .. } => Ok(Verdict::Killed),
        Exit::Abandoned => Ok(Verdict::Abandoned),
        _ => Err(why_unasked(exit)),
    }
}

/// Why a worker ended, when that is no verdict.
fn why_unasked(exit: &Exit<Result<(), String>>) -> String {
    match exit {
        Exit::Finished(Err(why)) => format!("the work failed: {why}"),
        Exit::Exited(code) => format!("the worker exited with code {code}"),
        Exit::Died(signal) => format!("the worker died by signal {signal}"),
        Exit::Broken(why) => format!("what the worker yields cannot be understood: {why}"),
        Exit::Unkillable(left) => format!("the worker was killed and is not gone: {left:?}"),
        Exit::Panicked(panic) => format!("the job panicked: {}", panic.message().unwrap_or("not with a text")),
        exit => format!("the worker ended by itself: {}", exit.kind()),
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::thread;

    use cease_core::{Checkpoint, SpawnFn, StopSource, Stopped};
    use cease_flag::Flag;

    use super::*;

    /// What a job of the tests does once it works.
    type Act = fn(&dyn Checkpoint) -> Result<Result<(), String>, Stopped>;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    fn try_once(grace: Duration, act: Act) -> Result<Trial, String> {
        let spec = Spec { strategy: "flag".into(), workload: "acting".into(), seed: 1, trials: 1, grace };
        let start = |heartbeat: Heartbeat, noticed: StopObserved| {
            let job = move |stop: &StopToken| {
                heartbeat.beat();
                act(&noticed.watch(stop))
            };
            Ok(Flag::new().spawn_fn(job).unwrap())
        };
        run(&spec, &start, Duration::ZERO, &StopSource::new().token())
    }

    #[test]
    fn a_job_that_leaves_at_a_checkpoint_is_stopped() {
        let trial = try_once(LONG, |stop| stop.sleep(Duration::MAX).map(Ok)).unwrap();
        assert_eq!((trial.verdict, trial.work_after_request), (Verdict::Stopped, None));
        assert!(trial.noticed.unwrap() <= trial.gone.unwrap());
    }

    #[test]
    fn a_job_that_outlasts_the_grace_is_not_stopped_in_time() {
        let trial = try_once(SHORT, |stop| {
            let stopped = stop.sleep(Duration::MAX);
            let seen = Instant::now();
            while seen.elapsed() <= SHORT {
                thread::yield_now();
            }
            stopped.map(Ok)
        });
        let trial = trial.unwrap();
        // On a machine that stalls, the patience may be over too.
        assert!(matches!(trial.verdict, Verdict::Late | Verdict::Ignored));
        if let Some(gone) = trial.gone {
            assert!(
                trial.noticed.unwrap() + SHORT <= gone,
                "the job worked for so long after it saw the stop: {trial:?}"
            );
        }
    }

    #[test]
    fn a_job_that_works_on_has_ignored_the_stop() {
        let trial = try_once(SHORT, |_| {
            loop {
                thread::park();
            }
        });
        let trial = trial.unwrap();
        assert_eq!((trial.verdict, trial.noticed, trial.gone), (Verdict::Ignored, None, None));
        assert_eq!(trial.work_after_request, Some(0));
    }

    #[test]
    fn a_job_that_does_all_its_work_has_ignored_the_stop() {
        let trial = try_once(LONG, |stop| {
            let _ = stop.token().wait();
            Ok(Ok(()))
        });
        assert_eq!(trial.unwrap().verdict, Verdict::Ignored);
    }

    #[test]
    fn a_panic_and_a_failure_of_the_work_are_no_verdicts() {
        let panicked = try_once(LONG, |_| std::panic::resume_unwind(Box::new("on purpose")));
        assert_eq!(panicked.unwrap_err(), "the job panicked: on purpose");
        let failed = try_once(LONG, |_| Ok(Err("disk on fire".to_owned())));
        assert_eq!(failed.unwrap_err(), "the work failed: disk on fire");
    }
}
