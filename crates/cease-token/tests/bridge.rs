//! Bridges to and from tokio-util's `CancellationToken`: what arrives, with which reason, and what is left behind.
#![cfg(not(any(loom, shuttle)))]

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use cease_core::{NeverStops, Reason, StopSource, StopToken};
use cease_token::{CANCELLED, CancelOnStop, StopOnCancel, from_tokio, to_tokio};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

/// Runs `test`, and fails when it takes a minute: a deadlock is one of the things that are looked for here.
fn in_time(test: impl FnOnce() + Send + 'static) {
    let (sender, ended) = channel::<()>();
    let running = thread::spawn(move || {
        let _sender = sender;
        test();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Err(RecvTimeoutError::Disconnected), "it hangs");
    running.join().unwrap_or_else(|panic| resume_unwind(panic));
}

fn cancelled() -> Option<Reason> {
    Some(Reason::from(CANCELLED))
}

fn reason(token: &StopToken) -> Option<Reason> {
    token.reason().cloned()
}

#[test]
fn when_cancel_returns_everybody_was_told() {
    in_time(|| {
        let token = CancellationToken::new();
        let stop = from_tokio(&token);
        assert!(!stop.token().is_stop_requested() && stop.token().stop_possible());
        let called = Arc::new(AtomicBool::new(false));
        let calls = Arc::clone(&called);
        let _callback = stop.token().on_stop(move || calls.store(true, Relaxed));
        let waits = stop.token().clone();
        let waiting = thread::spawn(move || waits.wait().is_ok());
        token.cancel();
        assert_eq!(reason(stop.token()), cancelled());
        assert!(called.load(Relaxed) && waiting.join().unwrap());
    });
}

#[test]
fn when_the_request_returns_the_token_and_its_children_are_cancelled() {
    let source = StopSource::new();
    let made = to_tokio(&source.token());
    let child = made.token().child_token();
    assert!(!made.token().is_cancelled());
    assert!(source.request());
    assert!(made.token().is_cancelled() && child.is_cancelled());
}

#[test]
fn what_came_before_the_link_counts() {
    let token = CancellationToken::new();
    token.cancel();
    assert_eq!(reason(from_tokio(&token).token()), cancelled());
    assert_eq!(reason(from_tokio(&token.child_token()).token()), cancelled());

    let source = StopSource::new();
    source.request();
    assert!(to_tokio(&source.token()).token().is_cancelled());
}

#[test]
fn tasks_of_a_runtime_hear_of_it_both_ways() {
    in_time(|| {
        let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let source = StopSource::new();
            let made = to_tokio(&source.token());
            let tasks: Vec<_> = (0..100)
                .map(|_| {
                    let token = made.token().child_token();
                    runtime.spawn(async move { token.cancelled().await })
                })
                .collect();
            let asking = thread::spawn(move || source.request());
            for task in tasks {
                task.await.unwrap();
            }
            assert!(asking.join().unwrap());

            let token = CancellationToken::new();
            let stop = from_tokio(&token);
            let waiting = runtime.spawn(stop.token().clone().stopped_owned());
            token.cancel();
            assert_eq!(waiting.await.unwrap().unwrap().reason(), &Reason::from(CANCELLED));
        });
    });
}

#[test]
fn a_reason_comes_out_of_tokio_as_it_went_in() {
    let source = StopSource::new();
    let made = to_tokio(&source.token());
    let back = from_tokio(made.token());
    let by_child = from_tokio(&made.token().child_token().child_token());
    let made_again = to_tokio(by_child.token());
    let back_again = from_tokio(&made_again.token().child_token());
    source.request_with("rolling deploy");
    for stop in [&back, &by_child, &back_again, &from_tokio(made.token())] {
        assert_eq!(reason(stop.token()), Some(Reason::from("rolling deploy")));
        let place = |token: &cease_core::StopToken| token.request().unwrap().location();
        assert_eq!(place(stop.token()), place(&source.token()), "and so does the place");
    }
    let late = from_tokio(&made.token().child_token());
    assert_eq!(reason(late.token()), cancelled(), "what became of a child before cannot be told");
}

#[test]
fn what_came_down_a_tree_has_the_reason_of_its_origin() {
    let source = StopSource::new();
    let child = source.child();
    let made = to_tokio(&child.token());
    let back = from_tokio(made.token());
    source.request_with(Reason::Signal(15));
    assert_eq!(reason(back.token()), Some(Reason::Signal(15)));
}

#[test]
fn who_cancels_the_token_asks_the_stop_behind_it_for_nothing() {
    let source = StopSource::new();
    let made = to_tokio(&source.token());
    let back = from_tokio(made.token());
    made.token().cancel();
    assert_eq!(reason(back.token()), cancelled());
    assert!(!source.is_stop_requested() && source.request_with("later"));
    assert_eq!(reason(back.token()), cancelled(), "the first one wins");
}

#[test]
fn what_a_callback_cancels_has_a_reason_of_its_own() {
    let source = StopSource::new();
    let made = to_tokio(&source.token());
    let back = from_tokio(made.token());
    let other = CancellationToken::new();
    let other_back = from_tokio(&other);
    let _callback = back.token().on_stop(move || other.cancel());
    source.request_with("first");
    assert_eq!(reason(back.token()), Some(Reason::from("first")));
    assert_eq!(reason(other_back.token()), cancelled());
}

#[test]
fn dropping_a_link_cuts_it() {
    let token = CancellationToken::new();
    let stop = from_tokio(&token);
    let kept = stop.token().clone();
    drop(stop);
    assert!(matches!(kept.wait(), Err(NeverStops)));
    token.cancel();
    assert!(!kept.is_stop_requested());

    let source = StopSource::new();
    let made = to_tokio(&source.token());
    let kept = made.token().clone();
    drop(made);
    source.request();
    assert!(!kept.is_cancelled());
    assert!(!from_tokio(&kept).token().is_stop_requested());
}

#[test]
fn a_link_keeps_its_source_able_to_ask() {
    let token = CancellationToken::new();
    let source = StopSource::new();
    let stop = source.token();
    let link = StopOnCancel::link(&token, source);
    assert!(stop.stop_possible());
    drop(link);
    assert!(!stop.stop_possible());
}

#[test]
fn a_cycle_stops_once_from_either_side() {
    in_time(|| {
        for from_tokio_side in [false, true] {
            let (source, token) = (StopSource::new(), CancellationToken::new());
            let _there = CancelOnStop::link(&source.token(), token.clone());
            let _back = StopOnCancel::link(&token, source.clone());
            if from_tokio_side {
                token.cancel();
                assert_eq!(reason(&source.token()), cancelled());
            } else {
                assert!(source.request_with("asked"));
                assert_eq!(reason(&source.token()), Some(Reason::from("asked")));
            }
            assert!(source.is_stop_requested() && token.is_cancelled());
        }
    });
}

#[test]
fn a_cycle_that_is_asked_from_both_sides_at_once_ends() {
    in_time(|| {
        for _ in 0..500 {
            let (source, token) = (StopSource::new(), CancellationToken::new());
            let there = CancelOnStop::link(&source.token(), token.child_token());
            let also = CancelOnStop::link(&source.token(), token.clone());
            let back = StopOnCancel::link(&token, source.clone());
            let start = Barrier::new(3);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    token.cancel();
                });
                scope.spawn(|| {
                    start.wait();
                    source.request();
                });
                start.wait();
                drop(there);
            });
            assert!(source.is_stop_requested() && token.is_cancelled());
            drop((also, back));
        }
    });
}

/// tokio-util wakes with no lock held, since 0.7.20 also where it cancels children; this is what holds it to that.
#[test]
fn a_callback_may_use_every_token_around_it() {
    in_time(|| {
        let grandparent = CancellationToken::new();
        let parent = grandparent.child_token();
        let child = parent.child_token();
        let link = from_tokio(&child);
        let (around, sibling) = ([grandparent.clone(), parent, child], grandparent.child_token());
        let callback = link.token().on_stop(move || {
            for token in &around {
                assert!(token.is_cancelled());
                assert!(from_tokio(&token.child_token()).token().is_stop_requested());
                token.clone().cancel();
            }
            drop((around, sibling));
        });
        grandparent.cancel();
        assert_eq!(reason(link.token()), cancelled());
        drop((callback, link));
    });
}

#[test]
fn a_link_that_is_dropped_by_what_it_calls_ends() {
    in_time(|| {
        let token = CancellationToken::new();
        let link = from_tokio(&token);
        let (sender, receiver) = channel();
        let stop = link.token().clone();
        let _callback = stop.on_stop(move || drop(receiver.recv()));
        sender.send(link).unwrap();
        token.cancel();
        assert!(stop.is_stop_requested());

        let source = StopSource::new();
        let made = to_tokio(&source.token());
        let back = from_tokio(made.token());
        let (sender, receiver) = channel();
        let _callback = back.token().on_stop(move || drop(receiver.recv()));
        sender.send(made).unwrap();
        source.request();
        assert!(back.token().is_stop_requested());
    });
}

#[test]
fn no_cancellation_is_lost_between_the_look_and_the_link() {
    in_time(|| {
        for _ in 0..2000 {
            let token = CancellationToken::new();
            let start = Barrier::new(2);
            let stop = thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    token.cancel();
                });
                start.wait();
                from_tokio(&token)
            });
            assert_eq!(reason(stop.token()), cancelled());
        }
    });
}

#[test]
fn a_link_that_is_cut_while_it_is_cancelled_stops_or_never_does() {
    in_time(|| {
        for _ in 0..2000 {
            let token = CancellationToken::new();
            let link = from_tokio(&token);
            let kept = link.token().clone();
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    token.cancel();
                });
                start.wait();
                drop(link);
            });
            assert_eq!(kept.is_stop_requested(), kept.stop_possible());
            assert_eq!(kept.wait().is_ok(), kept.is_stop_requested());
        }
    });
}
