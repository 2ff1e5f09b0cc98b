//! The rows: what is measured, and against whom.

mod poll;
mod spawn;
mod wake;

use crate::rounds::Row;

/// Every row, in the order in which they are printed.
pub(crate) fn all() -> Vec<Row> {
    vec![poll::one_thread(), poll::two_threads(), wake::blocking(), spawn::spawn_and_join()]
}
