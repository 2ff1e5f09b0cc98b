//! Laws about trees of several locks, and about requests that pause on their way down: L12.

use cease_core::sync::thread;
use cease_core::{StopSource, Strategy};

use crate::Act;

/// L12: a source gets more shards while children of it are born, in the old one and in a new one, and it is stopped.
pub fn l12_a_child_in_another_shard_is_stopped(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let (spreading, parent) = (top.clone(), top.token());
    let giving_birth = thread::spawn(move || parent.child());
    let spreading = thread::spawn(move || {
        spreading.spread();
        (spreading.child(), spreading)
    });
    top.request();
    let child = giving_birth.join().expect("giving birth does not panic");
    assert!(child.is_stop_requested(), "L12: the child of a stopped parent runs on");
    let (child, spreading) = spreading.join().expect("spreading does not panic");
    assert!(child.is_stop_requested(), "L12: the child of a stopped parent runs on, in another shard");
    drop(spreading);
}

/// L12: three ask at once, one of them further down, for a stop that takes more than one hold of the lock, and for each it
/// is complete.
pub fn l12_a_late_request_waits_for_the_first(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let middle = top.child();
    let leaf = middle.child();
    // A request meets the youngest first, and pauses between the middle and the leaf.
    let _younger = [top.child(), top.child()];
    let (descendant, asked) = (leaf.token(), middle.clone());
    let further_down = thread::spawn(move || {
        let first = asked.request();
        assert!(
            descendant.is_stop_requested(),
            "L12: a request returned ({first}), but a descendant does not read stopped"
        );
        asked
    });
    both_ask(&top, &leaf);
    further_down.join().expect("asking does not panic");
    assert!(middle.is_stop_requested(), "L12: a stop was taken back");
}

/// L12: two ask at once for a stop of a source with more shards than one, and for both it is complete.
pub fn l12_a_late_request_waits_between_shards(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    top.spread();
    let child = top.child();
    both_ask(&top, &child);
}

/// L12: nodes come and go on both sides of the place where a request pauses, and it leaves out none.
pub fn l12_a_request_that_pauses_leaves_out_none(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let [eldest, elder, younger, youngest] = [(); 4].map(|()| top.child());
    let last = eldest.token();
    let growing = thread::spawn(move || {
        drop(elder);
        (eldest.child(), eldest)
    });
    let shrinking = thread::spawn(move || drop(younger));
    assert!(top.request(), "L12: nobody asked before");
    assert!(
        last.is_stop_requested() && youngest.is_stop_requested(),
        "L12: the request returned, but a descendant does not read stopped"
    );
    let (born, eldest) = growing.join().expect("growing does not panic");
    shrinking.join().expect("shrinking does not panic");
    assert!(born.is_stop_requested(), "L12: what was born while the request paused runs on");
    drop(eldest);
}

/// Asks `top` from two threads; whenever a request returns, `last` reads stopped.
fn both_ask(top: &StopSource, last: &StopSource) {
    let (source, descendant) = (top.clone(), last.token());
    let other = thread::spawn(move || {
        let first = source.request();
        (first, descendant.is_stop_requested(), (source, descendant))
    });
    let here = top.request();
    assert!(last.is_stop_requested(), "L12: a request returned ({here}), but a descendant does not read stopped");
    let (there, seen, _) = other.join().expect("asking does not panic");
    assert!(seen, "L12: a request returned ({there}), but a descendant does not read stopped");
    assert!(here != there, "L12: exactly one caller is first, but the answers were {here} and {there}");
}
