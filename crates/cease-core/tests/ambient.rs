//! The stop of the calling thread: what stands in for what, and what is put back.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cease_core::{Edge, Reason, StopSource, Stopped, ambient};

#[test]
fn what_was_there_before_comes_back_also_after_a_panic() {
    let (outer, inner) = (StopSource::new(), StopSource::new());
    inner.request();
    ambient::with(&outer.token(), || {
        let panics = || ambient::with(&inner.token(), || resume_unwind(Box::new(())));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        assert!(!ambient::is_stopped() && ambient::token().is_some());
    });
    assert!(ambient::token().is_none());
}

#[test]
fn an_inner_token_leaves_for_the_edge_further_out() {
    let (outer, inner) = (StopSource::new(), StopSource::new());
    inner.request_because("inner");
    let edge = Edge::new(&outer.token(), |_| ());
    let left = edge.run(|| -> Result<(), Stopped> {
        ambient::with(&inner.token(), ambient::checkpoint);
        panic!("it went on");
    });
    assert_eq!(left.unwrap_err().reason(), &Reason::from("inner"));
    assert!(!outer.is_stopped());
}

#[test]
fn another_thread_has_a_stop_only_when_it_is_handed_one() {
    let source = StopSource::new();
    source.request();
    ambient::with(&source.token(), || {
        let token = ambient::token().unwrap();
        std::thread::scope(|scope| {
            assert!(scope.spawn(ambient::check).join().unwrap().is_ok());
            assert!(scope.spawn(|| ambient::with(&token, ambient::check)).join().unwrap().is_err());
        });
    });
}
