//! From the request until the waiting side is awake.
//!
//! | file | who waits |
//! |---|---|
//! | `blocking.rs` | a thread |
//! | `descriptor.rs` | a thread that waits for a descriptor too |
//! | `tasks.rs` | a task of tokio |

mod asker;
mod blocking;
mod descriptor;
mod tasks;

pub(super) use asker::{ASKER, SLEEPER, Signal};

use crate::rounds::{Row, Unit};

pub(super) static ROWS: [Row; 4] = [
    Row {
        name: "wake/blocking",
        unit: Unit::Nanoseconds,
        targets: &[("park, hot", 1.1), ("park, fresh", 1.05)],
        limit: None,
        contenders: |setup| blocking::contenders(setup.scale),
    },
    Row {
        name: "wake/descriptor",
        unit: Unit::Nanoseconds,
        targets: &[("eventfd + poll", 1.15), ("eventfd + poll, alone", 1.15)],
        limit: None,
        contenders: |setup| descriptor::contenders(setup.scale),
    },
    Row {
        name: "wake/async-current-thread",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 1.0)],
        limit: None,
        contenders: |setup| tasks::on_current_thread(setup.scale),
    },
    Row {
        name: "wake/async-multi-thread",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 1.0)],
        limit: None,
        contenders: |setup| tasks::on_several_threads(setup.scale),
    },
];
