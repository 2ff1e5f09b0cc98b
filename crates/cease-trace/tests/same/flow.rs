//! Where a loop goes on, and what leaves it.

use super::*;

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

    // Each `break` follows an assignment that may happen once, so the compiler must see that it leaves the loop.
    breaks_after_an_assignment(items, at, log) {
        let (in_a_block, in_a_head, in_a_condition, in_a_value, after_a_loop, after_a_label);
        'outer: for item in 0..items {
            match item {
                0 if at == 0 => { { in_a_block = vec![item]; log.extend(in_a_block); break } }
                1 if at == 1 => {
                    for _ in { in_a_head = vec![item]; log.extend(in_a_head); if item == at { break } 0..0 } {}
                    return None;
                }
                2 if at == 2 => {
                    while {
                        if item == at { in_a_condition = vec![item]; log.extend(in_a_condition); break 'outer }
                        item > 100
                    } {}
                    return None;
                }
                3 if at == 3 => {
                    #[allow(clippy::never_loop, reason = "on purpose")]
                    let value = loop {
                        break {
                            if item == at { in_a_value = vec![item]; log.extend(in_a_value); break 'outer }
                            item
                        };
                    };
                    return Some(value);
                }
                4 if at == 4 => {
                    loop { if item == at { break } }
                    after_a_loop = vec![item];
                    log.extend(after_a_loop);
                    break;
                }
                5 if at == 5 => {
                    'inner: loop { if item == at { break 'inner } }
                    after_a_label = vec![item];
                    log.extend(after_a_label);
                    break 'outer;
                }
                _ => log.push(item),
            }
        }
        None
    }

    a_label_that_one_of_two_breaks_names(items, at, log) {
        'named: for item in 0..items {
            if item == at {
                break 'named;
            }
            if item == 5 {
                break;
            }
            log.push(item);
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
}
