//! Laws about the life of a worker: L5 to L11 and L18.

use std::panic::resume_unwind;
use std::time::Duration;

use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::sync::{Arc, Mutex, lock, thread};
use cease_core::{Exit, JoinError, Reason, StopSource, Strategy, Worker};

use super::{join, spawn};
use crate::Act;

/// Counts itself out when it is dropped; what the job's destructors do.
struct Resource(Arc<AtomicU32>);

impl Resource {
    fn open(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// L5: the stop came before the start, and the job gets no further than its first checkpoint.
pub fn l5_stop_before_start(strategy: &dyn Strategy<Act>) {
    let passed = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&passed);
    let source = StopSource::new();
    source.request_with("early");
    let job = Act::new(move |stop| {
        stop.check()?;
        shared.store(1, Relaxed);
        Ok(0)
    });
    let worker = strategy.spawn_with(job, source).expect("a law starts only a few workers");
    let exit = join(worker);
    assert_eq!(passed.load(Relaxed), 0, "L5: the job went past its first checkpoint");
    let stopped = exit.as_stopped().expect("L5: the job did not end as stopped");
    assert_eq!(stopped.reason(), &Reason::from("early"), "L5: the reason got lost");
}

/// L6: asking while the job ends, and after it ended, changes nothing about how it ended.
pub fn l6_stop_after_the_end_is_harmless(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| Ok(6));
    let source = worker.source().clone();
    assert!(worker.stop(), "L6: nobody asked before");
    assert_eq!(join(worker).into_finished(), Some(6), "L6: a stop after the end changed the exit");
    assert!(!source.request(), "L6: asking after join is a late request like any other");
}

/// L7: the job finishes just as the stop comes; it has one exit, and it is the one the job chose.
pub fn l7_a_produced_value_is_not_lost(strategy: &dyn Strategy<Act>) {
    let produced = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&produced);
    let worker = spawn(strategy, move |stop| {
        stop.check()?;
        shared.store(1, Relaxed);
        Ok(7)
    });
    worker.stop();
    match join(worker) {
        Exit::Finished(value) => assert_eq!(value, 7, "L7: the value changed on its way"),
        exit => assert_eq!(produced.load(Relaxed), 0, "L7: a value was produced, but the exit is {}", exit.kind()),
    }
}

/// L8: when join returns, the job has run its destructors, those of what was moved into it included.
pub fn l8_after_join_nothing_runs(strategy: &dyn Strategy<Act>) {
    let open = Arc::new(AtomicU32::new(0));
    let moved_in = Resource::open(&open);
    let shared = Arc::clone(&open);
    let worker = spawn(strategy, move |stop| {
        let _moved_in = moved_in;
        let _inner = Resource::open(&shared);
        Err(stop.token().wait().expect("L8: the law keeps a source"))
    });
    worker.stop();
    let exit = worker.join().expect("joined from outside");
    assert_eq!(open.load(Relaxed), 0, "L8: join returned ({}) before the destructors had run", exit.kind());
    assert!(exit.as_stopped().is_some(), "L8: the job left at its stop, but the exit is {}", exit.kind());
}

/// L9: the job panics while a stop is asked for, and the exit has the payload.
pub fn l9_a_panic_is_reported(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |_| resume_unwind(Box::new(9_u32)));
    worker.stop();
    let exit = worker.join().expect("joined from outside");
    let word = exit.kind();
    let panic = exit.into_panic().unwrap_or_else(|| panic!("L9: the job panicked, but the exit is {word}"));
    assert_eq!(panic.into_payload().downcast_ref(), Some(&9_u32), "L9: the payload changed on its way");
}

/// L10: dropping asks for a stop, says why, and returns when the job is gone.
pub fn l10_drop_stops_and_joins(strategy: &dyn Strategy<Act>) {
    let open = Arc::new(AtomicU32::new(0));
    let resource = Resource::open(&open);
    let told = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&told);
    let worker = spawn(strategy, move |stop| {
        let _resource = resource;
        let stopped = stop.token().wait();
        *lock(&tell) = Some(stopped.is_ok());
        Ok(0)
    });
    let token = worker.source().token();
    drop(worker);
    assert_eq!(*lock(&told), Some(true), "L10: dropping asks before it lets go of the source");
    assert_eq!(open.load(Relaxed), 0, "L10: drop returned while the job was running");
    assert_eq!(token.reason(), Some(&Reason::OwnerDropped), "L10: dropping says why");
}

/// L10: detaching neither asks nor waits.
pub fn l10_only_detach_lets_go(strategy: &dyn Strategy<Act>) {
    let done = StopSource::new();
    let ended = done.token();
    let worker = spawn(strategy, move |stop| {
        let stopped = stop.token().wait().expect("L10: the law keeps a source");
        done.request_with(stopped.reason().clone());
        Ok(0)
    });
    let source = worker.source().clone();
    worker.detach();
    assert!(!source.is_stop_requested(), "L10: detaching asked for a stop");
    assert!(source.request_with("later"), "L10: a detached worker is still asked through its source");
    let told = ended.wait().expect("L10: the job ended without a stop");
    assert_eq!(told.reason(), &Reason::from("later"), "L10: the job was stopped by somebody else");
}

/// L11: a job that joins itself gets an error and its worker back; dropping that asks and lets go.
pub fn l11_joining_oneself_is_an_error(strategy: &dyn Strategy<Act>) {
    let own: Arc<Mutex<Option<Worker<u32>>>> = Arc::new(Mutex::new(None));
    let handed = StopSource::new();
    let arrived = handed.token();
    let done = StopSource::new();
    let ended = done.token();
    let slot = Arc::clone(&own);
    let worker = spawn(strategy, move |stop| {
        arrived.wait().expect("L11: the law keeps a source");
        let worker = lock(&slot).take().expect("L11: it was put there before the job was told");
        let Err(JoinError::Itself(worker)) = worker.join() else { panic!("L11: a job joined itself") };
        let Err(JoinError::Itself(worker)) = worker.join_timeout(Duration::ZERO) else {
            panic!("L11: a job joined itself under a limit")
        };
        drop(worker);
        assert!(stop.is_stop_requested(), "L11: dropping oneself asks for a stop");
        done.request();
        Ok(0)
    });
    *lock(&own) = Some(worker);
    handed.request();
    ended.wait().expect("L11: the job failed");
}

/// L18: a worker that waited, was asked and was joined leaves nothing behind, nor does a tree whose middle went first.
///
/// Under loom what is counted are references to the shared state; with real threads the harness repeats this and counts
/// threads, descriptors, processes and bytes.
pub fn l18_nothing_leaks(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| Err(stop.token().wait().expect("L18: the law keeps a source")));
    let token = worker.source().token();
    let source = worker.source().clone();
    let middle = source.child();
    let leaf = middle.child();
    let callback = leaf.token().on_stop(|| ());
    drop(middle);
    source.request();
    drop((source, callback));
    let exit = join(worker);
    assert!(leaf.is_stop_requested(), "L18: the run is not the one that is counted");
    assert!(exit.as_stopped().is_some() && token.is_stop_requested(), "L18: the run is not the one that is counted");
}

/// L18: the top of a tree goes away, and what is below it in two shards goes at once; nothing of it is left.
pub fn l18_a_tree_of_shards_leaves_nothing(strategy: &dyn Strategy<Act>) {
    let top = StopSource::new();
    let token = top.token();
    let elder = top.child();
    top.spread();
    let worker = strategy.spawn_with(Act::new(|_| Ok(0)), top.child()).expect("a law starts only a few workers");
    let dropping = thread::spawn(move || drop(elder));
    drop((token, top));
    join(worker);
    dropping.join().expect("dropping does not panic");
}
