//! The laws, each a function that any strategy can be given to.
//!
//! A law is written against [`Strategy`] and the facade [`cease_core::sync`], so the same text runs with real threads,
//! under loom and under shuttle.
//! It takes the strategy as a trait object: one compiled law serves all strategies, and theirs are built in seconds.
//! It panics when the promise is broken, with the number of the law first; a promise about blocking is broken by a
//! deadlock instead, which each harness reports in its own way.
//! A law about sources alone has no use for the strategy, and no contract can except it: a worker beside it would only
//! multiply the orders.
//! A law uses at most three threads and a few operations on each, because loom explores every order of them.

mod callback;
mod deadline;
mod escalate;
mod items;
mod lifetime;
mod link;
mod memory;
mod mirror;
mod process;
mod process_tree;
mod request;
mod sweep;
mod tree;
mod unwind;

use cease_core::{Checkpoint, Exit, Law, Stopped, Strategy, Worker};

use crate::Act;

pub use callback::{
    l13_a_callback_may_drop_its_own_guard, l13_a_callback_runs_exactly_once, l13_a_callback_that_is_due_is_taken_back,
    l13_a_panic_loses_no_other, l13_a_pinned_callback_runs_exactly_once, l13_dropping_a_pinned_callback_waits,
    l13_dropping_waits_for_a_running_callback, l13_the_newest_and_the_deepest_come_first,
    l13_unregistering_never_waits_and_tells,
};
pub use deadline::{l15_a_deadline_races_with_a_request, l15_it_only_tightens, l15_it_outlives_its_source};
pub use escalate::l1_a_stop_never_escalates;
pub use items::{
    Items, l17_a_close_races_with_a_send, l17_a_close_wakes_a_send_that_could_be_stopped,
    l17_a_close_wakes_a_send_that_waits, l17_a_senders_own_stop_races_with_room, l17_a_stop_races_with_a_send,
    l17_consumers_share_what_there_is, l17_what_is_accepted_is_drained,
};
pub use lifetime::{
    l5_stop_before_start, l6_stop_after_the_end_is_harmless, l7_a_produced_value_is_not_lost,
    l8_after_join_nothing_runs, l9_a_panic_is_reported, l10_drop_stops_and_joins, l10_only_detach_lets_go,
    l11_joining_oneself_is_an_error, l18_a_tree_of_shards_leaves_nothing, l18_nothing_leaks,
};
pub use link::{
    l21_all_of_three_wait_for_the_third, l21_any_of_two_stops_once, l21_cutting_races_with_the_request,
    l21_the_last_token_races_with_the_request, l21_too_few_inputs_are_told,
};
pub use memory::{
    l2_the_reason_needs_no_poll, l15_the_reason_of_a_deadline_is_whole,
    l18_a_callback_left_while_it_runs_leaves_nothing, l18_a_root_goes_as_its_deadline_passes,
    l18_the_count_orders_every_touch,
};
pub use mirror::{Mirror, l12_a_mirror_follows_the_flag};
pub use process::{
    Supervises, TreeReport, l7_a_result_that_was_sent_is_not_lost, l7_who_asks_together_gets_the_same_report,
    l7_who_waits_takes_the_sentrys_place, l19_nothing_is_signalled_after_the_reap,
    l19_who_was_signalled_gets_no_other_job,
};
#[cfg(shuttle)]
pub use process::{a_crowd_that_asks_gets_one_report, a_crowd_that_only_watches_is_told};
pub use process_tree::{Happened, Seen, Tree};
pub use request::{
    l1_request_is_sticky, l2_one_reason, l3_writes_before_the_request_are_visible, l4_a_renewed_waker_is_woken,
    l4_a_task_is_woken, l4_giving_up_races_with_the_request, l4_no_lost_wakeup, l14_a_request_outlives_its_source,
    l14_the_last_source_tells,
};
pub use sweep::{
    l12_a_child_in_another_shard_is_stopped, l12_a_late_request_waits_between_shards,
    l12_a_late_request_waits_for_the_first, l12_a_request_that_pauses_leaves_out_none,
};
pub use tree::{
    l12_a_child_of_a_stopped_parent_is_stopped, l12_a_middle_that_is_dropped_cuts_nothing_off,
    l12_a_stop_goes_down_never_up, l12_a_top_that_is_dropped_changes_nothing_below, l14_a_source_above_counts,
    l14_the_last_two_go_at_once, l14_what_is_never_called_is_dropped,
};
pub use unwind::{
    l18_a_stop_that_unwinds_leaves_nothing, l20_a_foreign_panic_passes, l20_a_sibling_of_a_stop_is_dropped,
    l20_a_stop_deep_down_leaves_the_job, l20_a_stop_passes_other_edges, l20_a_swallowed_stop_is_told,
    l20_a_swallowed_stop_leaves_again, l20_the_hook_stays_silent, l20_the_threads_own_stop_comes_back,
};

/// One function that checks a law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The law.
    pub law: Law,
    /// The name of the function.
    pub name: &'static str,
    /// How often loom may take the processor from a thread that could go on; `None` explores every order there is.
    pub preemptions: Option<usize>,
    /// A model that explored fewer interleavings than this saw too little to say anything.
    pub floor: usize,
}

/// Every check there is; the floors are about half of what the flag strategy has.
pub const CHECKS: &[Check] = &[
    check(Law::L1, "l1_request_is_sticky", None, 600),
    check(Law::L1, "l1_a_stop_never_escalates", None, 2500),
    check(Law::L2, "l2_one_reason", None, 15_000),
    check(Law::L2, "l2_the_reason_needs_no_poll", None, 3),
    check(Law::L3, "l3_writes_before_the_request_are_visible", None, 40),
    check(Law::L4, "l4_no_lost_wakeup", Some(4), 5000),
    check(Law::L4, "l4_giving_up_races_with_the_request", Some(4), 10_000),
    check(Law::L4, "l4_a_task_is_woken", None, 20_000),
    check(Law::L4, "l4_a_renewed_waker_is_woken", None, 110),
    check(Law::L5, "l5_stop_before_start", None, 10),
    check(Law::L6, "l6_stop_after_the_end_is_harmless", None, 10),
    check(Law::L7, "l7_a_produced_value_is_not_lost", None, 20),
    check(Law::L8, "l8_after_join_nothing_runs", None, 150),
    check(Law::L9, "l9_a_panic_is_reported", None, 10),
    check(Law::L10, "l10_drop_stops_and_joins", None, 30),
    check(Law::L10, "l10_only_detach_lets_go", None, 20_000),
    check(Law::L11, "l11_joining_oneself_is_an_error", None, 25_000),
    check(Law::L12, "l12_a_stop_goes_down_never_up", None, 170),
    check(Law::L12, "l12_a_child_of_a_stopped_parent_is_stopped", None, 200),
    check(Law::L12, "l12_a_middle_that_is_dropped_cuts_nothing_off", None, 1900),
    check(Law::L12, "l12_a_child_in_another_shard_is_stopped", None, 2400),
    check(Law::L12, "l12_a_late_request_waits_for_the_first", None, 2100),
    check(Law::L12, "l12_a_late_request_waits_between_shards", None, 5),
    check(Law::L12, "l12_a_request_that_pauses_leaves_out_none", None, 7000),
    check(Law::L12, "l12_a_top_that_is_dropped_changes_nothing_below", None, 190),
    check(Law::L13, "l13_a_callback_runs_exactly_once", None, 130),
    check(Law::L13, "l13_dropping_waits_for_a_running_callback", None, 14_000),
    check(Law::L13, "l13_a_callback_may_drop_its_own_guard", None, 700),
    check(Law::L13, "l13_a_panic_loses_no_other", None, 2400),
    check(Law::L13, "l13_the_newest_and_the_deepest_come_first", None, 3000),
    check(Law::L13, "l13_a_callback_that_is_due_is_taken_back", None, 380),
    check(Law::L13, "l13_unregistering_never_waits_and_tells", None, 22),
    check(Law::L13, "l13_a_pinned_callback_runs_exactly_once", None, 2),
    check(Law::L13, "l13_dropping_a_pinned_callback_waits", None, 75),
    check(Law::L14, "l14_the_last_source_tells", None, 60_000),
    check(Law::L14, "l14_a_request_outlives_its_source", Some(4), 25_000),
    check(Law::L14, "l14_a_source_above_counts", None, 19_000),
    check(Law::L14, "l14_the_last_two_go_at_once", None, 4300),
    check(Law::L14, "l14_what_is_never_called_is_dropped", None, 250),
    check(Law::L15, "l15_a_deadline_races_with_a_request", None, 80),
    check(Law::L15, "l15_it_only_tightens", None, 4000),
    check(Law::L15, "l15_it_outlives_its_source", None, 80),
    check(Law::L15, "l15_the_reason_of_a_deadline_is_whole", None, 20),
    check(Law::L18, "l18_nothing_leaks", None, 9000),
    check(Law::L18, "l18_a_tree_of_shards_leaves_nothing", None, 8000),
    check(Law::L18, "l18_a_root_goes_as_its_deadline_passes", None, 180),
    check(Law::L18, "l18_a_callback_left_while_it_runs_leaves_nothing", None, 220),
    check(Law::L18, "l18_the_count_orders_every_touch", None, 2400),
    check(Law::L21, "l21_any_of_two_stops_once", None, 1900),
    check(Law::L21, "l21_all_of_three_wait_for_the_third", None, 6),
    check(Law::L21, "l21_too_few_inputs_are_told", None, 26),
    check(Law::L21, "l21_cutting_races_with_the_request", None, 60),
    check(Law::L21, "l21_the_last_token_races_with_the_request", None, 3000),
];

/// The checks of law L17, which concerns strategies whose workers handle items; the floors are about half of what the
/// channel strategy has.
pub const ITEM_CHECKS: &[Check] = &[
    check(Law::L17, "l17_what_is_accepted_is_drained", Some(3), 450),
    check(Law::L17, "l17_a_stop_races_with_a_send", Some(3), 30_000),
    check(Law::L17, "l17_a_senders_own_stop_races_with_room", Some(3), 8000),
    check(Law::L17, "l17_a_close_races_with_a_send", Some(3), 1500),
    check(Law::L17, "l17_a_close_wakes_a_send_that_waits", Some(3), 950),
    check(Law::L17, "l17_a_close_wakes_a_send_that_could_be_stopped", Some(3), 950),
    check(Law::L17, "l17_consumers_share_what_there_is", Some(2), 4000),
];

/// The check of law L12 that concerns checkpoints with an object of a library that follows the stop.
pub const MIRROR_CHECKS: &[Check] = &[check(Law::L12, "l12_a_mirror_follows_the_flag", None, 4)];

/// The checks of what a strategy that ends processes shows of itself; the floors are about half of what the process strategy
/// has.
pub const PROCESS_CHECKS: &[Check] = &[
    check(Law::L7, "l7_who_asks_together_gets_the_same_report", Some(3), 1200),
    check(Law::L7, "l7_a_result_that_was_sent_is_not_lost", Some(3), 16_000),
    check(Law::L7, "l7_who_waits_takes_the_sentrys_place", Some(3), 1400),
    check(Law::L19, "l19_nothing_is_signalled_after_the_reap", Some(3), 21_000),
    check(Law::L19, "l19_who_was_signalled_gets_no_other_job", Some(3), 15_000),
];

/// The checks of law L20, and of L18 for it, which concern strategies whose jobs are left by unwinding.
pub const UNWIND_CHECKS: &[Check] = &[
    check(Law::L20, "l20_a_stop_deep_down_leaves_the_job", None, 1250),
    check(Law::L20, "l20_a_foreign_panic_passes", None, 900),
    check(Law::L20, "l20_the_hook_stays_silent", None, 1100),
    check(Law::L20, "l20_a_swallowed_stop_leaves_again", None, 1900),
    check(Law::L20, "l20_a_swallowed_stop_is_told", None, 700),
    check(Law::L20, "l20_a_sibling_of_a_stop_is_dropped", None, 10),
    check(Law::L20, "l20_a_stop_passes_other_edges", None, 500),
    check(Law::L20, "l20_the_threads_own_stop_comes_back", None, 1300),
    check(Law::L18, "l18_a_stop_that_unwinds_leaves_nothing", None, 1400),
];

/// Those of [`CHECKS`] by which a strategy whose checkpoint is not the token itself is looked at for faults of that.
pub const CHECKPOINT_CHECKS: &[Check] = &[
    check(Law::L5, "l5_stop_before_start", Some(3), 10),
    check(Law::L11, "l11_joining_oneself_is_an_error", Some(3), 300),
];

const fn check(law: Law, name: &'static str, preemptions: Option<usize>, floor: usize) -> Check {
    Check { law, name, preemptions, floor }
}

/// Starts `body` as a worker of `strategy`.
fn spawn<F>(strategy: &dyn Strategy<Act>, body: F) -> Worker<u32>
where
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
