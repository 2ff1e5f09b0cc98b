//! Where a loop may stand.

use super::*;

same! {
    where_a_loop_may_stand(items, at, log) {
        struct Pair(u32, [u32; 2]);

        let mut count = |most: u32| for item in 0..most { log.push(item) };
        count(at.min(9));
        match items {
            0 => for item in 0..at { log.push(item) },
            1 | 2 => 'named: for item in 0..at {
                if item == 2 { break 'named }
                log.push(item);
            }
            _ if { let mut odd = false; for _ in 0..items { odd = !odd } odd } => log.push(1),
            _ => (),
        }
        let () = for item in 0..items { if item > 3 { break } log.push(item) };
        let pair = Pair(
            loop { if items < 100 { break items } },
            [{ let mut sum = 0; for item in 0..at { sum += item } sum }, if at > 3 { for _ in 0..at {} 7 } else { 8 }],
        );
        log.extend([pair.0, pair.1[0], pair.1[1]]);
        let mut more = 0;
        while { for item in 0..3 { more += item } more < at } {
            log.push(more);
        }
        let Some(last) = ({ let mut last = None; for item in 0..items { last = Some(item) } last }) else {
            loop { for item in 0.. { if item == at { return Some(item) } } }
        };
        log.push(last);
        // SAFETY: nothing in it is unsafe.
        #[allow(unused_unsafe, unsafe_code, reason = "on purpose")]
        unsafe { for item in 0..items { log.push(item) } }
        if last == at {
            return Some(last);
        }
        {
            #[allow(clippy::needless_continue, reason = "an attribute stays before its loop")]
            for item in 0..items {
                log.push(item);
                continue;
            }
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
