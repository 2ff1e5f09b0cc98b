//! Laws about sources below sources: L12, and what L14 means there.

use cease_core::sync::{Arc, thread};
use cease_core::{NeverStops, Reason, StopSource, Strategy};

use super::{join, spawn};
use crate::Act;

/// L12: a worker two levels down is woken by the request at the top, and nothing above or beside the request is touched.
pub fn l12_a_stop_goes_down_never_up(strategy: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let (middle, beside) = (top.child(), top.child());
    let job = Act::new(|stop| {
        let stopped = stop.token().wait().expect("L12: the law keeps a source");
        assert_eq!(stopped.reason(), &Reason::from("middle"), "L12: a descendant sees another reason");
        assert!(stopped.is_inherited(), "L12: a descendant takes the request for its own");
        Err(stopped)
    });
    let worker = strategy.spawn_with(job, middle.child()).expect("a law starts only a few workers");
    let token = worker.source().token();
    assert!(middle.request_with("middle"), "L12: nobody asked before");
    assert!(token.is_stop_requested(), "L12: the request returned, but a descendant does not read stopped");
    assert!(!top.is_stop_requested() && !beside.is_stop_requested(), "L12: a stop went up, or to the side");
    assert_eq!(token.reason(), Some(&Reason::from("middle")), "L12: the reason got lost on its way down");
    assert!(join(worker).as_stopped().is_some(), "L12: the job was not stopped");
}

/// L12: a child is born just as its parent is stopped, and one of the two sides stops it.
pub fn l12_a_child_of_a_stopped_parent_is_stopped(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| Ok(0));
    let token = worker.source().token();
    let giving_birth = thread::spawn(move || token.child());
    worker.stop();
    let child = giving_birth.join().expect("giving birth does not panic");
    assert!(child.is_stop_requested(), "L12: the child of a stopped parent runs on");
    assert!(!child.request(), "L12: a child that was born stopped can be asked");
    join(worker);
}

/// L12: a source in the middle goes away just as the top is stopped, and what is below is stopped all the same.
pub fn l12_a_middle_that_is_dropped_cuts_nothing_off(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| Ok(0));
    let middle = worker.source().child();
    let leaf = middle.child();
    let token = leaf.token();
    let dropping = thread::spawn(move || drop((middle, leaf)));
    worker.stop();
    assert!(token.is_stop_requested(), "L12: the request returned, but a descendant does not read stopped");
    dropping.join().expect("dropping does not panic");
    assert!(token.is_stop_requested(), "L12: a stop was taken back");
    join(worker);
}

/// L14: a token in the middle can stop for as long as somebody above can ask, and hears of it when nobody can any more.
pub fn l14_a_source_above_counts(strategy: &dyn Strategy<Act>) {
    let done = StopSource::new();
    let ended = done.token();
    let top = StopSource::new();
    let job = Act::new(move |stop| {
        assert!(stop.token().wait().is_err(), "L14: nobody asked");
        done.request();
        Ok(0)
    });
    let worker = strategy.spawn_with(job, top.child()).expect("a law starts only a few workers");
    let token = worker.source().token();
    worker.detach();
    assert!(token.stop_possible(), "L14: a source above exists");
    drop(top);
    ended.wait().expect("L14: the job was told wrongly, and dropped its source");
    assert!(!token.stop_possible(), "L14: the token still says that it can stop");
}

/// L14: the last source at the top and the last one below it go away at once, and whoever waits further down is told.
pub fn l14_the_last_two_go_at_once(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let own = top.child();
    let below = own.child().token();
    let dropping = [top, own].map(|source| thread::spawn(move || drop(source)));
    assert_eq!(below.wait().err(), Some(NeverStops), "L14: nobody asked");
    dropping.into_iter().for_each(|thread| thread.join().expect("dropping does not panic"));
    assert!(!below.stop_possible(), "L14: the token still says that it can stop");
}

/// L14: the last source goes away while a guard is dropped: the callback is never called, and what it owns is gone then.
pub fn l14_what_is_never_called_is_dropped(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let owned = Arc::new(());
    let kept = Arc::clone(&owned);
    let guard = source.token().on_stop(move || panic!("L14: nobody asked {kept:?}"));
    let dropping = thread::spawn(move || drop(source));
    drop(guard);
    assert_eq!(Arc::strong_count(&owned), 1, "L14: a callback's guard is gone, and what it owned is not");
    dropping.join().expect("dropping does not panic");
}

/// L12: the top goes away just as a source below it is stopped.
pub fn l12_a_top_that_is_dropped_changes_nothing_below(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    top.spread();
    let child = top.child();
    let leaves = [(); 3].map(|()| child.child());
    let dropping = thread::spawn(move || drop(top));
    assert!(child.request(), "L12: nobody asked before");
    assert!(
        leaves.iter().all(StopSource::is_stop_requested),
        "L12: the request returned, but a descendant does not read stopped"
    );
    drop((leaves, child));
    dropping.join().expect("dropping does not panic");
}
