//! Laws about tokens that follow others: L21.

use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::sync::{Arc, thread};
use cease_core::{NeverStops, Reason, StopSource, StopToken, Strategy};

use crate::Act;

/// L21: two unrelated inputs stop at once, and who waits for any of them sees one stop, for the reason of one.
pub fn l21_any_of_two_stops_once(_: &dyn Strategy<Act>) {
    let inputs = ["here", "there"].map(|reason| (StopSource::new(), reason));
    let any = StopToken::any_of(&inputs.each_ref().map(|(source, _)| source.token()));
    let calls = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&calls);
    let guard = any.token().on_stop(move || {
        shared.fetch_add(1, Relaxed);
    });
    let asking = inputs.map(|(source, reason)| {
        thread::spawn(move || {
            source.request_with(reason);
            source
        })
    });
    let stopped = any.token().wait().expect("L21: the inputs have sources, and then they have stopped");
    let inputs = asking.map(|thread| thread.join().expect("asking does not panic"));
    assert_eq!(calls.load(Relaxed), 1, "L21: stops of a linked token whose inputs have both stopped");
    let reason = stopped.reason();
    let of_an_input = inputs.iter().any(|input| input.token().reason() == Some(reason));
    assert!(of_an_input, "L21: the reason is {reason}, and no input's");
    drop(guard);
}

/// L21: two of three inputs stop at once, and what follows all of them stops with the third.
pub fn l21_all_of_three_wait_for_the_third(_: &dyn Strategy<Act>) {
    let [here, there, last] = [(); 3].map(|()| StopSource::new());
    let all = StopToken::all_of(&[here.token(), there.token(), last.token()]);
    let other = thread::spawn(move || {
        there.request_with("there");
        there
    });
    here.request_with("here");
    let _there = other.join().expect("asking does not panic");
    assert!(!all.token().is_stop_requested(), "L21: two of three inputs were enough for all of them");
    assert!(last.request_with("last"), "L21: nobody asked the last input");
    assert_eq!(all.token().reason(), Some(&Reason::from("last")), "L21: the reason of the input that decides");
}

/// L21: an input's last source goes away while somebody waits for both inputs, who is told.
pub fn l21_too_few_inputs_are_told(_: &dyn Strategy<Act>) {
    let (here, there) = (StopSource::new(), StopSource::new());
    let both = StopToken::all_of(&[here.token(), there.token()]);
    let other = thread::spawn(move || drop(there));
    assert_eq!(both.token().wait().err(), Some(NeverStops), "L21: one of two inputs can never stop");
    other.join().expect("dropping does not panic");
    assert!(here.request(), "L21: a link has asked its input");
    assert!(!both.token().is_stop_requested(), "L21: one of two inputs was enough for both");
}

/// L21: the last token of a link is dropped while its input stops: nothing of the link is left, and the request is whole.
pub fn l21_the_last_token_races_with_the_request(_: &dyn Strategy<Act>) {
    let input = StopSource::new();
    let token = StopToken::any_of(&[input.token()]).into_token();
    let other = thread::spawn(move || {
        assert!(input.request_with("now"), "L21: a link has asked its input");
        input
    });
    drop(token);
    let input = other.join().expect("the request does not panic");
    assert_eq!(input.token().reason(), Some(&Reason::from("now")), "L21: the reason got lost");
}

/// L21: the last token of a link goes just as its input stops, and a source below it follows all the same.
pub fn l21_cutting_races_with_the_request(_: &dyn Strategy<Act>) {
    let input = StopSource::new();
    let token = StopToken::any_of(&[input.token()]).into_token();
    let below = token.child().token();
    let other = thread::spawn(move || {
        input.request_with("now");
        input
    });
    drop(token);
    let input = other.join().expect("the request does not panic");
    assert_eq!(below.reason(), Some(&Reason::from("now")), "L21: a link went before the last token below it");
    assert!(!input.request(), "L21: the request was taken back");
    drop(below);
}
