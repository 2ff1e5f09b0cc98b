//! Threads that do everything that can be done to shared trees, all at once; what must hold is checked once they are done.
//!
//! A failure names the seed: it gives each thread the same things to do, though not in the same order among threads.
#![cfg(not(any(loom, shuttle)))]

mod random;

use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cease_core::{CallbackGuard, StopSource, StopToken};
use random::Random;

const STORMS: u64 = 100;
const THREADS: u64 = 4;
const DEEDS: usize = 400;
/// More children than a request marks in one hold of the lock.
const BROOD: usize = 700;
/// A storm that is not over by then never will be.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn after_a_storm_everybody_who_was_below_is_stopped_and_every_callback_was_called_once() {
    let (alive, end) = channel::<()>();
    let storms = thread::spawn(move || {
        let _alive = alive;
        (0..STORMS).for_each(storm);
    });
    if end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
        panic!("a storm does not end");
    }
    storms.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

/// What all threads share.
struct Sea {
    seed: u64,
    /// Sources that anybody may take, clone or replace.
    afloat: Mutex<Vec<StopSource>>,
    /// Sources with many children, which every thread stops in the end.
    broods: Vec<(StopSource, Vec<StopToken>)>,
    /// How many deeds were done.
    deeds: AtomicUsize,
    /// Every callback holds it, so that none is left behind in silence.
    marker: Arc<()>,
}

/// What a thread has seen, to be looked at when all are done.
#[derive(Default)]
struct Seen {
    /// A parent, and a child of it.
    families: Vec<(StopToken, StopToken)>,
    /// Callbacks that are still registered.
    kept: Vec<(CallbackGuard, StopToken, Arc<AtomicUsize>)>,
    /// What became of those that are not: how often each must have been called in the end.
    settled: Vec<(usize, Arc<AtomicUsize>)>,
    waiting: Vec<JoinHandle<bool>>,
}

fn storm(seed: u64) {
    let tops = [(); 2].map(|()| StopSource::new());
    if seed.is_multiple_of(2) {
        tops.iter().for_each(StopSource::spread);
    }
    let either = StopToken::any_of(&tops.each_ref().map(StopSource::token));
    let afloat = Mutex::new(tops.iter().chain(&tops).map(StopSource::child).collect());
    let brood = |top: &StopSource| {
        let parent = top.child();
        let children = (0..BROOD).map(|_| parent.child().token()).collect();
        (parent, children)
    };
    let broods = tops.iter().chain(&tops).map(brood).collect();
    let sea = Arc::new(Sea { seed, afloat, broods, deeds: AtomicUsize::new(0), marker: Arc::new(()) });
    let sailors: Vec<_> = (0..THREADS)
        .map(|number| {
            let (sea, random) = (Arc::clone(&sea), Random(seed * THREADS + number));
            let top = either.token().clone();
            thread::spawn(move || sail(&sea, random, &top))
        })
        .collect();
    // While they are at it, one tree is stopped.
    let soon = Random(!seed).below(DEEDS);
    while sea.deeds.load(SeqCst) < soon {
        thread::yield_now();
    }
    assert!(tops[0].request(), "seed {seed}: nobody else has the top");
    assert!(either.token().is_stop_requested(), "seed {seed}: the link did not follow");
    let all: Vec<_> = sailors.into_iter().map(|sailor| sailor.join().unwrap()).collect();
    assert!(tops[1].request(), "seed {seed}: nobody else has the top");
    let broods = sea.broods.iter().flat_map(|(_, children)| children);
    assert!(broods.filter(|child| !child.is_stop_requested()).count() == 0, "seed {seed}: a stop was taken back");
    all.into_iter().for_each(|seen| look_at(seed, seen));
    sea.afloat.lock().unwrap().clear();
    drop((tops, either));
    assert_eq!(Arc::strong_count(&sea.marker), 1, "seed {seed}: callbacks that were left behind");
}

/// What one thread does.
fn sail(sea: &Sea, mut random: Random, other: &StopToken) -> Seen {
    let mut seen = Seen::default();
    let mut own = vec![other.child()];
    for _ in 0..DEEDS {
        sea.deeds.fetch_add(1, SeqCst);
        let source = pick(sea, &mut random, &own);
        let token = source.token();
        match random.below(16) {
            0..=3 => {
                let child = source.child();
                if random.below(4) == 0 {
                    seen.families.push((token, child.token()));
                }
                own.push(child);
            }
            4..=6 => drop(own.swap_remove(random.below(own.len()))),
            7 => put_afloat(sea, &mut random, source),
            8 | 9 => {
                let (guard, calls) = register(sea, &token);
                seen.kept.push((guard, token, calls));
            }
            10 | 11 => {
                let (guard, calls) = register(sea, &token);
                if random.below(2) == 0 {
                    thread::yield_now();
                }
                if random.below(2) == 0 {
                    let removed = guard.unregister();
                    // One that runs just now is over when the thread that asked is joined.
                    seen.settled.push((counted(!removed), calls));
                } else {
                    drop(guard);
                    let called = calls.load(SeqCst);
                    assert!(called == counted(called > 0), "seed {}: dropped in the middle of the callback", sea.seed);
                    seen.settled.push((called, calls));
                }
            }
            12 => seen.settled.push(on_the_stack(sea, &token)),
            13 => {
                let woken = token.wait_timeout(Duration::from_micros(random.below(50) as u64)).is_ok();
                assert!(!woken || token.is_stop_requested(), "seed {}: woken without a stop", sea.seed);
            }
            14 if seen.waiting.len() < 4 => {
                seen.waiting.push(thread::spawn(move || token.wait().is_ok() == token.is_stop_requested()))
            }
            _ => {
                let first = source.request();
                assert!(token.is_stop_requested(), "seed {}: a request ({first}) that stops nobody", sea.seed);
                let child = source.child();
                assert!(
                    child.is_stop_requested() && !child.request(),
                    "seed {}: a child that was not born stopped",
                    sea.seed
                );
            }
        }
        if own.is_empty() {
            own.push(pick(sea, &mut random, &[other.child()]).child());
        }
    }
    for (parent, children) in &sea.broods {
        let first = parent.request();
        let all = children.iter().all(StopToken::is_stop_requested);
        assert!(all, "seed {}: a request ({first}) returned before all descendants were stopped", sea.seed);
    }
    seen
}

/// A clone of a source of the thread's own, or of one that all share.
fn pick(sea: &Sea, random: &mut Random, own: &[StopSource]) -> StopSource {
    if random.below(3) > 0 {
        return own[random.below(own.len())].clone();
    }
    let afloat = sea.afloat.lock().unwrap();
    afloat[random.below(afloat.len())].clone()
}

fn put_afloat(sea: &Sea, random: &mut Random, source: StopSource) {
    let mut afloat = sea.afloat.lock().unwrap();
    let place = random.below(afloat.len() + 1);
    let replaced = if afloat.len() < 32 || place == afloat.len() {
        afloat.push(source);
        None
    } else {
        Some(std::mem::replace(&mut afloat[place], source))
    };
    drop(afloat);
    drop(replaced);
}

/// What a callback has counted: it is over when it has counted twice.
const fn counted(calls: bool) -> usize {
    if calls { 2 } else { 0 }
}

fn counter(sea: &Sea) -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
    let calls = Arc::new(AtomicUsize::new(0));
    let (counted, marker) = (Arc::clone(&calls), Arc::clone(&sea.marker));
    let function = move || {
        counted.fetch_add(1, SeqCst);
        thread::yield_now();
        counted.fetch_add(1, SeqCst);
        drop(marker);
    };
    (calls, function)
}

fn register(sea: &Sea, token: &StopToken) -> (CallbackGuard, Arc<AtomicUsize>) {
    let (calls, function) = counter(sea);
    (token.on_stop(function), calls)
}

fn on_the_stack(sea: &Sea, token: &StopToken) -> (usize, Arc<AtomicUsize>) {
    let (calls, function) = counter(sea);
    {
        let mut callback = pin!(token.callback(function));
        callback.as_mut().register();
        thread::yield_now();
    }
    let called = calls.load(SeqCst);
    assert!(called == counted(called > 0), "seed {}: dropped in the middle of the callback", sea.seed);
    (called, calls)
}

fn look_at(seed: u64, seen: Seen) {
    for (parent, child) in seen.families {
        assert!(
            child.is_stop_requested() || !parent.is_stop_requested(),
            "seed {seed}: a child of a stopped parent runs on"
        );
    }
    for (guard, token, calls) in seen.kept {
        assert_eq!(
            calls.load(SeqCst),
            counted(token.is_stop_requested()),
            "seed {seed}: calls of a callback that was kept"
        );
        drop(guard);
        assert_eq!(calls.load(SeqCst), counted(token.is_stop_requested()), "seed {seed}: called by being dropped");
    }
    for (expected, calls) in seen.settled {
        assert_eq!(calls.load(SeqCst), expected, "seed {seed}: calls of a callback that was let go");
    }
    for waiter in seen.waiting {
        assert!(waiter.join().unwrap(), "seed {seed}: a wait that ended with something else than the stop");
    }
}
