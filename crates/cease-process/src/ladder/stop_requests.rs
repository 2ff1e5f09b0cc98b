//! Where those who ask and the one who supervises meet.

use std::fmt;

use cease_core::sync::{self, Condvar, Mutex, lock};
use cease_core::{Fault, StopSource, StopToken};

use super::Stage;

/// Counts requests, wakes the supervisor for each, and gives every caller the same report.
pub struct StopRequests<R> {
    requests: Mutex<Requests>,
    sentry: Mutex<SupervisorThread>,
    sentry_left: Condvar,
    report: Mutex<Option<R>>,
    /// Asked when the report is there.
    filed: StopSource,
    over: StopToken,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// The requests that were made, and how many of them can still have an effect.
#[derive(Debug)]
struct Requests {
    made: u32,
    /// How many the supervisor has taken in.
    taken: u32,
    /// How many stages were above the ladder's when the supervisor took them in.
    stages_above: u32,
}

/// Who stands at the post while nobody waits.
#[derive(Debug, Default)]
struct SupervisorThread {
    stands: bool,
    relieved: bool,
}

impl<R: Clone> StopRequests<R> {
    /// A desk whose supervisor is woken by `wake`, which may be called at any time and from any thread.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let filed = StopSource::new();
        let over = filed.token();
        Self {
            requests: Mutex::new(Requests { made: 0, taken: 0, stages_above: Stage::ALL.len() as u32 }),
            sentry: Mutex::new(SupervisorThread::default()),
            sentry_left: Condvar::new(),
            report: Mutex::new(None),
            filed,
            over,
            wake: Box::new(wake),
        }
    }

    /// Asks for the end; each further request goes one stage up. Harmless when it is over.
    ///
    /// Returns whether a stage was left for it: false when the requests before it reach the last stage.
    pub fn request(&self) -> bool {
        let has_stage = {
            let mut requests = lock(&self.requests);
            let waiting = requests.made.saturating_sub(requests.taken);
            requests.made = requests.made.saturating_add(1);
            waiting < requests.stages_above
        };
        (self.wake)();
        has_stage
    }

    /// Records that the ladder has taken in `taken` requests and has `stages_above` stages above its own.
    pub(super) fn take_in(&self, taken: u32, stages_above: u32) {
        let mut requests = lock(&self.requests);
        (requests.taken, requests.stages_above) = (taken, stages_above);
    }

    /// Sends the sentry home, if one stands at the post: the caller takes the place, see [`super::Supervisor::supervise`].
    pub fn relieve(&self) {
        lock(&self.sentry).relieved = true;
        (self.wake)();
    }

    /// How many requests were made.
    pub fn requests(&self) -> u32 {
        lock(&self.requests).made
    }

    /// The report, once it is over.
    pub fn report(&self) -> Option<R> {
        lock(&self.report).clone()
    }

    /// Waits until it is over, and returns the report; every caller gets the same.
    ///
    /// # Blocking
    ///
    /// Blocks until the supervisor files its report.
    pub fn wait(&self) -> R {
        // It ends with the report, because the desk keeps the source.
        let _ = self.over.wait();
        self.report().expect("L7: the report is filed before a caller sees the end")
    }

    /// A token that is stopped once it is over.
    pub const fn over(&self) -> &StopToken {
        &self.over
    }

    pub(super) fn is_relieved(&self) -> bool {
        lock(&self.sentry).relieved
    }

    /// The sentry comes; false when there is no need for one any more.
    pub(super) fn come(&self) -> bool {
        let mut sentry = lock(&self.sentry);
        sentry.stands = !sentry.relieved;
        sentry.stands
    }

    /// The sentry goes.
    pub(super) fn go(&self) {
        lock(&self.sentry).stands = false;
        self.sentry_left.notify_all();
    }

    /// Waits until no sentry stands there: two who wait for the same would take each other's wake-ups.
    pub(super) fn wait_for_the_sentry(&self) {
        let mut sentry = lock(&self.sentry);
        while sentry.stands && !Fault::ReliefHurries.is_seeded() {
            sentry = sync::wait(&self.sentry_left, sentry);
        }
    }

    /// Files the report, and wakes everybody who waits for it; the first one stays.
    pub(super) fn file(&self, report: R) {
        {
            let mut slot = lock(&self.report);
            if slot.is_none() || Fault::TwoReports.is_seeded() {
                *slot = Some(report);
            }
        }
        self.filed.request();
    }
}

impl<R> fmt::Debug for StopRequests<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopRequests").field("over", &self.over).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::ladder::{Event, GracePeriods, Ladder};

    #[test]
    fn a_request_beyond_the_last_stage_has_no_stage() {
        let requests = StopRequests::<()>::new(|| {});
        assert_eq!([(); 4].map(|()| requests.request()), [true, true, true, false]);
        requests.take_in(1, 2);
        assert!(!requests.request(), "three requests wait for two stages");
        requests.take_in(5, 1);
        assert_eq!([(); 2].map(|()| requests.request()), [true, false]);
        requests.take_in(7, 0);
        assert!(!requests.request(), "the ladder is at its last stage");
    }

    #[test]
    fn a_stage_without_time_is_not_above_unless_it_is_the_last() {
        use std::time::Duration;
        let budgets = GracePeriods { ask: Duration::from_secs(1), term: Duration::ZERO, kill: Duration::ZERO };
        let mut ladder = Ladder::new(budgets);
        let above = (0..4).map(|made| {
            ladder.tell(Event::Requests(made), Duration::ZERO);
            ladder.stages_above()
        });
        assert_eq!(above.collect::<Vec<_>>(), [2, 1, 0, 0]);
    }
}
