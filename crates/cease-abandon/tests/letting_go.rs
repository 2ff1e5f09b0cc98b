//! The letting go races with the end, in every order: with real threads, under loom and under shuttle.

use std::time::Duration;

use cease_abandon::{Abandon, AbandonedThreads};
use cease_conformance::harness::explore;
use cease_core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cease_core::sync::{Arc, thread};
use cease_core::{Checkpoint, Exit, SpawnFn, StopSource, ThreadBuilder};

/// A recipe that lets go at once, and counts those that end late.
fn counting(account: &AbandonedThreads) -> (Abandon, Arc<AtomicU32>) {
    let late = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&late);
    let recipe = Abandon::new().grace(Duration::ZERO).account(account);
    (
        recipe.on_late_end(move |_| {
            count.fetch_add(1, Relaxed);
        }),
        late,
    )
}

#[test]
fn a_value_goes_to_who_joins_or_is_told_of_later_and_never_both() {
    explore("a_value_goes_to_who_joins_or_is_told_of_later_and_never_both", Some(3), 2000, || {
        let account = AbandonedThreads::new();
        let (recipe, late) = counting(&account);
        let worker = recipe.spawn_fn(|_| Ok(7)).expect("a check starts only a few workers");
        worker.stop();
        let exit = worker.join().expect("joined from outside");
        account.wait_timeout(Duration::MAX).expect("it ends");
        let abandoned = matches!(exit, Exit::Abandoned);
        assert!(abandoned || exit.into_finished() == Some(7), "its own exit, or none");
        assert_eq!(account.total(), u64::from(abandoned), "who was let go of was entered once");
        // It tells after it has taken itself off, so what was told before is all that there can be, but not at once.
        assert!(late.load(Relaxed) <= u32::from(abandoned), "it was told of, and joined too");
    });
}

#[test]
fn two_stops_let_go_of_a_worker_once() {
    explore("two_stops_let_go_of_a_worker_once", Some(3), 20_000, || {
        let account = AbandonedThreads::new();
        let (recipe, _late) = counting(&account);
        let source = StopSource::new();
        let worker = recipe.spawn_fn_with(|stop| stop.check().map(|()| 7), source.clone()).expect("as above");
        let asking = thread::spawn(move || source.request());
        let first = worker.stop();
        assert!(first != asking.join().expect("asking does not panic"), "one of them was first");
        let exit = worker.join().expect("joined from outside");
        account.wait_timeout(Duration::MAX).expect("it ends");
        assert_eq!(account.total(), u64::from(matches!(exit, Exit::Abandoned)));
    });
}

#[test]
fn who_waits_for_room_is_let_go_of_or_ends_when_there_is() {
    explore("who_waits_for_room_is_let_go_of_or_ends_when_there_is", Some(2), 7000, || {
        let account = AbandonedThreads::new();
        let (recipe, _late) = counting(&account);
        let recipe = recipe.cap(1);
        let source = StopSource::new();
        let workers = [(); 2].map(|()| recipe.spawn_fn_with(|_| Ok(7), source.clone()).expect("as above"));
        source.request();
        let exits = workers.map(|worker| worker.join().expect("joined from outside"));
        account.wait_timeout(Duration::MAX).expect("they end");
        let abandoned = exits.iter().filter(|exit| matches!(exit, Exit::Abandoned)).count();
        assert_eq!(account.total(), abandoned as u64);
        assert!(account.is_empty());
    });
}

#[test]
fn a_foreign_worker_that_ends_just_then_is_not_left_on_the_list() {
    explore("a_foreign_worker_that_ends_just_then_is_not_left_on_the_list", Some(3), 200, || {
        let account = AbandonedThreads::new();
        let builder = ThreadBuilder::new("foreign");
        let worker = builder.spawn(StopSource::new(), (), |(), _| Ok(7)).expect("as above");
        let ended = worker.ended().clone();
        let exit = account.let_go(worker);
        ended.wait().expect("it ends");
        account.wait_timeout(Duration::MAX).expect("it is taken off");
        assert_eq!(account.total(), u64::from(matches!(exit, Exit::Abandoned)));
    });
}
