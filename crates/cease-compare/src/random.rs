//! Numbers that look random and are the same for the same seed.

use std::time::Duration;

use crate::latency::as_ns;

/// SplitMix64, by Steele, Lea and Flood.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The sequence of `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A duration that is shorter than `end`, to the nanosecond.
    pub(crate) fn duration_below(&mut self, end: Duration) -> Duration {
        Duration::from_nanos(self.next() % as_ns(end).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_sequence() {
        let mut random = Random::new(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn durations_stay_below_their_end() {
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| random.duration_below(Duration::from_nanos(5)) < Duration::from_nanos(5)));
        let nanosecond = Duration::from_nanos(1);
        assert!((0..100).all(|_| random.duration_below(nanosecond).is_zero()));
        assert_eq!(random.duration_below(Duration::ZERO), Duration::ZERO);
    }
}
