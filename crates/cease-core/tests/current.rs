//! The stop of the calling thread: what stands in for what, and what is put back.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cease_core::{Reason, StopSource, Stopped, UnwindBoundary, current};

#[test]
fn what_was_there_before_comes_back_also_after_a_panic() {
    let (outer, inner) = (StopSource::new(), StopSource::new());
    inner.request();
    current::with(&outer.token(), || {
        let panics = || current::with(&inner.token(), || resume_unwind(Box::new(())));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(!current::is_stop_requested() && current::token().is_some());
    });
    assert!(current::token().is_none() && !current::is_stop_requested() && current::check().is_ok());
}

#[test]
fn an_inner_token_leaves_for_the_edge_further_out() {
    let (outer, inner) = (StopSource::new(), StopSource::new());
    inner.request_with("inner");
    let edge = UnwindBoundary::new(&outer.token(), |_| ());
    let left = edge.run(|| -> Result<(), Stopped> {
        current::with(&inner.token(), current::checkpoint);
        panic!("it went on");
    });
    assert_eq!(left.unwrap_err().reason(), &Reason::from("inner"));
    assert!(!outer.is_stop_requested());
}

#[test]
fn another_thread_has_a_stop_only_when_it_is_handed_one() {
    let source = StopSource::new();
    source.request();
    current::with(&source.token(), || {
        let token = current::token().unwrap();
        std::thread::scope(|scope| {
            assert!(scope.spawn(current::check).join().unwrap().is_ok());
            assert!(scope.spawn(|| current::with(&token, current::check)).join().unwrap().is_err());
        });
    });
}
