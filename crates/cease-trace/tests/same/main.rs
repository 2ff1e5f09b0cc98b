//! A loop that is traced, each round or in blocks, does what it did before.
#![cfg(not(any(loom, shuttle)))]
#![deny(warnings)]

use cease_trace::traced;

/// How many items, and where to leave: the sizes of blocks are among them, one less and one more.
const SIZES: [u32; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 63, 64, 65];

/// One module for each piece of code: the code as it is, and traced in every way, and the test that they do the same.
macro_rules! same {
    ($($name:ident($items:ident, $at:ident, $log:ident) $body:tt)*) => {
        $(
            mod $name {
                #[allow(unused_imports, reason = "only some need what is outside")]
                use super::*;

                pub(super) fn plain($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[traced]
                pub(super) fn each_round($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[traced(every = 1)]
                pub(super) fn blocks_of_1($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[traced(every = 3)]
                pub(super) fn blocks_of_3($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[traced(every = 8)]
                pub(super) fn blocks_of_8($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[traced(every = 1000)]
                pub(super) fn blocks_of_1000($items: u32, $at: u32, $log: &mut Vec<u32>) -> Option<u32> $body

                #[test]
                fn does_the_same() {
                    for items in SIZES {
                        for at in SIZES {
                            let run = |code: fn(u32, u32, &mut Vec<u32>) -> Option<u32>| {
                                let mut log = Vec::new();
                                (code(items, at, &mut log), log)
                            };
                            let expected = run(plain);
                            for code in [each_round, blocks_of_1, blocks_of_3, blocks_of_8, blocks_of_1000] {
                                assert_eq!(run(code), expected, "{items} items, left at {at}");
                            }
                        }
                    }
                }
            }
        )*
    };
}

mod flow;
mod items;
mod places;

/// A number whose ranges cannot be cut.
#[traced(every = 2)]
fn generic<T>(range: std::ops::Range<T>) -> usize
where
    std::ops::Range<T>: Iterator,
{
    let mut count = 0;
    for _ in range {
        count += 1;
    }
    count
}

#[traced(every = 2)]
fn letters() -> String {
    let mut letters = String::new();
    for letter in 'a'..='e' {
        letters.push(letter);
    }
    letters
}

/// Has the names of the generated code, and comes out of no macro, so only hygiene keeps them apart.
#[traced(every = 2)]
fn own_names(items: u32) -> u32 {
    let (block, blocks, way) = (1, 2, 3);
    let mut sum = 0;
    'cease_blocks_1: for _ in 0..3 {
        for item in 0..items {
            if item == 4 {
                break 'cease_blocks_1;
            }
            sum += items + block + blocks + way;
        }
    }
    sum
}

/// A loop with code of the caller inside. Both may have a label `'same`: the compiler tells them apart, and the attribute goes
/// by their names.
macro_rules! shadowed {
    ($($name:ident($log:ident, $item:ident) $inner:tt)*) => {
        $(
            #[allow(clippy::while_immutable_condition, clippy::never_loop, reason = "on purpose")]
            #[traced(every = 2)]
            fn $name($log: &mut Vec<u32>) {
                let last;
                'same: for $item in 0..5 {
                    $inner
                    if $item == 3 {
                        // Assigned once, so the compiler must see that this leaves the outer loop.
                        last = vec![20 + $item];
                        $log.extend(last);
                        break 'same;
                    }
                    $log.push(10 + $item);
                }
            }
        )*
    };
}

shadowed! {
    by_a_loop(log, item) {
        'same: loop { log.push(item); if item < 100 { break 'same } }
    }
    by_a_while(log, item) {
        'same: while item < 100 { log.push(item); if item < 100 { break 'same } }
    }
    by_a_for(log, item) {
        'same: for _ in 0..3 { log.push(item); if item < 100 { break 'same } }
    }
    by_a_block(log, item) {
        'same: { log.push(item); if item < 100 { break 'same } log.push(1000) }
    }
}

#[test]
fn a_label_that_is_shadowed_leaves_the_inner_loop() {
    for code in [by_a_loop as fn(&mut Vec<u32>), by_a_while, by_a_for, by_a_block] {
        let mut log = Vec::new();
        code(&mut log);
        assert_eq!(log, [0, 10, 1, 11, 2, 12, 3, 23]);
    }
}

/// Ends with a loop that has an attribute, and borrows what it also owns.
#[traced(every = 2)]
fn tail(log: &mut Vec<u32>) {
    let numbers = std::cell::RefCell::new(vec![1, 2, 3]);
    #[allow(clippy::explicit_iter_loop, reason = "on purpose")]
    for number in numbers.borrow().iter() {
        log.push(*number);
    }
}

/// A function whose parts come out of a macro.
macro_rules! made {
    ($name:ident, $list:expr, $item:ident, $body:block) => {
        #[traced(every = 2)]
        fn $name() -> u32 {
            let mut sum = 0;
            for $item in $list {
                sum += $body;
            }
            sum
        }
    };
}

made!(made_of_parts, [1, 2, 3].iter(), item, {
    let mut twice = 0;
    for _ in 0..2 {
        twice += item;
    }
    twice
});

#[test]
fn own_names_are_kept_apart() {
    assert_eq!(own_names(3), 3 * 3 * 9);
    assert_eq!(own_names(6), 4 * 12);
}

#[test]
fn a_loop_at_the_end_borrows_as_before() {
    let mut log = Vec::new();
    tail(&mut log);
    assert_eq!(log, [1, 2, 3]);
}

#[test]
fn what_a_macro_makes_is_traced() {
    assert_eq!(made_of_parts(), 12);
}

#[test]
fn what_cannot_be_cut_is_counted() {
    assert_eq!(generic(0_u8..7), 7);
    assert_eq!(letters(), "abcde");
}
