//! Laws about deadlines: L15.

use cease_core::sync::thread;
use cease_core::{Reason, StopSource, Strategy};

use super::join;
use crate::Act;
use crate::by_hand::ByHand;

/// L15: a deadline passes just as somebody asks, and one of the two stops the job, for its own reason; never before.
pub fn l15_a_deadline_races_with_a_request(strategy: &dyn Strategy<Act>) {
    let clock = ByHand::new();
    let top = StopSource::with_timer(clock.clone());
    let (source, _deadline) = top.child_with_deadline(clock.hour(2)).expect("the law brings a timer");
    let asking = source.clone();
    let worker = strategy.spawn_with(Act::new(|_| Ok(0)), source).expect("a law starts only a few workers");
    join(worker);
    clock.ring_at(1);
    assert!(!asking.is_stop_requested(), "L15: the deadline fired early");
    let token = asking.token();
    let ringing = thread::spawn(move || clock.ring_at(2));
    let first = asking.request_with("asked");
    assert!(token.is_stop_requested(), "L15: the request returned, and the token does not read stopped");
    ringing.join().expect("ringing does not panic");
    let expected = if first { Reason::from("asked") } else { Reason::Deadline };
    assert_eq!(token.reason(), Some(&expected), "L15: the reason is not that of the one who was first");
}

/// L15: two bring a deadline nearer at once, and the nearer one holds, below it too.
pub fn l15_it_only_tightens(strategy: &dyn Strategy<Act>) {
    let clock = ByHand::new();
    let top = StopSource::with_timer(clock.clone());
    let source = top.child();
    let worker = strategy.spawn_with(Act::new(|_| Ok(0)), source.child()).expect("a law starts only a few workers");
    let token = worker.source().token();
    join(worker);
    let (here, there) = (clock.hour(2), clock.hour(1));
    let other = source.clone();
    let tightening = thread::spawn(move || other.shorten_deadline(there).expect("the law brings a timer"));
    source.shorten_deadline(here).expect("the law brings a timer");
    assert!(tightening.join().expect("tightening does not panic"), "L15: a deadline cannot be brought nearer");
    assert_eq!(source.deadline(), Some(there), "L15: a deadline was moved further away");
    assert_eq!(token.deadline(), source.deadline(), "L15: what lies below has another deadline");
    clock.ring_at(1);
    assert_eq!(
        token.reason(),
        Some(&Reason::Deadline),
        "L15: the deadline has passed, and did not stop what lies below"
    );
}

/// L15: a source goes away just as its deadline passes, and what lies below it is stopped.
pub fn l15_it_outlives_its_source(strategy: &dyn Strategy<Act>) {
    let clock = ByHand::new();
    let top = StopSource::with_timer(clock.clone());
    let (source, deadline) = top.child_with_deadline(clock.hour(1)).expect("the law brings a timer");
    let leaf = source.child();
    let token = leaf.token();
    let worker = strategy.spawn_with(Act::new(|_| Ok(0)), leaf).expect("a law starts only a few workers");
    join(worker);
    drop((top, deadline));
    let ringing = thread::spawn(move || clock.ring_at(1));
    drop(source);
    ringing.join().expect("ringing does not panic");
    assert_eq!(
        token.reason(),
        Some(&Reason::Deadline),
        "L15: the deadline of a source that is gone did not stop what lies below"
    );
}
