//! Laws about callbacks: L13.

use std::panic::resume_unwind;

use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::sync::{Arc, Mutex, lock, thread};
use cease_core::{OnStop, Strategy};

use super::{join, spawn};
use crate::Act;

/// L13: a callback is registered just as the request comes, and one of the two sides calls it.
pub fn l13_a_callback_runs_exactly_once<S: Strategy<Act>>(strategy: &S) {
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
pub fn l13_dropping_waits_for_a_running_callback<S: Strategy<Act>>(strategy: &S) {
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
pub fn l13_a_callback_may_drop_its_own_guard<S: Strategy<Act>>(strategy: &S) {
    let worker = spawn(strategy, |stop| Err(stop.token().wait().expect("L13: the law keeps a source")));
    let own: Arc<Mutex<Option<OnStop>>> = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&own);
    let guard = worker.source().token().on_stop(move || drop(lock(&inside).take()));
    *lock(&own) = Some(guard);
    worker.stop();
    assert!(lock(&own).is_none(), "L13: the callback did not run");
    join(worker);
}

/// L13: a callback that panics loses no other and no waiter, and its panic is kept.
pub fn l13_a_panic_loses_no_other<S: Strategy<Act>>(strategy: &S) {
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
