//! Which tokens and sources are the same, and the token that can never stop.
#![cfg(not(any(loom, shuttle)))]

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use cease_core::{NeverStops, StopSource, StopToken, ThreadBuilder, WaitError};

#[test]
fn tokens_and_sources_are_equal_when_they_are_of_the_same_stop() {
    let (source, other) = (StopSource::new(), StopSource::new());
    assert_eq!(source.token(), source.clone().token());
    assert_eq!(source, source.clone());
    assert_ne!(source, other);
    assert_ne!(source.token(), other.token());
    assert_ne!(source.token(), source.child().token());
    source.request();
    assert_ne!(source.child().token(), source.child().token(), "two children that were stopped from the start");
    let set: HashSet<_> =
        [source.token(), source.token(), other.token(), StopToken::never(), StopToken::never()].into();
    assert_eq!(set.len(), 3);
}

#[test]
fn a_token_that_can_never_stop_ends_every_wait() {
    static NEVER: StopToken = StopToken::never();
    let tokens = [StopToken::never(), NEVER.clone(), StopToken::never().clone()];
    for token in tokens {
        assert_eq!(token, NEVER);
        assert!(!token.is_stop_requested() && !token.stop_possible());
        assert_eq!(token.wait().err(), Some(NeverStops));
        assert_eq!(token.wait_timeout(Duration::MAX).err(), Some(WaitError::NeverStops));
        assert_eq!((token.reason(), token.deadline()), (None, None));
        let held = Arc::new(());
        let callback = Arc::clone(&held);
        drop(token.on_stop(move || drop(callback)));
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(!StopToken::any_of(&[token]).token().stop_possible());
    }
    assert!(!NEVER.is_stop_requested());
}

#[test]
fn a_source_below_a_token_that_can_never_stop_is_stopped_by_itself() {
    let (source, _deadline) =
        StopToken::never().child().child_with_deadline(Instant::now() + Duration::from_secs(3600)).unwrap();
    let token = source.token();
    assert!(token.stop_possible() && !token.is_stop_requested());
    assert!(source.request());
    assert!(token.is_stop_requested() && !token.is_inherited());
}

#[test]
fn threads_share_the_token_that_can_never_stop() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| drop(StopToken::never().clone())));
        }
    });
    assert_eq!(StopToken::never().wait().err(), Some(NeverStops));
}

#[test]
fn the_input_of_a_link_has_the_panics_of_callbacks_on_linked_tokens() {
    let called = Arc::new(AtomicUsize::new(0));
    let panicking = |called: &Arc<AtomicUsize>| {
        let called = Arc::clone(called);
        move || {
            called.fetch_add(1, Relaxed);
            std::panic::resume_unwind(Box::new("callback"))
        }
    };
    let input = StopSource::new();
    let linked = StopToken::any_of(&[input.token()]).into_token();
    let again = StopToken::any_of(std::slice::from_ref(&linked)).into_token();
    let below = linked.child();
    let guards = [&linked, &again, &below.token()].map(|token| token.on_stop(panicking(&called)));
    input.request();
    assert_eq!(called.load(Relaxed), 3);
    assert_eq!(input.take_panics().len(), 3);
    assert!(input.take_panics().is_empty(), "each is taken once");
    drop(guards);
}

#[test]
fn the_end_of_a_worker_has_the_panics_of_its_callbacks() {
    let source = StopSource::new();
    let worker =
        ThreadBuilder::new("worker").spawn(source, (), |(), stop| stop.wait().map_err(|_| unreachable!()).map(drop));
    let worker = worker.unwrap();
    let guard = worker.ended().on_stop(|| std::panic::resume_unwind(Box::new("callback")));
    let ended = worker.ended().clone();
    worker.stop();
    worker.join().unwrap();
    drop(guard);
    assert_eq!(ended.request().unwrap().take_panics().len(), 1);
}

/// Panics when it is dropped.
struct PanicsInDrop(Arc<AtomicUsize>);

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
        std::panic::resume_unwind(Box::new("destructor"));
    }
}

#[test]
fn a_destructor_of_a_callback_that_panics_reaches_no_caller() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let owning = || {
        let owned = PanicsInDrop(Arc::clone(&dropped));
        move || drop(owned)
    };
    let source = StopSource::new();
    let token = source.token();
    drop(token.on_stop(owning()));
    assert!(token.on_stop(owning()).unregister());
    {
        let mut pinned = std::pin::pin!(token.callback(owning()));
        pinned.as_mut().register();
    }
    drop(token.callback(owning()));
    let guard = token.on_stop(owning());
    drop(source);
    assert_eq!(dropped.load(Relaxed), 5, "the last source takes the callback with it");
    assert!(guard.unregister());
    drop(token.on_stop(owning()));
    assert_eq!(dropped.load(Relaxed), 6);

    let source = StopSource::new();
    let guard = source.token().on_stop(owning());
    source.request();
    assert_eq!((dropped.load(Relaxed), source.take_panics().len()), (7, 1));
    drop(guard);
}

#[test]
fn unregister_answers_by_whether_the_callback_ran() {
    let source = StopSource::new();
    let token = source.token();
    let before = token.on_stop(|| unreachable!("no source is left"));
    drop(source);
    assert!(before.unregister(), "registered before the last source went");
    assert!(token.on_stop(|| unreachable!("no source is left")).unregister(), "and after");
    assert!(StopToken::never().on_stop(|| unreachable!("no source is left")).unregister());

    let source = StopSource::new();
    let before = source.token().on_stop(|| ());
    source.request();
    assert!(!before.unregister());
    assert!(!source.token().on_stop(|| ()).unregister(), "it ran at once");
}
