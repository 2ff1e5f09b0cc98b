//! The laws, each a function that any strategy can be given to.
//!
//! A law is written against [`Strategy`] and the facade [`cease_core::sync`], so the same text runs with real threads,
//! under loom and under shuttle.
//! It panics when the promise is broken, with the number of the law first; a promise about blocking is broken by a
//! deadlock instead, which each harness reports in its own way.
//! A law uses at most three threads and a few operations on each, because loom explores every order of them.

mod lifetime;
mod request;

use cease_core::{Checkpoint, Exit, Law, Stopped, Strategy, Worker};

use crate::Act;

pub use lifetime::{
    l5_stop_before_start, l6_stop_after_the_end_is_harmless, l7_a_produced_value_is_not_lost,
    l8_after_join_nothing_runs, l9_a_panic_is_reported, l10_drop_stops_and_joins, l10_only_detach_lets_go,
    l11_joining_oneself_is_an_error, l18_nothing_leaks,
};
pub use request::{
    l1_request_is_sticky, l2_one_reason, l3_writes_before_the_request_are_visible, l4_giving_up_races_with_the_request,
    l4_no_lost_wakeup, l14_a_request_outlives_its_source, l14_the_last_source_tells,
};

/// One function that checks a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The law.
    pub law: Law,
    /// The name of the function.
    pub name: &'static str,
    /// A model that explored fewer interleavings than this saw too little to say anything.
    pub floor: usize,
}

/// Every check there is.
pub const CHECKS: &[Check] = &[
    Check { law: Law::L1, name: "l1_request_is_sticky", floor: 100 },
    Check { law: Law::L2, name: "l2_one_reason", floor: 100 },
    Check { law: Law::L3, name: "l3_writes_before_the_request_are_visible", floor: 20 },
    Check { law: Law::L4, name: "l4_no_lost_wakeup", floor: 100 },
    Check { law: Law::L4, name: "l4_giving_up_races_with_the_request", floor: 100 },
    Check { law: Law::L5, name: "l5_stop_before_start", floor: 2 },
    Check { law: Law::L6, name: "l6_stop_after_the_end_is_harmless", floor: 20 },
    Check { law: Law::L7, name: "l7_a_produced_value_is_not_lost", floor: 20 },
    Check { law: Law::L8, name: "l8_after_join_nothing_runs", floor: 20 },
    Check { law: Law::L9, name: "l9_a_panic_is_reported", floor: 20 },
    Check { law: Law::L10, name: "l10_drop_stops_and_joins", floor: 20 },
    Check { law: Law::L10, name: "l10_only_detach_lets_go", floor: 20 },
    Check { law: Law::L11, name: "l11_joining_oneself_is_an_error", floor: 20 },
    Check { law: Law::L14, name: "l14_the_last_source_tells", floor: 20 },
    Check { law: Law::L14, name: "l14_a_request_outlives_its_source", floor: 100 },
    Check { law: Law::L18, name: "l18_nothing_leaks", floor: 20 },
];

/// Starts `body` as a worker of `strategy`.
fn spawn<S, F>(strategy: &S, body: F) -> Worker<u32>
where
    S: Strategy<Act>,
    F: FnOnce(&dyn Checkpoint) -> Result<u32, Stopped> + Send + 'static,
{
    strategy.spawn(Act::new(body)).expect("a law starts only a few workers")
}

/// Joins `worker`, and lets a failed assertion of the job fail the law.
fn join(worker: Worker<u32>) -> Exit<u32> {
    match worker.join().expect("a law joins from outside, unless it says so") {
        Exit::Panicked(panic) => panic.resume(),
        exit => exit,
    }
}
