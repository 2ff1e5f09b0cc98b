//! The rows: what is measured, and against whom.

mod bytes;
mod callback;
mod channel;
mod create;
mod each;
mod poll;
pub(crate) mod process;
mod request;
mod spawn;
mod token;
mod trace;
mod tree;
mod unwind;
mod wake;

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
