//! A moment as processes tell each other: on the clock that they share.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment, as the time that CLOCK_MONOTONIC shows: one clock for all processes of a machine.
///
/// An [`Instant`] is on that clock too, and cannot be written down.
/// Both conversions look at the clock twice, and what passes between the looks makes the moment later, never earlier; it is
/// never later than now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(Duration);

impl From<Instant> for Moment {
    fn from(at: Instant) -> Self {
        let ago = at.elapsed();
        Self(now().saturating_sub(ago))
    }
}

impl From<Moment> for Instant {
    fn from(at: Moment) -> Self {
        let ago = now().saturating_sub(at.0);
        let now = Self::now();
        // A moment from before the clock began was told by nobody.
        now.checked_sub(ago).unwrap_or(now)
    }
}

fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    // Neither is negative, by what the clock promises.
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_has_travelled_is_not_earlier_and_not_later_than_now() {
        for _ in 0..1000 {
            let at = Instant::now();
            let there = Moment::from(at);
            let back = Instant::from(there);
            assert!(at <= back && back <= Instant::now());
        }
    }

    #[test]
    fn a_moment_that_has_passed_stays_in_the_past() {
        // A thread that is suspended between the two looks at the clock makes one try late, not every try.
        let stays = |_| {
            let at = Instant::now();
            while at.elapsed() < Duration::from_millis(1) {
                std::thread::yield_now();
            }
            let later = Instant::now();
            Instant::from(Moment::from(at)) < later
        };
        assert!((0..1000).any(stays));
    }
}
