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

/// Ends, and would begin again.
struct Again(u32, u32);

impl Iterator for Again {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0 += 1;
        if self.0.is_multiple_of(self.1 + 1) { None } else { Some(self.0) }
    }
}

/// A `break` that the attribute cannot see.
macro_rules! leave_if {
    ($condition:expr) => {
        if $condition {
            break;
        }
    };
}

same! {
    a_range(items, at, log) {
        for item in 0..items {
            if item == at {
                break;
            }
            if item % 3 == 0 {
                continue;
            }
            log.push(item);
        }
        None
    }

    an_inclusive_range(items, at, log) {
        for item in at..=items {
            log.push(item);
            if item == 64 {
                return Some(item);
            }
        }
        for item in u8::MAX - at as u8..=u8::MAX {
            log.push(item.into());
        }
        for item in i8::MIN..i8::MIN + items as i8 {
            log.push(item as u32);
        }
        for item in i8::MIN..=i8::MAX {
            log.push(item as u32);
        }
        for item in (0..=items).rev() {
            log.push(item);
        }
        #[allow(clippy::reversed_empty_ranges, reason = "on purpose")]
        for item in 5..=4_u64 {
            log.push(item as u32);
        }
        None
    }

    a_slice(items, at, log) {
        let numbers: Vec<u32> = (0..items).collect();
        for number in &numbers {
            if *number == at {
                break;
            }
            log.push(*number);
        }
        for (index, number) in numbers.iter().enumerate() {
            log.push(index as u32 + number);
        }
        for number in numbers {
            if number == at {
                return Some(number);
            }
            log.push(number);
        }
        None
    }

    a_slice_that_is_changed(items, at, log) {
        let mut numbers: Vec<u32> = (0..items).collect();
        for number in &mut numbers {
            if *number == at {
                continue;
            }
            *number *= 2;
        }
        for number in numbers.iter_mut().rev() {
            *number += 1;
        }
        log.extend(numbers);
        None
    }

    labels(items, at, log) {
        'outer: for first in 0..items {
            'inner: for second in 0..items {
                if second == at {
                    continue 'outer;
                }
                if first + second == 60 {
                    break 'outer;
                }
                for third in [1, 2, 3] {
                    if third + second == at {
                        break 'inner;
                    }
                    if third == 2 {
                        continue 'inner;
                    }
                    log.push(first * 10_000 + second * 100 + third);
                }
            }
        }
        None
    }

    labels_that_hide_others(items, at, log) {
        #[allow(unused_labels, clippy::never_loop, reason = "on purpose")]
        'same: for first in 0..items {
            for second in 0..3 {
                'other: loop {
                    if second == at {
                        break 'same;
                    }
                    break 'other;
                }
                log.push(first + second);
            }
            let value = 'block: {
                if first == at {
                    break 'block 1;
                }
                2
            };
            log.push(value);
        }
        None
    }

    values(items, at, log) {
        let mut number = 0;
        let found = 'search: loop {
            for item in 0..items {
                if item == at {
                    break 'search Some(item);
                }
                log.push(item);
            }
            number += 1;
            if number == 3 {
                break None;
            }
        };
        while let Some(last) = log.pop() {
            if last == 7 {
                break;
            }
        }
        found
    }

    an_iterator_that_would_begin_again(items, at, log) {
        let mut again = Again(0, items);
        for item in again.by_ref() {
            if item == at {
                break;
            }
            log.push(item);
        }
        log.push(again.0);
        None
    }

    how_often_an_iterator_is_asked(items, at, log) {
        let mut asked = 0;
        for item in std::iter::from_fn(|| {
            asked += 1;
            (asked <= items).then_some(asked)
        }) {
            if item == at {
                break;
            }
        }
        log.push(asked);
        None
    }

    breaks_in_macros(items, at, log) {
        for item in 0..items {
            leave_if!(item == at);
            log.push(item);
        }
        for item in (0..items).map(|item| item * 2) {
            log.push(item);
            leave_if!(item == at);
        }
        None
    }

    what_is_assigned_or_moved_once(items, at, log) {
        let found;
        let text = String::from("moved");
        'search: {
            for item in 0..items {
                if item == at {
                    found = item;
                    log.push(text.into_bytes().len() as u32);
                    break 'search;
                }
            }
            found = 1000;
        }
        let late;
        for item in 0..items {
            if item == at {
                late = vec![item];
                log.extend(late);
                break;
            }
        }
        Some(found)
    }

    what_the_head_holds(items, at, log) {
        let numbers = std::cell::RefCell::new((0..items).collect::<Vec<_>>());
        for number in numbers.borrow().iter() {
            log.push(*number);
            assert!(numbers.try_borrow_mut().is_err());
        }
        for number in {
            let mut twice = Vec::new();
            for number in numbers.borrow_mut().iter_mut() {
                *number *= 2;
                twice.push(*number);
            }
            twice
        } {
            if number == at {
                break;
            }
            log.push(number);
        }
        let _at_the_end = numbers.try_borrow_mut().expect("nothing is held any more");
        for number in numbers.try_borrow().iter() {
            log.push(number.len() as u32);
        }
        None
    }

    a_break_in_a_head(items, at, log) {
        for item in 0..items {
            for inner in if item == at { break } else { 0..2 } {
                log.push(item * 10 + inner);
            }
        }
        None
    }

    closures(items, at, log) {
        let mut each = |most: u32| {
            for item in 0..most {
                if item == at {
                    return None;
                }
                log.push(item);
            }
            Some(most)
        };
        for most in 0..items.min(4) {
            each(most)?;
        }
        (0..items).map(|item| { let mut steps = 0; while steps < item { steps += 1; } steps }).max()
    }

    let_else(items, at, log) {
        for item in (0..items).map(|item| item.checked_sub(at)) {
            let Some(item) = item else { continue };
            let Ok(item) = u8::try_from(item) else { break };
            log.push(item.into());
        }
        None
    }

    names_that_the_attribute_uses(items, at, log) {
        let (block, blocks, way, most) = (1, 2, 3, 4);
        for items in 0..items {
            if items == at {
                break;
            }
            log.push(items + block + blocks + way + most);
        }
        None
    }
}

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

#[test]
fn what_cannot_be_cut_is_counted() {
    assert_eq!(generic(0_u8..7), 7);
    assert_eq!(letters(), "abcde");
}
