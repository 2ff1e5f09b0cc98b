//! The laws that concern a worker's life, stated once for jobs that travel: the suite's own job is a closure, and cannot.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::thread;

use act::{Act, LIMIT, Scratch, until, worker_of};
use cease_core::{Exit, JoinError, Reason, StopSource, Strategy, Worker};
use cease_process::Process;

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// Runs each law with the strategy; a failure reads `law::process`.
macro_rules! laws {
    ($($law:ident)*) => {
        $(
            mod $law {
                #[test]
                fn process() {
                    (0..super::ROUNDS).for_each(|_| super::$law(&super::process()));
                }
            }
        )*
    };
}

laws! {
    l1_request_is_sticky
    l2_one_reason
    l5_stop_before_start
    l6_stop_after_the_end_is_harmless
    l7_a_produced_value_is_not_lost
    l8_after_join_nothing_runs
    l9_a_panic_is_reported
    l10_drop_stops_and_joins
    l10_only_detach_lets_go
    l11_joining_oneself_is_an_error
}

/// Each one starts a process or two.
const ROUNDS: usize = 10;

fn process() -> Process {
    Process::in_test("worker")
}

fn spawn<S: Strategy<Act>>(strategy: &S, act: Act) -> Worker<String> {
    strategy.spawn(act).unwrap_or_else(|error| panic!("{error}"))
}

/// L1: of many callers at once exactly one is told that it was first.
fn l1_request_is_sticky<S: Strategy<Act>>(strategy: &S) {
    let worker = spawn(strategy, Act::StoppedFuture);
    let source = worker.source().clone();
    let firsts: Vec<bool> = thread::scope(|scope| {
        let ask = || source.request();
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert_eq!(firsts.iter().filter(|first| **first).count(), 1, "L1: {firsts:?}");
    assert!(worker.join().unwrap().as_stopped().is_some() && source.is_stop_requested(), "L1: it was taken back");
}

/// L2: the job sees the reason of the request that won, and says so from the other process.
fn l2_one_reason<S: Strategy<Act>>(strategy: &S) {
    let worker = spawn(strategy, Act::ReasonOfStop);
    let source = worker.source().clone();
    assert!(source.request_with("rolling deploy"));
    assert!(!source.request_with("too late"));
    let seen = worker.join().unwrap().into_finished();
    assert_eq!(seen.as_deref(), Some("requested: rolling deploy"), "L2: the reason changed on its way");
}

/// L5: the job gets no further than its first checkpoint.
fn l5_stop_before_start<S: Strategy<Act>>(strategy: &S) {
    let source = StopSource::new();
    source.request_with("early");
    let scratch = Scratch::new("l5");
    let worker = strategy.spawn_with(Act::TouchAfterCheck(scratch.path("touched")), source).unwrap();
    let exit = worker.join().unwrap();
    assert_eq!(exit.as_stopped().map(|stopped| stopped.reason().clone()), Some(Reason::from("early")), "L5: {exit:?}");
    assert!(!scratch.has("touched"), "L5: the job went past its first checkpoint");
}

/// L6: asking after the end changes nothing about how it ended.
fn l6_stop_after_the_end_is_harmless<S: Strategy<Act>>(strategy: &S) {
    let worker = spawn(strategy, Act::Return("six".into()));
    worker.ended().wait().unwrap();
    assert!(worker.stop() && !worker.stop() && !worker.stop());
    assert_eq!(
        worker.join().unwrap().into_finished().as_deref(),
        Some("six"),
        "L6: a stop after the end changed the exit"
    );
}

/// L7: the job finishes just as the stop comes; when it has produced its value, the value is the exit.
fn l7_a_produced_value_is_not_lost<S: Strategy<Act>>(strategy: &S) {
    let scratch = Scratch::new("l7");
    let worker = spawn(strategy, Act::TouchAfterCheck(scratch.path("touched")));
    worker.stop();
    match worker.join().unwrap() {
        Exit::Finished(value) => assert_eq!(value, "touched", "L7: the value changed on its way"),
        exit => assert!(!scratch.has("touched"), "L7: a value was produced, but the exit is {exit:?}"),
    }
}

/// L8: when join returns, the job's destructors have run, and nothing of it runs.
fn l8_after_join_nothing_runs<S: Strategy<Act>>(strategy: &S) {
    let scratch = Scratch::new("l8");
    let worker = spawn(strategy, Act::TouchWhenDropped(scratch.path("dropped"), scratch.path("running")));
    until("running", || scratch.has("running"));
    worker.stop();
    let exit = worker.join().unwrap();
    assert!(exit.as_stopped().is_some(), "L8: {exit:?}");
    assert!(scratch.has("dropped"), "L8: join returned before the destructors had run");
    assert!(!scratch.is_child("running"), "L8: it is still there");
}

/// L9: a panic is an exit of its own, with its text, also when a stop was asked for.
fn l9_a_panic_is_reported<S: Strategy<Act>>(strategy: &S) {
    let worker = spawn(strategy, Act::Panic("on purpose".into()));
    worker.stop();
    let panic = worker.join().unwrap().into_panic().expect("L9: the job panicked");
    assert_eq!(panic.message(), Some("on purpose"), "L9: the payload changed on its way");
}

/// L10: dropping asks, says why, and returns when the process is gone.
fn l10_drop_stops_and_joins<S: Strategy<Act>>(strategy: &S) {
    let scratch = Scratch::new("l10");
    let worker = spawn(strategy, Act::TouchWhenDropped(scratch.path("dropped"), scratch.path("running")));
    until("running", || scratch.has("running"));
    let token = worker.source().token();
    drop(worker);
    assert!(scratch.has("dropped"), "L10: drop returned while the job was running");
    assert_eq!(token.reason(), Some(&Reason::OwnerDropped), "L10: dropping says why");
}

/// L10: detaching neither asks nor waits.
fn l10_only_detach_lets_go<S: Strategy<Act>>(strategy: &S) {
    let scratch = Scratch::new("l10-detach");
    let worker = spawn(strategy, Act::TouchWhenDropped(scratch.path("dropped"), scratch.path("running")));
    until("running", || scratch.has("running"));
    let (source, ended) = (worker.source().clone(), worker.ended().clone());
    worker.detach();
    assert!(!source.is_stop_requested() && !scratch.has("dropped"), "L10: detaching asked for a stop");
    assert!(source.request(), "L10: a detached worker is still asked through its source");
    assert!(ended.wait_timeout(LIMIT).is_ok() && scratch.has("dropped"), "L10: it did not end");
}

/// L11: whoever is called on the supervising thread cannot wait for it, and is told so.
fn l11_joining_oneself_is_an_error<S: Strategy<Act>>(_: &S) {
    let own = worker_of(|slot| {
        process().on_progress(move |_| {
            let worker = slot.take();
            let Err(JoinError::Itself(worker)) = worker.join() else { panic!("L11: it joined itself") };
            slot.put(worker);
        })
    });
    let exit = own.join().unwrap();
    assert_eq!(exit.into_finished().as_deref(), Some("told"), "L11: the worker was lost");
}

/// What the contract says about L8 is so: a job that is ended by a signal runs no destructors, and nothing of it runs.
#[test]
fn l8_is_not_kept_when_a_signal_ends_it_as_the_contract_says() {
    let scratch = Scratch::new("l8-not");
    let deaf = Act::DeafWhenDropped(scratch.path("dropped"), scratch.path("running"));
    let worker = process().budgets(act::HASTY).spawn(deaf).unwrap();
    until("running", || scratch.has("running"));
    worker.stop();
    assert!(matches!(worker.join().unwrap(), Exit::Killed { signal: 15, .. }));
    assert!(!scratch.has("dropped"));
    assert!(!scratch.is_child("running"));
}

/// What the contract says about L3 is so: what was written before the request is not there in the other process.
#[test]
fn l3_is_not_kept_as_the_contract_says() {
    use std::sync::atomic::Ordering::SeqCst;
    let worker = spawn(&process(), Act::SharedAtStop);
    // ORDERING: SeqCst, and still not seen: it is another memory.
    act::SHARED.store(3, SeqCst);
    worker.stop();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("0"));
}
