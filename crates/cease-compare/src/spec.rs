//! What of a cell is decided before it runs, and how long each part of it may take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What of a cell is decided before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    /// The strategy's name.
    pub(crate) strategy: String,
    /// The workload's name.
    pub(crate) workload: String,
    /// Decides how long each worker works before it is asked.
    pub(crate) seed: u64,
    /// How many workers are started and stopped, one after the other.
    pub(crate) trials: u32,
    /// How long a worker may take to be gone.
    pub(crate) grace: Duration,
}

/// How long a worker may take until it works.
pub(crate) const GET_GOING: Duration = Duration::from_secs(20);

/// How long a worker works at most before it is asked.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(4);

/// How long threads that were joined may stay in the list of the process.
pub(crate) const SETTLE: Duration = Duration::from_secs(2);

/// So that a worker that only misses a very short grace is late, and not taken for one that never stops.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);

impl Spec {
    /// How long a worker is waited for before it counts as one that ignores the request.
    pub(crate) fn patience(&self) -> Duration {
        self.grace.saturating_mul(4).max(SHORTEST_PATIENCE)
    }

    /// After how long a strategy that has more than asking goes on to it, and lets go of a worker, or ends it: well within
    /// the patience, so that it is seen to, and long after the grace, so that a worker which is merely late is only that.
    pub(crate) fn ask(&self) -> Duration {
        self.patience() / 2
    }

    /// After how long no further trial is begun; a worker that stops in time needs a small part of it.
    pub(crate) fn budget(&self) -> Duration {
        Duration::from_secs(2) + Duration::from_millis(40) * self.trials
    }

    /// How long the whole cell can take, with much to spare; one that takes longer hangs.
    pub(crate) fn limit(&self) -> Duration {
        (self.budget() + GET_GOING + SETTLE + Duration::from_secs(20)).saturating_add(self.patience())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(grace: Duration, trials: u32) -> Spec {
        Spec { strategy: "flag".to_owned(), workload: "sleep-loop".to_owned(), seed: 1, trials, grace }
    }

    #[test]
    fn the_patience_is_four_times_the_grace_and_at_least_a_second() {
        let patience = |ms| spec(Duration::from_millis(ms), 1).patience();
        assert_eq!([1, 250, 251, 500].map(patience), [1000, 1000, 1004, 2000].map(Duration::from_millis));
        assert_eq!(spec(Duration::MAX, 1).patience(), Duration::MAX);
    }

    #[test]
    fn a_strategy_escalates_after_the_grace_and_within_the_patience() {
        for ms in [1, 250, 500, 60_000] {
            let spec = spec(Duration::from_millis(ms), 1);
            assert!(spec.grace * 2 <= spec.ask() && spec.ask() * 2 <= spec.patience(), "{ms}");
        }
    }

    #[test]
    fn the_limit_has_room_for_every_part_of_the_cell() {
        let spec = spec(Duration::from_secs(1), 200);
        assert_eq!(spec.budget(), Duration::from_secs(10));
        assert!(spec.limit() > spec.budget() + GET_GOING + SETTLE + spec.patience());
        let endless = Spec { grace: Duration::MAX, trials: u32::MAX, ..spec };
        assert_eq!(endless.limit(), Duration::MAX);
    }
}
