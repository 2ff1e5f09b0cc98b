//! How long something took over many trials.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long something took over many trials, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// Half of the trials took no longer.
    pub(crate) p50: u64,
    /// 99 of 100 trials took no longer; the same as `max` where there were fewer than 100.
    pub(crate) p99: u64,
    /// None took longer.
    pub(crate) max: u64,
    /// Every trial, in the order in which they ran.
    pub(crate) samples: Vec<u64>,
}

impl Latency {
    /// Sums up `samples`, or `None` when there are none.
    pub(crate) fn of(samples: Vec<u64>) -> Option<Self> {
        let mut sorted = samples.clone();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        // The nearest rank: the smallest sample that is no smaller than so many of a hundred.
        let quantile = |of_100: usize| sorted[(sorted.len() * of_100).div_ceil(100) - 1];
        Some(Self { p50: quantile(50), p99: quantile(99), max, samples })
    }
}

/// A duration as a whole number of nanoseconds; what is longer than 584 years is cut to that.
pub(crate) fn as_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number of nanoseconds as people read it: three digits and a unit.
pub(crate) fn readable(ns: u64) -> String {
    let (unit, size) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => ("µs", 1e3),
        1_000_000..1_000_000_000 => ("ms", 1e6),
        _ => ("s", 1e9),
    };
    let value = ns as f64 / size;
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples_that_were_seen() {
        let latency = Latency::of((1..=200).rev().collect()).unwrap();
        assert_eq!((latency.p50, latency.p99, latency.max), (100, 198, 200));
        assert_eq!(latency.samples[0], 200, "samples stay in the order of the trials");

        let one = Latency::of(vec![7]).unwrap();
        assert_eq!((one.p50, one.p99, one.max), (7, 7, 7));
        assert_eq!(Latency::of(Vec::new()), None);
    }

    #[test]
    fn durations_are_short_to_read() {
        let read = [0, 999, 1_000, 12_340, 123_456, 9_999_000, 2_000_000_000].map(readable);
        assert_eq!(read, ["0 ns", "999 ns", "1.00 µs", "12.3 µs", "123 µs", "10.0 ms", "2.00 s"]);
        assert_eq!([99_940_000, 99_960_000].map(readable), ["99.9 ms", "100 ms"]);
        assert_eq!(as_ns(Duration::MAX), u64::MAX);
    }
}
