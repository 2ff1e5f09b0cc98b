//! The time of one operation out of many.

use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds for making one value and dropping it.
pub(super) fn make_and_drop<T>(times: u32, mut make: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        drop(black_box(make()));
    }
    nanoseconds_each(start, times)
}

/// Nanoseconds since `start`, divided by `times`.
pub(super) fn nanoseconds_each(start: Instant, times: u32) -> f64 {
    start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
}
