//! The job that a worker does just now, and the stops that are meant for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource, StopToken};

use crate::message::{Stop, Why};

static CURRENT: Mutex<Current> = Mutex::new(Current { number: 0, source: None, due: None, early: None });

/// The job that is done just now.
struct Current {
    number: u64,
    /// `None` while no job is done.
    source: Option<StopSource>,
    /// Until when it has to leave, once it was asked.
    due: Option<Instant>,
    /// A stop that came before the job that it is for: stops come another way than jobs.
    early: Option<(Stop, Option<Instant>)>,
}

/// Until when the job has to leave before its process is told by a signal; `None` while it was not asked.
#[must_use]
pub fn due() -> Option<Instant> {
    current().due
}

/// Job `number` begins, stopped already if there is a reason; the token is what it is asked through.
pub(super) fn begin(number: u64, stopped: Option<&Why>) -> StopToken {
    let source = StopSource::new();
    let token = source.token();
    let mut current = current();
    *current = Current { number, source: Some(source), due: None, early: current.early.take() };
    if let Some(why) = stopped {
        current.ask(why.clone());
    }
    match current.early.take() {
        Some((stop, due)) if stop.number == number => {
            current.due = due;
            current.ask(stop.why);
        }
        Some(early) if early.0.number > number => current.early = Some(early),
        // It was for a job that is over.
        _ => {}
    }
    token
}

/// The job is over: a stop that comes now is for nobody.
pub(super) fn end() {
    let mut current = current();
    (current.source, current.due) = (None, None);
}

/// A stop has come: it is for the job with its number, and for no other.
pub(super) fn stop(stop: Stop) {
    // Beyond what the clock can count, there is no hurry.
    let due = Instant::now().checked_add(Duration::from_millis(stop.within_ms));
    let mut current = current();
    if stop.number > current.number {
        current.early = Some((stop, due));
    } else if stop.number == current.number && current.source.is_some() {
        current.due = current.due.or(due);
        current.ask(stop.why);
    }
}

impl Current {
    fn ask(&self, why: Why) {
        if let Some(source) = &self.source {
            source.request_with_location(Reason::from(why), None);
        }
    }
}

fn current() -> MutexGuard<'static, Current> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn a_stop(number: u64) -> Stop {
        Stop { why: Why::Deadline, number, within_ms: 1_000 }
    }

    /// One test, because there is one current job.
    #[test]
    fn a_stop_is_for_its_own_job_whenever_it_comes() {
        let first = begin(1, None);
        stop(a_stop(2));
        assert!(!first.is_stop_requested() && due().is_none(), "it is for the next one");
        end();
        let second = begin(2, None);
        assert!(second.is_stop_requested() && due().is_some(), "it came early, and was kept");
        end();
        stop(a_stop(2));
        let third = begin(3, None);
        stop(a_stop(2));
        assert!(!third.is_stop_requested() && due().is_none(), "it came late, and is for nobody");
        stop(a_stop(3));
        assert!(third.is_stop_requested());
        assert_eq!(third.reason(), Some(&Reason::Deadline));
        let fourth = begin(4, Some(&Why::Signal(2)));
        assert_eq!(fourth.reason(), Some(&Reason::Signal(2)));
        end();
    }
}
