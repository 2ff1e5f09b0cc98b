//! The rows: what is measured, and against whom.

mod bytes;
mod callback;
mod channel;
mod create;
mod poll;
pub(crate) mod process;
mod request;
mod spawn;
mod token;
mod trace;
mod tree;
mod unwind;
mod wake;

use std::hint::black_box;
use std::time::Instant;

use crate::rounds::Row;

/// Every row, in the order in which they are printed.
pub(crate) fn all() -> impl Iterator<Item = &'static Row> {
    let rows: [&[Row]; 12] = [
        &poll::ROWS,
        &create::ROWS,
        &request::ROWS,
        &bytes::ROWS,
        &callback::ROWS,
        &wake::ROWS,
        &spawn::ROWS,
        &unwind::ROWS,
        &trace::ROWS,
        &token::ROWS,
        &channel::ROWS,
        &process::ROWS,
    ];
    rows.into_iter().flatten()
}

/// Nanoseconds for making one and dropping it.
fn make_and_drop<T>(times: u32, mut make: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        drop(black_box(make()));
    }
    nanoseconds_each(start, times)
}

/// What has passed since `start`, for each of so many.
fn nanoseconds_each(start: Instant, times: u32) -> f64 {
    start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
}
