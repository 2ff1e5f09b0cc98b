//! Trees of sources on real threads: what the laws and the random histories leave open.
#![cfg(not(any(loom, shuttle)))]

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{NeverStops, Reason, StopSource};

#[test]
fn a_chain_of_a_hundred_thousand_is_no_recursion() {
    let top = StopSource::new();
    let mut chain = vec![top.clone()];
    for _ in 0..100_000 {
        let next = chain[chain.len() - 1].child();
        chain.push(next);
    }
    let last = chain[chain.len() - 1].token();
    // The middle goes away first, and then from the inside out.
    let middle: Vec<_> = chain.drain(1..50_000).collect();
    drop(middle);
    assert!(top.request());
    assert!(last.is_stop_requested() && chain.iter().all(StopSource::is_stop_requested));
    drop(chain);
}

/// Each of them would have to pass all its elder siblings, were the parent looked for each time.
#[test]
fn a_hundred_thousand_siblings_may_go_in_any_order() {
    let top = StopSource::new();
    for order in [1, 99_991] {
        let mut children: Vec<_> = (0..100_000).map(|_| Some(top.child())).collect();
        for turn in 0..children.len() {
            let index = turn * order % children.len();
            children[index] = None;
        }
        assert!(children.iter().all(Option::is_none));
    }
}

#[test]
fn the_last_of_many_generations_still_hears_the_top() {
    let top = StopSource::new();
    let mut last = top.child();
    for _ in 0..10_000 {
        last = last.child();
    }
    top.request_with("end of the line");
    assert_eq!(last.token().reason(), Some(&Reason::from("end of the line")));
}

#[test]
fn a_child_says_whose_request_it_was() {
    let top = StopSource::new();
    let token = top.child().token();
    top.request_with("why");
    let stopped = token.wait().unwrap();
    assert_eq!(stopped.reason(), &Reason::from("why"));
    assert!(stopped.is_inherited() && !top.token().is_inherited());
    assert_eq!(stopped.to_string(), format!("stopped: requested: why (at {})", stopped.location().unwrap()));
    assert_eq!(stopped.location().unwrap().file(), file!());
}

#[test]
fn a_child_that_was_stopped_before_keeps_its_own_reason() {
    let top = StopSource::new();
    let child = top.child();
    child.request_with("mine");
    top.request_with("theirs");
    assert_eq!(child.token().reason(), Some(&Reason::from("mine")));
}

#[test]
fn the_last_source_anywhere_above_tells_those_who_wait() {
    let top = StopSource::new();
    let (middle, kept) = (top.child(), top.child());
    let (deep, own) = (middle.child().token(), kept.child());
    drop((top, kept));
    assert!(deep.stop_possible() && own.token().stop_possible());
    let waiter = thread::spawn(move || deep.wait().unwrap_err());
    drop(middle);
    assert_eq!(waiter.join().unwrap(), NeverStops);
    let (token, waits) = (own.token(), own.token());
    assert!(token.stop_possible());
    drop(own);
    assert!(!waits.stop_possible());
}

#[test]
fn callbacks_further_down_are_called_first() {
    let top = StopSource::new();
    let child = top.child();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let guards = [(&top, "top, older"), (&child, "child, older"), (&child, "child, newer"), (&top, "top, newer")].map(
        |(source, name)| {
            let order = Arc::clone(&order);
            source.token().on_stop(move || order.lock().unwrap().push(name))
        },
    );
    top.request();
    assert_eq!(*order.lock().unwrap(), ["child, newer", "child, older", "top, newer", "top, older"]);
    drop(guards);
}

/// Threads make and drop children of one tree while its top is stopped: whoever is alive afterwards reads stopped.
#[test]
fn many_threads_grow_a_tree_that_is_stopped() {
    let deadline = Instant::now() + Duration::from_secs(60);
    for round in 0..40 {
        let top = StopSource::new();
        let together = Arc::new(Barrier::new(5));
        let growing: Vec<_> = (0..4)
            .map(|number| {
                let (root, together) = (top.token(), Arc::clone(&together));
                thread::spawn(move || {
                    // Which of the kept ones is next is all that has to vary.
                    let mut next: usize = round * 4 + number;
                    let mut kept = vec![root.child()];
                    together.wait();
                    while !root.is_stop_requested() || kept.len() < 8 {
                        assert!(Instant::now() < deadline);
                        next = next.wrapping_mul(31).wrapping_add(17);
                        let parent = next % kept.len();
                        let child = kept[parent].child();
                        if next.is_multiple_of(3) {
                            kept.swap_remove(parent);
                        }
                        kept.push(child);
                        kept.truncate(64);
                    }
                    // Who sees the top stopped may be ahead of the request, which is still on its way down.
                    together.wait();
                    assert!(kept.iter().all(StopSource::is_stop_requested), "a descendant of a stopped top runs on");
                })
            })
            .collect();
        together.wait();
        for _ in 0..round * 10 {
            std::hint::spin_loop();
        }
        assert!(top.request());
        together.wait();
        growing.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
