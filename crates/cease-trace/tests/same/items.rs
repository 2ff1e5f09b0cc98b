//! What a loop goes through, and how far.

use super::*;

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

    a_break_in_a_guard(items, at, log) {
        let late;
        'search: for outer in 0..items {
            for item in 0..items {
                match item {
                    _ if outer == 2 && { for inner in 0..item { if inner == at { break 'search } } false } => return None,
                    _ if outer == 3 && item == at && { late = vec![item]; log.extend(late); break 'search } => return None,
                    _ if item == at && { log.push(1000); break } => return None,
                    _ => log.push(item),
                }
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

    an_iterator_that_is_lent(items, at, log) {
        let mut range = 0..items;
        for item in &mut range {
            if item == at {
                break;
            }
        }
        log.push(range.len() as u32);
        let numbers: Vec<u32> = (0..items).collect();
        let mut rest = numbers.iter();
        for item in rest.by_ref() {
            if *item == at {
                break;
            }
        }
        log.extend(rest);
        let mut owned = numbers.into_iter().map(Box::new);
        'twice: for _ in 0..2 {
            for item in owned.by_ref() {
                if *item == at {
                    continue 'twice;
                }
                log.push(*item);
            }
        }
        None
    }
}
