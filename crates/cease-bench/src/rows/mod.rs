//! The rows: what is measured, and against whom.

mod create;
mod poll;
mod request;
mod spawn;
mod wake;

use crate::rounds::Row;

/// Every row, in the order in which they are printed.
pub(crate) fn all() -> Vec<Row> {
    vec![
        poll::one_thread(),
        poll::two_threads(),
        poll::depth_8(),
        create::source(),
        create::child(),
        create::child_on_two_threads(),
        request::children("request/1e3", 1_000),
        request::children("request/1e5", 100_000),
        wake::blocking(),
        spawn::spawn_and_join(),
    ]
}
