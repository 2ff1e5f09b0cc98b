//! Callbacks on real threads: what the laws leave open.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cease_core::StopSource;

const LONG: Duration = Duration::from_secs(60);

#[test]
fn on_a_stopped_token_it_is_called_before_the_registration_returns() {
    let source = StopSource::new();
    source.request();
    let (sender, receiver) = channel();
    let here = thread::current().id();
    let guard = source.token().on_stop(move || sender.send(thread::current().id()).unwrap());
    assert_eq!(receiver.try_recv(), Ok(here));
    assert!(!guard.unregister(), "it has run");
}

#[test]
fn the_newest_is_called_first() {
    let source = StopSource::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let guards = [1, 2, 3].map(|number| {
        let order = Arc::clone(&order);
        source.token().on_stop(move || order.lock().unwrap().push(number))
    });
    source.request();
    assert_eq!(*order.lock().unwrap(), [3, 2, 1]);
    drop(guards);
}

#[test]
fn what_is_taken_away_is_not_called_and_its_captures_are_dropped() {
    let source = StopSource::new();
    let captured = Arc::new(());
    let [by_drop, by_unregister] = [0, 1].map(|_| {
        let captured = Arc::clone(&captured);
        source.token().on_stop(move || panic!("{captured:?}"))
    });
    drop(by_drop);
    assert_eq!(Arc::strong_count(&captured), 2);
    assert!(by_unregister.unregister());
    assert_eq!(Arc::strong_count(&captured), 1);
    assert!(source.request());
    assert!(source.take_panics().is_empty());
}

#[test]
fn a_slow_callback_holds_up_nobody_who_waits() {
    let source = StopSource::new();
    let (awake, told) = channel();
    let token = source.token();
    let (about_to, waits) = channel();
    let waiter = thread::spawn(move || {
        about_to.send(()).unwrap();
        token.wait().unwrap();
        awake.send(()).unwrap();
    });
    waits.recv_timeout(LONG).unwrap();
    let guard = source.token().on_stop(move || told.recv_timeout(LONG).expect("the waiter is woken meanwhile"));
    source.request();
    assert!(source.take_panics().is_empty());
    waiter.join().unwrap();
    drop(guard);
}

#[test]
fn a_callback_may_ask_register_and_let_go() {
    let source = StopSource::new();
    let other = source.token().on_stop(|| panic!("an older one, taken away by the newer one"));
    let (sender, receiver) = channel();
    let (token, again) = (source.token(), source.clone());
    let guard = source.token().on_stop(move || {
        assert!(!again.request(), "it is a late request");
        assert!(other.unregister(), "it has not run");
        let nested = token.on_stop({
            let sender = sender.clone();
            move || sender.send("nested").unwrap()
        });
        drop(nested);
        drop((token, again));
        sender.send("outer").unwrap();
    });
    source.request();
    assert_eq!(receiver.iter().take(2).collect::<Vec<_>>(), ["nested", "outer"]);
    drop(guard);
    assert!(source.take_panics().is_empty());
}

#[test]
fn it_is_never_called_when_nobody_can_ask() {
    let source = StopSource::new();
    let token = source.token();
    let captured = Arc::new(());
    let early = token.on_stop({
        let captured = Arc::clone(&captured);
        move || panic!("nobody asked {captured:?}")
    });
    drop(source);
    assert_eq!(Arc::strong_count(&captured), 1, "what a callback owns is not kept when it is never called");
    let late = token.on_stop(|| panic!("nobody asked"));
    assert!(early.unregister() && late.unregister());
}

#[test]
fn a_panic_at_once_is_the_callers_own() {
    let source = StopSource::new();
    source.request();
    let token = source.token();
    let panic = catch_unwind(AssertUnwindSafe(|| token.on_stop(|| resume_unwind(Box::new("mine"))))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"mine"));
    assert!(source.take_panics().is_empty());
}

#[test]
fn a_late_request_does_not_wait_for_callbacks() {
    let source = StopSource::new();
    let child = source.child();
    let (entered, is_in) = channel();
    let (go_on, may_go_on) = channel();
    let guard = source.token().on_stop(move || {
        entered.send(()).unwrap();
        may_go_on.recv_timeout(LONG).expect("the late request returns meanwhile");
    });
    let first = thread::spawn({
        let source = source.clone();
        move || source.request()
    });
    is_in.recv_timeout(LONG).unwrap();
    assert!(!source.request(), "it is late");
    assert!(child.is_stop_requested(), "stopped says that somebody asked, not that anything is over");
    go_on.send(()).unwrap();
    assert!(first.join().unwrap());
    assert!(source.take_panics().is_empty());
    drop(guard);
}

#[test]
fn callbacks_that_are_deferred_are_called_elsewhere_or_taken_away() {
    let source = StopSource::new();
    let (sender, receiver) = channel();
    let [first, second] = [1, 2].map(|number| {
        let sender = sender.clone();
        source.token().on_stop(move || sender.send((number, thread::current().id())).unwrap())
    });
    let waiting = thread::spawn({
        let token = source.token();
        move || token.wait().is_ok()
    });
    let deferred = source.request_deferred("slowly").expect("it is the first request");
    assert!(source.is_stop_requested() && waiting.join().unwrap(), "only callbacks are deferred");
    assert!(source.request_deferred("again").is_none());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(second);
    let elsewhere = thread::spawn(move || {
        deferred.call();
        thread::current().id()
    });
    let there = elsewhere.join().unwrap();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [(1, there)]);
    drop(first);
}

/// Threads register and let go in every order while one asks: each callback runs once or was taken away.
#[test]
fn many_threads_agree_on_who_was_called() {
    for round in 0..50 {
        let source = StopSource::new();
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let token = source.token();
                thread::spawn(move || {
                    for turn in 0..8 {
                        let (sender, calls) = channel();
                        let guard = token.on_stop(move || sender.send(()).unwrap());
                        let taken_away = (number + turn) % 2 == 0 && guard.unregister();
                        token.wait_timeout(Duration::from_micros(round)).ok();
                        let called = calls.try_iter().count();
                        assert!(called <= usize::from(!taken_away));
                    }
                    let (sender, calls) = channel();
                    let guard = token.on_stop(move || sender.send(()).unwrap());
                    token.wait().unwrap();
                    drop(guard);
                    // The sender goes with the callback: were it still there, a receiver would find the channel empty.
                    while calls.try_recv().map_err(|end| assert_eq!(end, TryRecvError::Disconnected)).is_ok() {}
                })
            })
            .collect();
        source.request();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(source.take_panics().is_empty());
    }
}
