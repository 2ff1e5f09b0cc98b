//! Tokens that follow others: any, all, and some of them.
#![cfg(not(any(loom, shuttle)))]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, LinkedToken, NeverStops, Reason, StopSource, StopToken};

const HOUR: Duration = Duration::from_secs(3600);

fn tokens(sources: &[StopSource]) -> Vec<StopToken> {
    sources.iter().map(StopSource::token).collect()
}

fn sources<const N: usize>() -> [StopSource; N] {
    std::array::from_fn(|_| StopSource::new())
}

#[test]
fn any_follows_the_first_and_keeps_its_reason() {
    let inputs = sources::<3>();
    let any = StopToken::any_of(&tokens(&inputs));
    inputs[1].request_with("second");
    inputs[0].request_with("first");
    assert_eq!(any.token().reason(), Some(&Reason::from("second")));
    assert_eq!(any.token().request().unwrap().location().map(std::panic::Location::file), Some(file!()));
}

#[test]
fn all_follows_the_last() {
    let inputs = sources::<3>();
    let all = StopToken::all_of(&tokens(&inputs));
    inputs[2].request_with("one");
    inputs[0].request_with("two");
    assert!(!all.token().is_stop_requested());
    inputs[1].request_with("three");
    assert_eq!(all.token().reason(), Some(&Reason::from("three")));
}

#[test]
fn inputs_that_have_stopped_count() {
    let inputs = sources::<2>();
    inputs[0].request_with("before");
    assert!(StopToken::any_of(&tokens(&inputs)).token().is_stop_requested());
    let all = StopToken::all_of(&tokens(&inputs));
    assert!(!all.token().is_stop_requested());
    inputs[1].request();
    assert!(all.token().is_stop_requested());
}

#[test]
fn a_token_keeps_its_link() {
    let inputs = [(); 2].map(|()| StopSource::new());
    let token = StopToken::any_of(&tokens(&inputs)).token().clone();
    inputs[1].request_with("second");
    assert_eq!(token.reason(), Some(&Reason::from("second")));
}

#[test]
fn a_source_below_a_linked_token_keeps_the_link() {
    let input = StopSource::new();
    let below = StopToken::any_of(&[input.token()]).into_token().child();
    let waiter = thread::spawn({
        let token = below.token();
        move || token.wait().unwrap().reason().clone()
    });
    drop(below);
    input.request_with("above");
    assert_eq!(waiter.join().unwrap(), Reason::from("above"));
}

#[test]
fn a_source_below_a_linked_token_is_told_when_no_input_can_stop_it() {
    let input = StopSource::new();
    let below = StopToken::any_of(&[input.token()]).into_token().child().token();
    assert!(below.stop_possible(), "the input can still stop it");
    drop(input);
    assert_eq!(below.wait().err(), Some(NeverStops));
}

#[test]
fn the_last_token_of_a_link_leaves_nothing_at_the_inputs() {
    let input = StopSource::new();
    let before = std::sync::Arc::new(());
    for _ in 0..100 {
        let linked = StopToken::any_of(&[input.token()]).into_token();
        let held = std::sync::Arc::clone(&before);
        let guard = linked.on_stop(move || drop(held));
        drop(linked);
        drop(guard);
    }
    assert_eq!(std::sync::Arc::strong_count(&before), 1);
    assert!(input.request(), "no link has asked its input");
}

#[test]
fn of_no_tokens_it_never_stops() {
    assert!(!StopToken::any_of(&[]).token().stop_possible());
    assert!(!StopToken::all_of(&[]).token().stop_possible());
    assert!(!StopToken::at_least(2, &[StopSource::new().token()]).token().stop_possible());
}

#[test]
#[should_panic(expected = "at least one input")]
fn a_stop_that_nobody_asks_for_is_refused() {
    let _ = StopToken::at_least(0, &[]);
}

/// Every order in which four inputs stop or go away, against the sum that a person would make.
#[test]
fn some_of_four_agree_with_a_count_in_every_order() {
    for needed in 1..=4 {
        for history in 0..24 * 16_u32 {
            let mut inputs: Vec<_> = sources::<4>().into_iter().map(Some).collect();
            let all = inputs.iter().flatten().map(StopSource::token).collect::<Vec<_>>();
            let link = StopToken::at_least(needed, &all);
            let (mut stopped, mut gone, mut order) = (0, 0, history / 16);
            for turn in 0..4 {
                let left: Vec<_> = (0..4).filter(|input| inputs[*input].is_some()).collect();
                let input = left[order as usize % left.len()];
                order /= u32::try_from(left.len()).unwrap();
                let source = inputs[input].take().unwrap();
                if history >> turn & 1 == 1 {
                    source.request();
                    stopped += 1;
                } else {
                    gone += 1;
                }
                drop(source);
                let said = format!("{needed} of 4, history {history}, turn {turn}");
                assert_eq!(link.token().is_stop_requested(), stopped >= needed, "{said}: stopped");
                assert_eq!(link.token().stop_possible(), stopped >= needed || 4 - gone >= needed, "{said}: can stop");
            }
        }
    }
}

#[test]
fn inputs_that_stop_at_once_are_one_stop() {
    for _ in 0..50 {
        let inputs = sources::<4>();
        let (any, all) = (StopToken::any_of(&tokens(&inputs)), StopToken::all_of(&tokens(&inputs)));
        let asking = inputs.map(|source| thread::spawn(move || source.request()));
        assert!(asking.map(|thread| thread.join().unwrap()).iter().all(|first| *first));
        assert!(any.token().is_stop_requested() && all.token().is_stop_requested());
    }
}

#[test]
fn a_request_that_follows_keeps_the_reason_and_the_place() {
    let (there, here) = (StopSource::new(), StopSource::new());
    let child = there.child();
    there.request_with("asked");
    let stopped = child.token().check().unwrap_err();
    assert!(here.request_following(&stopped), "the first one");
    assert!(!here.request_following(&stopped), "and no other");
    assert_eq!(here.token().reason(), Some(&Reason::from("asked")), "as given at the origin");
    let place = |source: &StopSource| source.token().request().unwrap().location();
    assert_eq!(place(&here), place(&there));
    assert_eq!(here.token().request().unwrap().chain().count(), 2);
    drop((there, child, stopped));
    assert_eq!(here.token().reason(), Some(&Reason::from("asked")), "also when nothing else is left");
}

/// Each request of the chain has a share of the cause, and gives it back.
#[test]
fn requests_that_follow_are_freed_with_the_last_of_them() {
    let cause = Arc::new(std::fmt::Error);
    let mut last = StopSource::new();
    last.request_with(Reason::custom(Arc::clone(&cause)));
    for _ in 0..3 {
        let next = StopSource::new();
        assert!(next.request_following(&last.token().check().unwrap_err()));
        last = next;
    }
    assert_eq!(last.token().request().unwrap().chain().count(), 4);
    assert!(Arc::strong_count(&cause) > 1);
    drop(last);
    assert_eq!(Arc::strong_count(&cause), 1, "a request of the chain is left");
}

#[test]
fn a_request_that_follows_too_late_changes_nothing() {
    let (there, here) = (StopSource::new(), StopSource::new());
    here.request_with("first");
    there.request_with("second");
    assert!(!here.request_following(&there.token().check().unwrap_err()));
    assert_eq!(here.token().reason(), Some(&Reason::from("first")));
}

#[test]
fn a_link_tells_the_deadline_of_the_input_that_decides() {
    let now = Instant::now();
    let inputs = [3, 1, 2].map(|hours| StopSource::with_deadline(now + hours * HOUR).unwrap());
    let tokens = inputs.each_ref().map(|(source, _)| source.token());
    let unlimited = StopSource::new();
    let with_unlimited: Vec<_> = tokens.iter().cloned().chain([unlimited.token()]).collect();
    let at = |link: &LinkedToken| link.deadline().map(|at| (at - now).as_secs() / HOUR.as_secs());

    let (any, two, all) = (StopToken::any_of(&tokens), StopToken::at_least(2, &tokens), StopToken::all_of(&tokens));
    assert_eq!([&any, &two, &all].map(at), [Some(1), Some(2), Some(3)]);
    assert_eq!(at(&StopToken::all_of(&with_unlimited)), None);

    assert!(inputs[0].0.request(), "one is missing less");
    assert_eq!([&any, &two, &all].map(at), [None, Some(1), Some(2)]);
}
