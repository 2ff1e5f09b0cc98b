//! A stop that comes inside a loop leaves at the next round of that loop.
//!
//! Each piece of code calls [`round`] in its innermost loop, and the stop is requested while one of these calls waits for it.
//! So neither the entry of the function nor a loop further out can leave for the loop that is meant.
#![cfg(not(any(loom, shuttle)))]

use std::cell::RefCell;
use std::pin::pin;
use std::sync::mpsc::{Sender, channel};
use std::task::{Context, Waker};
use std::time::Duration;

use cease_core::{Exit, JoinError, SpawnFn, current};
use cease_trace::{Trace, traced};

/// A worker that has not ended by then never will.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A loop that goes on so long after the stop has no checkpoint in its rounds.
const TOO_MANY: u32 = 10_000;

/// The rounds of one worker.
struct Rounds {
    begun: u32,
    /// The round that waits for the stop.
    last: u32,
    /// Is sent to when that round has begun.
    inside: Sender<()>,
    /// Is sent the number of rounds when the worker ends.
    count: Sender<u32>,
}

impl Drop for Rounds {
    fn drop(&mut self) {
        let _ = self.count.send(self.begun);
    }
}

thread_local! { static ROUNDS: RefCell<Option<Rounds>> = const { RefCell::new(None) }; }

/// Begins a round of a loop.
fn round() {
    let is_last = ROUNDS.with_borrow_mut(|rounds| {
        let rounds = rounds.as_mut().expect("the worker counts its rounds");
        rounds.begun += 1;
        assert!(rounds.begun < rounds.last + TOO_MANY, "a loop goes on after the stop");
        if rounds.begun == rounds.last {
            rounds.inside.send(()).expect("the test waits");
        }
        rounds.begun == rounds.last
    });
    if is_last {
        current::token().expect("a worker has a token").wait().expect("the test keeps a source");
    }
}

/// As [`round`], as a condition that holds.
fn goes_on() -> bool {
    round();
    true
}

/// As [`round`], with a value.
fn next() -> Option<u32> {
    round();
    Some(1)
}

/// `true`, which the compiler does not know.
fn yes() -> bool {
    std::hint::black_box(true)
}

/// `None`, which the compiler does not know.
fn nothing() -> Option<u32> {
    std::hint::black_box(None)
}

/// Stops `work` while it is in round `last`; returns in which round it is left.
fn left_in(last: u32, work: fn()) -> u32 {
    let ((inside, is_inside), (count, counted)) = (channel(), channel());
    let job = move |_: &_| {
        ROUNDS.set(Some(Rounds { begun: 0, last, inside, count }));
        work();
        Ok(())
    };
    let worker = Trace::new().spawn_fn(job).expect("the thread starts");
    is_inside.recv_timeout(WATCHDOG).expect("the loop comes to that round");
    worker.stop_with("enough");
    match worker.join_timeout(WATCHDOG) {
        Ok(Exit::Stopped(_)) => counted.recv().expect("the thread has ended"),
        Ok(Exit::Panicked(panic)) => panic.resume(),
        Ok(exit) => panic!("the worker is {} and not stopped", exit.kind()),
        Err(JoinError::StillRunning(worker)) => {
            worker.detach();
            panic!("the worker goes on after the stop");
        }
        Err(error) => panic!("{error}"),
    }
}

/// One test for each piece of code: a stop in its first round leaves before the second, traced each round and in blocks of one.
macro_rules! left_inside {
    ($($name:ident $body:block)*) => {
        $(
            #[test]
            #[allow(warnings, unsafe_code, clippy::all, clippy::pedantic, reason = "no loop ends, and each stands where a loop may stand")]
            fn $name() {
                #[traced]
                fn each_round() $body

                #[traced(every = 1)]
                fn in_blocks() $body

                for work in [each_round as fn(), in_blocks] {
                    assert_eq!(left_in(1, work), 1);
                }
            }
        )*
    };
}

mod kinds {
    use super::*;

    left_inside! {
        a_loop { loop { round(); } }
        a_while { while yes() { round(); } }
        a_while_let { while let Some(_) = Some(1) { round(); } }
        a_while_let_chain { while yes() && let Some(_) = Some(1) { round(); } }
        a_for { for _ in 0_u64.. { round(); } }
        a_for_over_a_counted_iterator { for _ in std::iter::repeat(1) { round(); } }
        a_while_that_does_all_in_its_condition { while goes_on() {} }
        a_while_let_that_does_all_in_its_head { while let Some(_) = next() {} }
        a_for_that_does_all_in_its_iterator { for _ in std::iter::from_fn(next) {} }
        a_loop_with_continue { loop { round(); continue; } }
        a_while_with_continue { while yes() { round(); if yes() { continue; } } }
        a_while_let_with_continue { while let Some(_) = Some(1) { round(); if yes() { continue; } } }
        a_for_with_continue { for _ in 0_u64.. { round(); if yes() { continue; } } }
        a_loop_with_a_label { 'outer: loop { round(); if yes() { continue 'outer; } } }
        a_loop_with_a_value { let value: u32 = loop { round(); if !yes() { break 3; } }; }
        a_loop_with_an_item_first { loop { fn helper() {} round(); } }
        a_for_with_an_item_first { for _ in 0_u64.. { const STEP: u32 = 1; round(); } }
    }
}

mod heads {
    use super::*;

    left_inside! {
        the_condition_of_a_while { while { loop { round(); } } {} }
        the_head_of_a_while_let { while let Some(_) = { for _ in 0_u64.. { round(); } Some(1) } {} }
        the_head_of_a_for { for _ in { while yes() { round(); } 0..1 } {} }
        the_condition_of_an_if { if { loop { round(); } } {} }
        the_condition_of_an_if_let { if let Some(_) = { while yes() { round(); } Some(1) } {} }
        the_head_of_a_match { match { for _ in 0_u64.. { round(); } 1 } { _ => () } }
        a_guard_of_a_match { match 1 { _ if { while yes() { round(); } true } => (), _ => () } }
        an_arm_of_a_match { match 1 { 0 => (), _ => loop { round(); } } }
        a_block_arm_of_a_match { match yes() { true => { while yes() { round(); } } false => () } }
        the_branches_of_an_if { if !yes() {} else if yes() { while yes() { round(); } } else {} }
        the_last_branch_of_an_if { if !yes() {} else { for _ in 0_u64.. { round(); } } }
    }
}

mod nested {
    use super::*;

    left_inside! {
        the_inner_loop { loop { loop { round(); } } }
        the_inner_while { for _ in 0_u64.. { while yes() { round(); } } }
        the_inner_while_let { while yes() { while let Some(_) = Some(1) { round(); } } }
        the_inner_for { while let Some(_) = Some(1) { for _ in 0_u64.. { round(); } } }
        the_outer_loop { loop { for _ in 0..0 {} round(); } }
        the_outer_while { while yes() { while !yes() {} round(); } }
        the_outer_while_let { while let Some(_) = Some(1) { while let Some(_) = nothing() {} round(); } }
        the_outer_for { for _ in 0_u64.. { loop { break; } round(); } }
        the_outer_loop_by_label { 'outer: loop { loop { round(); continue 'outer; } } }
        the_outer_for_by_label { 'outer: for _ in 0_u64.. { while yes() { round(); continue 'outer; } } }
        the_second_loop { loop { break; } while !yes() {} for _ in 0..1 {} while yes() { round(); } }
        the_third_level { loop { while yes() { for _ in 0_u64.. { round(); } } } }
    }
}

mod places {
    use super::*;

    #[allow(dead_code, reason = "only the places of its values matter")]
    struct Pair(u32, u32);

    fn take(_: u32) {}

    left_inside! {
        a_closure { let work = || loop { round(); }; work(); }
        a_closure_in_a_closure { (|| (|| while yes() { round(); })())(); }
        a_closure_that_moves { let step = 1; (move || for _ in 0_u64.. { round(); take(step); })(); }
        a_closure_as_an_argument { (0..1).for_each(|_| while yes() { round(); }); }
        the_value_of_a_let { let value = { while yes() { round(); } 1 }; }
        a_let_else { let Some(_) = nothing() else { loop { round(); } }; }
        the_value_of_a_let_else { let Some(_) = ({ while yes() { round(); } nothing() }) else { return }; }
        a_block { { loop { round(); } } }
        a_block_with_a_label { 'block: { while yes() { round(); } break 'block; } }
        // SAFETY: nothing in it is unsafe.
        an_unsafe_block { unsafe { for _ in 0_u64.. { round(); } } }
        an_argument { take({ while yes() { round(); } 1 }); }
        a_receiver { ({ while yes() { round(); } 1_u32 }).pow(2); }
        an_argument_of_a_method { 1_u32.pow({ while yes() { round(); } 2 }); }
        a_field { Pair(1, { while yes() { round(); } 2 }); }
        an_access_of_a_field { ({ while yes() { round(); } Pair(1, 2) }).0; }
        a_tuple { (1, { while yes() { round(); } 2 }); }
        an_array { [1, { while yes() { round(); } 2 }]; }
        a_repeated_element { [{ while yes() { round(); } 2 }; 3]; }
        an_index { [1, 2][{ while yes() { round(); } 1 }]; }
        a_reference { let _ = &{ while yes() { round(); } 1 }; }
        an_operand { let _ = 1 + { while yes() { round(); } 1 }; }
        the_right_side_of_an_and { let _ = yes() && { while yes() { round(); } true }; }
        a_negated_operand { let _ = !{ while yes() { round(); } true }; }
        a_cast { let _ = { while yes() { round(); } 1_u8 } as u32; }
        an_assignment { let mut number = 1; number = { while yes() { round(); } 2 }; }
        an_assignment_with_an_operator { let mut number = 1; number += { while yes() { round(); } 2 }; }
        a_range { let _ = 0..{ while yes() { round(); } 2 }; }
        a_return { return { while yes() { round(); } }; }
        the_value_of_a_break { loop { break { while yes() { round(); } }; } }
        parentheses { let _ = ({ while yes() { round(); } 1 }); }
        a_question_mark { (|| { ({ while yes() { round(); } nothing() })?; Some(1) })(); }
        a_function_inside { fn helper() { loop { round(); } } helper(); }
        a_module_inside { mod helper { pub(super) fn spin() { while super::yes() { super::round(); } } } helper::spin(); }
        a_method_inside { struct Inner; impl Inner { fn spin() { loop { round(); } } } Inner::spin(); }
        a_default_method_inside { trait Spin { fn spin(&self) { loop { round(); } } } impl Spin for u32 {} 1_u32.spin(); }
    }
}

/// Blocks of a size, the round of the stop, and the last round that is begun after it.
const BOUNDARIES: [(u32, u32, u32); 9] =
    [(1, 1, 1), (1, 2, 2), (3, 1, 3), (3, 2, 3), (3, 3, 3), (3, 4, 6), (3, 6, 6), (8, 8, 8), (8, 9, 16)];

/// One test for each head of a `for` loop with at least 24 rounds: a block is not left, and the next one is not begun.
macro_rules! left_between_blocks {
    ($($name:ident($head:expr))*) => {
        $(
            #[test]
            fn $name() {
                #[traced(every = 1)]
                fn of_1() { for _ in $head { round(); } }

                #[traced(every = 3)]
                fn of_3() { for _ in $head { round(); } }

                #[traced(every = 8)]
                fn of_8() { for _ in $head { round(); } }

                for (size, last, left) in BOUNDARIES {
                    let work = match size { 1 => of_1 as fn(), 3 => of_3, _ => of_8 };
                    assert_eq!(left_in(last, work), left, "blocks of {size}, stopped in round {last}");
                }
            }
        )*
    };
}

mod blocks {
    use super::*;

    left_between_blocks! {
        a_range(0..24_u32)
        a_range_to_the_highest_number(u8::MAX - 24..u8::MAX)
        a_range_of_signed_numbers(-12..12_i8)
        a_range_without_an_end(0_u64..)
        an_inclusive_range(1..=24_u32)
        an_inclusive_range_to_the_highest_number(u8::MAX - 23..=u8::MAX)
        an_inclusive_range_of_signed_numbers(-128..=-105_i8)
        a_slice(&[0_u8; 24][..])
        an_array_by_reference(&[0_u8; 24])
        a_vec_by_reference(&vec![0_u8; 24])
        a_slice_that_is_changed(&mut [0_u8; 24][..])
        an_iterator_of_a_slice([0_u8; 24].iter())
        an_iterator_of_a_slice_that_is_changed([0_u8; 24].iter_mut())
        an_array_by_value([0_u8; 24])
        a_vec_by_value(vec![0_u8; 24])
        an_adapter((0..24_u32).rev())
        letters('a'..='x')
    }
}

#[test]
fn the_loops_that_blocks_do_not_cut_are_checked_each_round() {
    #[traced(every = 1000)]
    fn a_loop() {
        loop {
            round();
        }
    }

    #[traced(every = 1000)]
    fn a_while() {
        while goes_on() {}
    }

    #[traced(every = 1000)]
    fn a_while_let() {
        while let Some(_number) = next() {}
    }

    for work in [a_loop as fn(), a_while, a_while_let] {
        assert_eq!(left_in(3, work), 3);
    }
}

#[test]
fn a_block_is_checked_before_it_begins_and_not_after_it() {
    #[traced(every = 8)]
    fn stopped_before_the_loop() {
        round();
        for _ in 0..24 {
            round();
        }
    }

    #[traced(every = 8)]
    fn stopped_in_the_last_block() {
        for _ in 0..24 {
            round();
        }
        round();
        while yes() {
            round();
        }
    }

    assert_eq!(left_in(1, stopped_before_the_loop), 1);
    assert_eq!(left_in(24, stopped_in_the_last_block), 25);
}

/// They may run on another thread than the worker's.
#[test]
fn async_blocks_and_closures_are_left_alone() {
    fn poll(future: impl Future<Output = ()>) {
        let poll = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll.is_ready());
    }

    #[traced]
    fn a_block() {
        poll(async {
            for _ in 0..3 {
                round();
            }
        });
        while yes() {
            round();
        }
    }

    #[traced(every = 1)]
    fn a_closure() {
        let work = async || {
            for _ in 0..3 {
                round();
            }
        };
        poll(work());
        while yes() {
            round();
        }
    }

    for work in [a_block as fn(), a_closure] {
        assert_eq!(left_in(1, work), 3, "the first loop has no checkpoint, and the second one leaves");
    }
}

#[test]
fn an_option_of_a_member_replaces_the_outer_one() {
    #[traced(every = 3)]
    mod outer {
        pub(super) fn in_threes() {
            for _ in 0..24 {
                super::round();
            }
        }

        #[traced(every = 8)]
        pub(super) fn in_eights() {
            for _ in 0..24 {
                super::round();
            }
        }

        pub(super) fn in_threes_again() {
            for _ in 0..24 {
                super::round();
            }
        }
    }

    #[traced(crate = no_such_crate)]
    mod named {
        #[traced(crate = cease_trace)]
        pub(super) fn spin() {
            loop {
                super::round();
            }
        }
    }

    assert_eq!(left_in(1, named::spin), 1);
    assert_eq!(
        [outer::in_threes as fn(), outer::in_eights, outer::in_threes_again].map(|work| left_in(4, work)),
        [6, 8, 6]
    );
}
