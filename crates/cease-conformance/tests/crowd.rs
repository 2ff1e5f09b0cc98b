//! Crowds of threads on one tree, under shuttle: more of them than loom can explore, and held to liveness only.
//!
//! Every thread ends, whoever waits is woken, and what is true for one law is true for all of them at once.
#![cfg(shuttle)]

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cease_core::sync::{Arc, thread};
use cease_core::{CallbackGuard, NeverStops, StopSource, StopToken};

const ORDERS: usize = 3000;
const CHANGES: usize = 4;

/// Runs `model` in orders chosen at random, and in orders that change few times but in unlikely places.
fn explore(model: fn()) {
    shuttle::check_random(model, ORDERS);
    shuttle::check_pct(model, ORDERS, CHANGES);
}

/// What a callback that was called so often has counted.
const fn counted(calls: usize) -> usize {
    2 * calls
}

/// Starts a thread on `with`, which it gives back when it ends.
fn start<T: Send + 'static, R: Send + 'static>(
    with: T,
    work: impl FnOnce(&T) -> R + Send + 'static,
) -> impl FnOnce() -> (R, T) {
    let thread = thread::spawn(move || (work(&with), with));
    || thread.join().expect("no thread of a crowd panics")
}

fn register(token: &StopToken, calls: &Arc<AtomicUsize>) -> CallbackGuard {
    let calls = Arc::clone(calls);
    token.on_stop(move || call(&calls))
}

/// What a callback does: it is over when it has counted twice.
fn call(calls: &AtomicUsize) {
    calls.fetch_add(1, Relaxed);
    thread::yield_now();
    calls.fetch_add(1, Relaxed);
}

/// Three wait in three ways, two ask at two places, two make children and one drops what is between them.
#[test]
fn a_crowd_that_is_stopped_goes_home() {
    explore(|| {
        let top = StopSource::new();
        top.spread();
        let middle = top.child();
        let leaf = middle.child();
        let deepest = leaf.child();
        // A request meets the youngest first, and pauses before it comes to the deepest.
        let _younger = [leaf.child(), leaf.child()];
        let calls = Arc::new(AtomicUsize::new(0));

        let blocked = start(leaf.token(), |token| token.wait().is_ok());
        let task = start(deepest.token(), |token| shuttle::future::block_on(token.stopped()).is_ok());
        let patient = start(middle.token(), |token| {
            let early = token.wait_timeout(Duration::from_micros(1)).is_ok();
            token.wait().is_ok() && (!early || token.is_stop_requested())
        });
        let family = |parent: StopToken, calls: &Arc<AtomicUsize>| {
            let calls = Arc::clone(calls);
            start(parent, move |parent| {
                let child = parent.child();
                let guard = register(&child.token(), &calls);
                let grandchild = child.token().child();
                drop(child);
                (grandchild, guard)
            })
        };
        let families = [family(top.token(), &calls), family(leaf.token(), &calls)];
        let further_down = start((middle.clone(), deepest.token()), |(middle, token)| {
            middle.request();
            token.is_stop_requested()
        });
        let dropping = start((), move |()| drop((middle, leaf)));
        let first = top.request();

        assert!(first, "L1: nobody else asked the top");
        assert!(blocked().0 && task().0 && patient().0, "L4: whoever waits is woken");
        assert!(further_down().0, "L12: a request returned, but a descendant does not read stopped");
        let families = families.map(|family| family().0);
        assert!(families.iter().all(|(grandchild, _)| grandchild.is_stop_requested()), "L12: a descendant runs on");
        dropping();
        drop(families);
        assert_eq!(calls.load(Relaxed), counted(2), "L13: each callback is called once");
    });
}

/// Two wait and one is about to, while the sources of four levels go away one after the other.
#[test]
fn a_crowd_that_nobody_can_ask_is_told() {
    explore(|| {
        let top = StopSource::new();
        let middle = top.child();
        let leaf = middle.child();
        let calls = Arc::new(AtomicUsize::new(0));
        let guard = register(&leaf.token(), &calls);
        let last = start(leaf.child().token(), |token| token.wait().err());
        let task = start(leaf.token(), |token| shuttle::future::block_on(token.stopped()).err());
        let born = start(middle.token(), |token| {
            // The child's own source is gone before the wait.
            let child = token.child().token();
            child.wait().err()
        });
        let dropping = [top.clone(), top, middle, leaf].map(|source| start((), move |()| drop(source)));
        let told = [last().0, task().0, born().0];
        assert_eq!(told, [Some(NeverStops); 3], "L14: nobody asked, and nobody can");
        let _ = dropping.map(|thread| thread());
        drop(guard);
        assert_eq!(calls.load(Relaxed), 0, "L13: nobody asked, and a callback was called");
    });
}

/// Three inputs are asked at once, two follow them in two ways and one cuts its link.
#[test]
fn a_crowd_that_follows_another_is_stopped() {
    explore(|| {
        let inputs = [(); 3].map(|()| StopSource::new());
        let tokens = inputs.each_ref().map(StopSource::token);
        let two = StopToken::at_least(2, &tokens);
        let all = StopToken::all_of(&tokens);
        let any = StopToken::any_of(&[two.token().clone(), all.token().clone()]);
        let waiting = [&two, &all, &any].map(|link| start(link.token().clone(), |token| token.wait().is_ok()));
        let cut = StopToken::any_of(&tokens);
        let cutting = start(cut.token().clone(), move |_| drop(cut));
        let asking = inputs.map(|input| start(input, StopSource::request));
        assert!(waiting.map(|thread| thread().0).iter().all(|woken| *woken), "L21: whoever waits for a link is woken");
        assert!(asking.map(|thread| thread().0).iter().all(|first| *first), "L21: a link has asked its input");
        let ((), token) = cutting();
        assert_eq!(token.is_stop_requested(), token.stop_possible(), "L21: a link that was cut is open");
    });
}

/// Four register callbacks and let go of them in as many ways while two ask.
#[test]
fn a_crowd_of_callbacks_is_called_once_or_taken_away() {
    explore(|| {
        let top = StopSource::new();
        let below = top.child();
        let sure = Arc::new(AtomicUsize::new(0));
        let kept = [register(&top.token(), &sure), register(&below.token(), &sure)];
        let calls = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let letting_go = |how: fn(&StopToken, &Arc<AtomicUsize>) -> bool, count: &Arc<AtomicUsize>| {
            start((below.token(), Arc::clone(count)), move |(token, calls)| {
                let taken_away = how(token, calls);
                (taken_away, calls.load(Relaxed))
            })
        };
        let unregistering = letting_go(|token, calls| register(token, calls).unregister(), &calls[0]);
        let dropping = letting_go(
            |token, calls| {
                drop(register(token, calls));
                calls.load(Relaxed) == 0
            },
            &calls[1],
        );
        let pinned = letting_go(
            |token, calls| {
                let shared = Arc::clone(calls);
                let mut callback = std::pin::pin!(token.callback(move || call(&shared)));
                callback.as_mut().register();
                token.wait().is_err()
            },
            &calls[2],
        );
        let further_down = start(below.clone(), StopSource::request);
        top.request();
        further_down();
        let (taken_away, seen) = unregistering().0;
        let called = calls[0].load(Relaxed);
        assert!(seen <= called, "L13: a call was taken back");
        assert_eq!(called, counted(usize::from(!taken_away)), "L13: calls of what was taken away: {taken_away}");
        let (taken_away, seen) = dropping().0;
        assert_eq!(seen, counted(usize::from(!taken_away)), "L13: a guard was dropped in the middle of the callback");
        assert_eq!(calls[1].load(Relaxed), seen, "L13: a callback ran after its guard was gone");
        let (never_stops, seen) = pinned().0;
        assert!(!never_stops, "L14: a source exists");
        assert_eq!(calls[2].load(Relaxed), seen, "L13: a callback on the stack ran after it was gone");
        assert_eq!(sure.load(Relaxed), counted(2), "L13: each callback that was kept is called once");
        drop(kept);
    });
}
