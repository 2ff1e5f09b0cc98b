//! Laws about callbacks: L13.

use std::panic::resume_unwind;
use std::pin::pin;

use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::sync::{Arc, Mutex, lock, thread};
use cease_core::{CallbackGuard, StopSource, Strategy};

use super::{join, spawn};
use crate::Act;

/// L13: a callback is registered just as the request comes, and one of the two sides calls it.
pub fn l13_a_callback_runs_exactly_once(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| Ok(0));
    let token = worker.source().token();
    let calls = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&calls);
    let registering = thread::spawn(move || {
        token.on_stop(move || {
            shared.fetch_add(1, Relaxed);
        })
    });
    worker.stop();
    let guard = registering.join().expect("registering does not panic");
    assert_eq!(calls.load(Relaxed), 1, "L13: calls of a callback that was registered, after a request that returned");
    drop(guard);
    assert_eq!(calls.load(Relaxed), 1, "L13: dropping the guard called the callback");
    join(worker);
}

/// L13: the guard is dropped just as the callback is called, and afterwards it is either over or will never be.
pub fn l13_dropping_waits_for_a_running_callback(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| Ok(0));
    let (entered, left) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (going_in, coming_out) = (Arc::clone(&entered), Arc::clone(&left));
    let guard = worker.source().token().on_stop(move || {
        going_in.store(1, Relaxed);
        coming_out.store(1, Relaxed);
    });
    let source = worker.source().clone();
    let asking = thread::spawn(move || source.request());
    drop(guard);
    let seen = (entered.load(Relaxed), left.load(Relaxed));
    assert_eq!(seen.0, seen.1, "L13: the guard was dropped in the middle of the callback");
    asking.join().expect("asking does not panic");
    assert_eq!((entered.load(Relaxed), left.load(Relaxed)), seen, "L13: the callback ran after its guard was gone");
    join(worker);
}

/// L13: a callback that drops its own guard does not wait for itself.
pub fn l13_a_callback_may_drop_its_own_guard(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| Err(stop.token().wait().expect("L13: the law keeps a source")));
    let own: Arc<Mutex<Option<CallbackGuard>>> = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&own);
    let guard = worker.source().token().on_stop(move || drop(lock(&inside).take()));
    *lock(&own) = Some(guard);
    worker.stop();
    assert!(lock(&own).is_none(), "L13: the callback did not run");
    join(worker);
}

/// L13: a callback that panics loses no other and no waiter, and its panic is kept.
pub fn l13_a_panic_loses_no_other(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| Err(stop.token().wait().expect("L13: the law keeps a source")));
    let token = worker.source().token();
    let called = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&called);
    let older = token.on_stop(move || shared.store(1, Relaxed));
    let newer = token.on_stop(|| resume_unwind(Box::new(13_u32)));
    worker.stop();
    assert_eq!(called.load(Relaxed), 1, "L13: a panic kept an older callback from being called");
    let panics: Vec<_> = worker.source().take_panics().into_iter().map(cease_core::Panic::into_payload).collect();
    let kept = panics.iter().map(|payload| payload.downcast_ref()).collect::<Vec<_>>();
    assert_eq!(kept, [Some(&13_u32)], "L13: what the callbacks panicked with");
    drop((older, newer));
    join(worker);
}

/// L13: the newest callback is called first, and those further down before those at the top, though one more comes late.
pub fn l13_the_newest_and_the_deepest_come_first(_: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let below = top.child();
    top.spread();
    let beside = top.child();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |who: &'static str| {
        let order = Arc::clone(&order);
        move || lock(&order).push(who)
    };
    let early = (top.token().on_stop(note("older")), top.token().on_stop(note("newer")));
    let deep = (below.token().on_stop(note("below")), beside.token().on_stop(note("in another shard")));
    let (token, late) = (top.token(), note("late"));
    let registering = thread::spawn(move || (token.on_stop(late), token));
    top.request();
    let late = registering.join().expect("registering does not panic");
    let called = lock(&order).clone();
    let early_ones: Vec<_> = called.iter().copied().filter(|who| *who != "late").collect();
    assert_eq!(early_ones, ["in another shard", "below", "newer", "older"], "L13: the order of callbacks");
    assert_eq!(called.len(), 5, "L13: a callback that was registered as the request came: {called:?}");
    drop((early, deep, late));
}

/// L13: a guard is dropped while another callback runs and its own is due: its own is not called any more, and the drop
/// does not wait for the other.
pub fn l13_a_callback_that_is_due_is_taken_back(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let (calls, shared) = counter();
    let older = source.token().on_stop(move || {
        shared.fetch_add(1, Relaxed);
    });
    let (running, go_on) = (StopSource::new(), StopSource::new());
    let (is_running, may_go_on) = (running.token(), go_on.token());
    let newer = source.token().on_stop(move || {
        running.request();
        may_go_on.wait().expect("L13: the law keeps a source");
    });
    let asked = source.clone();
    let asking = thread::spawn(move || asked.request());
    is_running.wait().expect("L13: the newer callback is called first");
    drop(older);
    go_on.request();
    asking.join().expect("asking does not panic");
    assert_eq!(calls.load(Relaxed), 0, "L13: a callback ran after its guard was gone");
    drop(newer);
}

/// L13: unregistering races with the request; it returns while the callback runs, and says whether it was removed.
pub fn l13_unregistering_never_waits_and_tells(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let (calls, shared) = counter();
    let go_on = StopSource::new();
    let may_go_on = go_on.token();
    let guard = source.token().on_stop(move || {
        may_go_on.wait().expect("L13: the law keeps a source");
        shared.fetch_add(1, Relaxed);
    });
    let asked = source.clone();
    let asking = thread::spawn(move || asked.request());
    let removed = guard.unregister();
    go_on.request();
    asking.join().expect("asking does not panic");
    let called = calls.load(Relaxed) == 1;
    assert!(called != removed, "L13: unregistering said {removed}, and the callback was called: {called}");
}

/// L13: a callback that lives on the stack is registered just as the request comes, and one of the two sides calls it.
pub fn l13_a_pinned_callback_runs_exactly_once(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let (token, asked) = (source.token(), source.clone());
    let (calls, shared) = counter();
    let asking = thread::spawn(move || asked.request());
    {
        let mut callback = pin!(token.callback(move || {
            shared.fetch_add(1, Relaxed);
        }));
        callback.as_mut().register();
        asking.join().expect("asking does not panic");
        assert_eq!(
            calls.load(Relaxed),
            1,
            "L13: calls of a callback that was registered, after a request that returned"
        );
    }
    assert_eq!(calls.load(Relaxed), 1, "L13: dropping the callback called it");
}

/// L13: a callback that lives on the stack is dropped just as it is called: it is over, or it will never be called.
pub fn l13_dropping_a_pinned_callback_waits(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let (token, asked) = (source.token(), source.clone());
    let ((entered, going_in), (left, coming_out)) = (counter(), counter());
    let asking;
    {
        let mut callback = pin!(token.callback(move || {
            going_in.store(1, Relaxed);
            coming_out.store(1, Relaxed);
        }));
        callback.as_mut().register();
        asking = thread::spawn(move || asked.request());
    }
    let seen = (entered.load(Relaxed), left.load(Relaxed));
    assert_eq!(seen.0, seen.1, "L13: a callback on the stack was dropped in the middle of its call");
    asking.join().expect("asking does not panic");
    assert_eq!((entered.load(Relaxed), left.load(Relaxed)), seen, "L13: the callback ran after it was gone");
}

/// A counter for a callback and for whoever looks at it.
fn counter() -> (Arc<AtomicU32>, Arc<AtomicU32>) {
    let counter = Arc::new(AtomicU32::new(0));
    (Arc::clone(&counter), counter)
}
