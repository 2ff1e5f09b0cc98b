#![doc = include_str!("../README.md")]

mod act;
mod aside;
mod block_on;
mod by_hand;
pub mod faults;
pub mod harness;
pub mod laws;
#[cfg(not(any(loom, shuttle)))]
pub mod spawning;

pub use act::Act;

/// Holds a strategy to every law: one test per law, called `law::strategy`.
///
/// Call it once in a test file of its own; the strategy is an expression with full paths.
/// It also installs the allocator by which law L18 counts memory.
///
/// ```text
/// cease_conformance::laws!(flag, cease_flag::Flag::new());
/// ```
///
/// A strategy that breaks a law only in some setting is given twice: the laws that its contract excepts are run on the second
/// expression, of the same type, and must fail on it.
///
/// ```text
/// cease_conformance::laws!(weak, crate::Weak::careful(), excepted: crate::Weak::careless());
/// ```
#[macro_export]
macro_rules! laws {
    ($strategy:ident, $new:expr) => {
        $crate::laws!($strategy, $new, excepted: $new);
    };
    ($strategy:ident, $new:expr, excepted: $excepted:expr) => {
        #[global_allocator]
        static COUNTING: $crate::harness::CountingAllocator = $crate::harness::CountingAllocator;

        $crate::laws! {
            @each $strategy, $new, $excepted;
            l1_request_is_sticky
            l1_a_stop_never_escalates
            l2_one_reason
            l2_the_reason_needs_no_poll
            l3_writes_before_the_request_are_visible
            l4_no_lost_wakeup
            l4_giving_up_races_with_the_request
            l4_a_task_is_woken
            l4_a_renewed_waker_is_woken
            l5_stop_before_start
            l6_stop_after_the_end_is_harmless
            l7_a_produced_value_is_not_lost
            l8_after_join_nothing_runs
            l9_a_panic_is_reported
            l10_drop_stops_and_joins
            l10_only_detach_lets_go
            l11_joining_oneself_is_an_error
            l12_a_stop_goes_down_never_up
            l12_a_child_of_a_stopped_parent_is_stopped
            l12_a_middle_that_is_dropped_cuts_nothing_off
            l12_a_child_in_another_shard_is_stopped
            l12_a_late_request_waits_for_the_first
            l12_a_late_request_waits_between_shards
            l12_a_request_that_pauses_leaves_out_none
            l12_a_top_that_is_dropped_changes_nothing_below
            l13_a_callback_runs_exactly_once
            l13_dropping_waits_for_a_running_callback
            l13_a_callback_may_drop_its_own_guard
            l13_a_panic_loses_no_other
            l13_the_newest_and_the_deepest_come_first
            l13_a_callback_that_is_due_is_taken_back
            l13_unregistering_never_waits_and_tells
            l13_a_pinned_callback_runs_exactly_once
            l13_dropping_a_pinned_callback_waits
            l14_the_last_source_tells
            l14_a_request_outlives_its_source
            l14_a_source_above_counts
            l14_the_last_two_go_at_once
            l14_what_is_never_called_is_dropped
            l15_a_deadline_races_with_a_request
            l15_it_only_tightens
            l15_it_outlives_its_source
            l15_the_reason_of_a_deadline_is_whole
            l18_nothing_leaks
            l18_a_tree_of_shards_leaves_nothing
            l18_a_root_goes_as_its_deadline_passes
            l18_a_callback_left_while_it_runs_leaves_nothing
            l18_the_count_orders_every_touch
            l21_any_of_two_stops_once
            l21_all_of_three_wait_for_the_third
            l21_too_few_inputs_are_told
            l21_cutting_races_with_the_request
            l21_the_last_token_races_with_the_request
        }
    };
    (@each $strategy:ident, $new:expr, $excepted:expr; $($law:ident)*) => {
        $(
            mod $law {
                #[test]
                fn $strategy() {
                    let path = concat!(module_path!(), "::", stringify!($strategy));
                    $crate::harness::hold(path, || Box::new($new), || Box::new($excepted), $crate::laws::$law);
                }
            }
        )*

        #[test]
        fn every_law_is_listed() {
            $crate::harness::assert_listed(&[$(stringify!($law)),*]);
        }
    };
}

/// Holds a strategy whose workers handle items to law L17; it stands below [`laws!`] in the same file.
///
/// The strategy is an expression of a type that implements [`laws::Items`].
///
/// ```text
/// cease_conformance::item_laws!(channel, crate::Handling);
/// ```
#[macro_export]
macro_rules! item_laws {
    ($strategy:ident, $new:expr) => {
        $crate::few_laws! {
            $strategy, ITEM_CHECKS, |path, law| $crate::harness::hold_few(path, || law(&$new));
            l17_what_is_accepted_is_drained
            l17_a_stop_races_with_a_send
            l17_a_senders_own_stop_races_with_room
            l17_a_close_races_with_a_send
            l17_a_close_wakes_a_send_that_waits
            l17_a_close_wakes_a_send_that_could_be_stopped
            l17_consumers_share_what_there_is
        }
    };
}

/// Holds a checkpoint with an object of a library to law L12; it stands below [`laws!`] in the same file.
///
/// The mirror is an expression of a type that implements [`laws::Mirror`].
///
/// ```text
/// cease_conformance::mirror_law!(channel, crate::Receiving);
/// ```
#[macro_export]
macro_rules! mirror_law {
    ($strategy:ident, $new:expr) => {
        mod l12_a_mirror_follows_the_flag {
            #[test]
            fn $strategy() {
                let path = concat!(module_path!(), "::", stringify!($strategy));
                $crate::harness::hold_few(path, || $crate::laws::l12_a_mirror_follows_the_flag(&$new));
            }
        }
    };
}

/// Holds a strategy that ends processes to what laws L7 and L19 say about the side that ends them.
///
/// The strategy is an expression of a type that implements [`laws::Supervises`].
///
/// ```text
/// cease_conformance::process_laws!(process, crate::Supervising);
/// ```
#[macro_export]
macro_rules! process_laws {
    ($strategy:ident, $new:expr) => {
        $crate::few_laws! {
            $strategy, PROCESS_CHECKS, |path, law| $crate::harness::hold_few(path, || law(&$new));
            l7_who_asks_together_gets_the_same_report
            l7_a_result_that_was_sent_is_not_lost
            l7_who_waits_takes_the_sentrys_place
            l19_nothing_is_signalled_after_the_reap
            l19_who_was_signalled_gets_no_other_job
        }
    };
}

/// Holds a strategy whose jobs are left by unwinding to law L20; it stands below [`laws!`] in the same file.
///
/// Its checkpoint is [`cease_core::current::checkpoint`], which a law's job calls; the strategy is an expression with full
/// paths, and best tells nobody of what was swallowed, because the laws swallow on purpose.
///
/// ```text
/// cease_conformance::unwind_laws!(unwind, cease_unwind::Unwind::new().on_swallowed(|_, _| ()));
/// ```
#[macro_export]
macro_rules! unwind_laws {
    ($strategy:ident, $new:expr) => {
        $crate::few_laws! {
            $strategy, UNWIND_CHECKS, |path, law| $crate::harness::hold(path, || Box::new($new), || Box::new($new), law);
            l20_a_stop_deep_down_leaves_the_job
            l20_a_foreign_panic_passes
            l20_the_hook_stays_silent
            l20_a_swallowed_stop_leaves_again
            l20_a_swallowed_stop_is_told
            l20_a_sibling_of_a_stop_is_dropped
            l20_a_stop_passes_other_edges
            l20_the_threads_own_stop_comes_back
            l18_a_stop_that_unwinds_leaves_nothing
        }
    };
}

/// What the macros for laws of a few strategies have in common: a test for each law, held by the expression, and one that none of
/// them is forgotten.
#[doc(hidden)]
#[macro_export]
macro_rules! few_laws {
    ($strategy:ident, $checks:ident, |$path:ident, $held:ident| $hold:expr; $($law:ident)*) => {
        $(
            mod $law {
                use $crate::laws::$law as $held;

                #[test]
                fn $strategy() {
                    let $path = concat!(module_path!(), "::", stringify!($strategy));
                    $hold;
                }
            }
        )*

        #[test]
        fn every_law_of_the_few_is_listed() {
            $crate::harness::assert_few_listed(&[$(stringify!($law)),*], $crate::laws::$checks);
        }
    };
}
