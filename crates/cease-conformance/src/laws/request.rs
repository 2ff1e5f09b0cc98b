//! Laws about asking, noticing and waiting: L1 to L4 and L14.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::sync::{Arc, thread};
use cease_core::{NeverStops, Reason, StopSource, Strategy, WaitError};

use super::{join, spawn};
use crate::Act;
use crate::block_on::block_on;

/// L1: two ask at once, and exactly one was first; what was seen once is seen ever after.
pub fn l1_request_is_sticky(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        let before = stop.is_stop_requested();
        let after = stop.is_stop_requested();
        assert!(after || !before, "L1: the stop was taken back");
        Ok(0)
    });
    let token = worker.source().token();
    let source = worker.source().clone();
    let other = thread::spawn(move || source.request());
    let here = worker.stop();
    let there = other.join().expect("asking does not panic");
    assert!(here != there, "L1: exactly one caller is first, but the answers were {here} and {there}");
    assert!(!worker.stop(), "L1: a late caller was told it was first");
    assert!(token.is_stop_requested(), "L1: a late request took the stop back");
    join(worker);
}

/// L2: two ask at once with different reasons, and everybody sees the winner's.
pub fn l2_one_reason(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        let stopped = stop.token().wait().expect("L2: the law keeps a source");
        Ok(u32::from(stopped.reason() == &Reason::from("here")))
    });
    let token = worker.source().token();
    let source = worker.source().clone();
    let other = thread::spawn(move || source.request_with("there"));
    let here = worker.stop_with("here");
    other.join().expect("asking does not panic");
    let winner = if here { "here" } else { "there" };
    assert_eq!(token.reason(), Some(&Reason::from(winner)), "L2: an observer saw the reason of a request that lost");
    let seen = join(worker).into_finished();
    assert_eq!(seen, Some(u32::from(here)), "L2: the job saw the reason of a request that lost");
}

/// L3: whoever polls the stop sees what the asking thread wrote before, though the data itself orders nothing.
pub fn l3_writes_before_the_request_are_visible(strategy: &dyn Strategy<Act>) {
    let data = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&data);
    let worker = spawn(strategy, move |stop| {
        for _ in 0..2 {
            if stop.is_stop_requested() {
                assert_eq!(shared.load(Relaxed), 42, "L3: the stop was seen before what was written before it");
            }
        }
        Ok(0)
    });
    data.store(42, Relaxed);
    worker.stop();
    join(worker);
}

/// L4: two threads wait while a third asks, and both are woken.
pub fn l4_no_lost_wakeup(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        stop.token().wait().expect("L4: the law keeps a source");
        Ok(1)
    });
    let token = worker.source().token();
    let other = thread::spawn(move || token.wait().is_ok());
    worker.stop();
    assert!(other.join().expect("waiting does not panic"), "L4: a waiter was woken without a stop");
    assert_eq!(join(worker).into_finished(), Some(1), "L4: the job did not go on after its wait");
}

/// L4: a waiter gives up just as the request comes; it sees the stop, or it is gone from the list for good.
pub fn l4_giving_up_races_with_the_request(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        let given_up = stop.token().wait_timeout(Duration::from_micros(1));
        assert!(!matches!(given_up, Err(WaitError::NeverStops)), "L4: a source exists");
        stop.token().wait().expect("L4: the law keeps a source");
        Ok(1)
    });
    let token = worker.source().token();
    let other = thread::spawn(move || {
        let seen = token.wait_timeout(Duration::from_micros(1)).is_ok();
        assert!(!seen || token.is_stop_requested(), "L4: a waiter was woken without a stop");
    });
    worker.stop();
    other.join().expect("L4: the other waiter is let go");
    assert_eq!(join(worker).into_finished(), Some(1), "L4: the job did not go on after its wait");
}

/// L4: a task waits while a second one stops waiting and a third thread asks, and it is woken.
pub fn l4_a_task_is_woken(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        let seen = block_on(stop.token().stopped());
        assert!(seen.is_ok(), "L4: a task was woken without a stop");
        Ok(1)
    });
    let token = worker.source().token();
    let other = thread::spawn(move || {
        let mut until = pin!(token.stopped());
        let seen = until.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(!seen.is_ready() || token.is_stop_requested(), "L4: a task was ready without a stop");
    });
    worker.stop();
    other.join().expect("L4: a task that stops waiting is let go");
    assert_eq!(join(worker).into_finished(), Some(1), "L4: the job did not go on after its wait");
}

/// L4: a task is polled with one waker and then with another, just as the request comes, and the second is woken.
pub fn l4_a_renewed_waker_is_woken(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let token = source.token();
    let mut until = pin!(token.stopped());
    let first = until.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(first.is_pending(), "L4: a task was ready without a stop");
    let asking = thread::spawn(move || source.request());
    assert!(block_on(until).is_ok(), "L4: a task was woken without a stop");
    asking.join().expect("asking does not panic");
}

/// L14: the last source is gone unasked, and the waiting job is told.
pub fn l14_the_last_source_tells(strategy: &dyn Strategy<Act>) {
    let done = StopSource::new();
    let ended = done.token();
    let worker = spawn(strategy, move |stop| {
        assert_eq!(stop.token().wait().err(), Some(NeverStops), "L14: nobody asked");
        assert!(!stop.token().stop_possible(), "L14: the token still says that it can stop");
        done.request_with("told");
        Ok(0)
    });
    let token = worker.source().token();
    assert!(token.stop_possible(), "L14: the worker holds a source");
    worker.detach();
    let told = ended.wait().expect("L14: the job was told wrongly, and dropped its source");
    assert_eq!(told.reason(), &Reason::from("told"), "L14: somebody else ended the wait");
    assert!(!token.stop_possible() && !token.is_stop_requested(), "L14: an observer sees something else than the job");
}

/// L14: a request whose source is gone at once is not mistaken for "nobody asked".
pub fn l14_a_request_outlives_its_source(strategy: &dyn Strategy<Act>) {
    let done = StopSource::new();
    let ended = done.token();
    let worker = spawn(strategy, move |stop| {
        if stop.token().wait().is_ok() {
            done.request();
        }
        Ok(0)
    });
    let token = worker.source().token();
    let source = worker.source().clone();
    let asker = thread::spawn(move || {
        assert!(source.request(), "L14: the only request was not first");
    });
    worker.detach();
    asker.join().expect("L14: the asking thread failed");
    ended.wait().expect("L14: a request was forgotten with its source");
    assert!(token.stop_possible(), "L14: it did stop, so it can");
}
