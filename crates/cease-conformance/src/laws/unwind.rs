//! Laws about leaving a job by unwinding: L20, and L18 for what is raised on the way.
//!
//! What a destructor notes on the way out is kept beside the model, as [`crate::aside`] says.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cease_core::sync::{Arc, Mutex, lock, thread};
use cease_core::{Exit, Reason, StopSource, Stopped, Strategy, UnwindBoundary, Worker, current};

use super::spawn;
use crate::Act;
use crate::aside::{AtDrop, Tally, hook_calls};

/// L20: a stop that is seen deep in a call stack leaves the job, runs the destructors of every frame, and is the exit.
pub fn l20_a_stop_deep_down_leaves_the_job(strategy: &dyn Strategy<Act>) {
    let (entered, left, passed) = (Tally::default(), Tally::default(), Tally::default());
    let [frames_entered, frames_left, went_on] = [&entered, &left, &passed].map(Tally::clone);
    let worker = spawn(strategy, move |_| {
        frame(3, &frames_entered, &frames_left);
        went_on.add();
        wait();
        frame(3, &frames_entered, &frames_left);
        went_on.add();
        Ok(0)
    });
    worker.stop_with("deep down");
    let stopped = stopped(worker);
    assert_eq!(stopped.reason(), &Reason::from("deep down"), "L20: the reason got lost on the way out");
    assert!(passed.count() <= 1, "L20: the job went on past a checkpoint that saw its stop");
    assert_eq!(left.count(), entered.count(), "L20: a frame was left without its destructors");
}

/// L20: a panic of the job's own passes with its payload while a stop is pending.
pub fn l20_a_foreign_panic_passes(strategy: &dyn Strategy<Act>) {
    let worker = spawn(strategy, |stop| {
        let seen = current::is_stop_requested();
        if !seen {
            wait();
        }
        assert!(stop.is_stop_requested(), "L20: the stop is the thread's own");
        resume_unwind(Box::new(20_u32))
    });
    worker.stop();
    let exit = worker.join().expect("joined from outside");
    let word = exit.kind();
    let panic = exit.into_panic().unwrap_or_else(|| panic!("L20: the job panicked, but the exit is {word}"));
    assert_eq!(panic.into_payload().downcast_ref(), Some(&20_u32), "L20: the payload changed on its way");
}

/// L20: neither the stop nor its way out calls the panic hook, on the thread that it leaves.
///
/// The threads of a model are one thread of the operating system, so there the count is the same for all of them.
pub fn l20_the_hook_stays_silent(strategy: &dyn Strategy<Act>) {
    let calls = Tally::default();
    let note = calls.clone();
    let worker = spawn(strategy, move |_| {
        let before = hook_calls();
        let _at_the_end = AtDrop(move || (before..hook_calls()).for_each(|_| note.add()));
        wait();
        current::checkpoint();
        Ok(0)
    });
    worker.stop();
    stopped(worker);
    assert_eq!(calls.count(), 0, "L20: the stop called the panic hook");
}

/// L20: code of the job that catches every panic swallows the stop, and the next checkpoint leaves again.
pub fn l20_a_swallowed_stop_leaves_again(strategy: &dyn Strategy<Act>) {
    let (swallowed, passed) = (Tally::default(), Tally::default());
    let [note, went_on] = [&swallowed, &passed].map(Tally::clone);
    let worker = spawn(strategy, move |_| {
        wait();
        for _ in 0..2 {
            if catch_unwind(current::checkpoint).is_err() {
                note.add();
            }
        }
        current::checkpoint();
        went_on.add();
        Ok(0)
    });
    worker.stop();
    stopped(worker);
    assert_eq!((swallowed.count(), passed.count()), (2, 0), "L20: a checkpoint did not leave a second time");
}

/// L20: a stop that was swallowed is told of, where it left and why, once; one that comes to its edge is not.
///
/// It is about an edge alone, whoever made it: how a strategy passes the telling on is its own.
pub fn l20_a_swallowed_stop_is_told(_strategy: &dyn Strategy<Act>) {
    let told: Arc<Mutex<Vec<(Reason, u32)>>> = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&told);
    let source = StopSource::new();
    let edge = UnwindBoundary::new(&source.token(), move |swallowed| {
        lock(&note).push((swallowed.stopped.reason().clone(), swallowed.left_at.line()));
    });
    let asking = thread::spawn(move || source.request_with("told"));
    let mut line = 0;
    let arrived = arrives(&edge, || {
        wait();
        line = line!() + 1;
        drop(catch_unwind(|| edge.check()));
        catch_unwind(|| edge.check()).map_or_else(|kept| resume_unwind(kept), drop);
    });
    assert!(asking.join().expect("asking does not panic"), "L1: nobody else asked");
    assert!(arrived, "L20: a stop that was kept and passed on came to nobody");
    assert_eq!(*lock(&told), [(Reason::from("told"), line)], "L20: what was told is not what was swallowed");
}

/// L20: of two stops that leave one job on two threads, one arrives; the other was not swallowed, and no thread has failed.
///
/// It is about a boundary alone, as a library uses it that runs parts of a job on threads of its own.
pub fn l20_a_sibling_of_a_stop_is_dropped(_strategy: &dyn Strategy<Act>) {
    let (source, peers, reports) = (StopSource::new(), StopSource::new(), Tally::default());
    let count = reports.clone();
    let boundary = Arc::new(UnwindBoundary::new(&source.token(), move |_| count.add()));
    let guard = peers.clone().stop_on_panic();
    let shared = Arc::clone(&boundary);
    let arrived = arrives(&boundary, || {
        let _guard = guard;
        let helper = thread::spawn(move || {
            shared.enter(wait);
            catch_unwind(|| shared.check()).expect_err("L20: a checkpoint did not leave")
        });
        source.request();
        let own = catch_unwind(|| boundary.check()).expect_err("L20: a checkpoint did not leave");
        let handed_on = helper.join().expect("it returns the stop");
        drop(own);
        resume_unwind(handed_on);
    });
    assert!(arrived, "L20: a stop that another thread handed on did not come to its boundary");
    assert_eq!(reports.count(), 0, "L20: the sibling of a stop that arrived was reported as swallowed");
    assert!(!peers.is_stop_requested(), "L20: a stop that another thread handed on was taken for a failure");
}

/// L20: a stop passes the edges that it is not for, and comes to its own.
pub fn l20_a_stop_passes_other_edges(_strategy: &dyn Strategy<Act>) {
    let (source, other) = (StopSource::new(), StopSource::new());
    let [outer, inner] = [&source, &other].map(|source| UnwindBoundary::new(&source.token(), |_| ()));
    let asking = thread::spawn(move || [source.request(), other.request()]);
    let mut went_on = false;
    let arrived = arrives(&outer, || {
        wait();
        let _ = inner.run(|| outer.check());
        went_on = true;
    });
    assert_eq!(asking.join().expect("asking does not panic"), [true; 2], "L1: nobody else asked");
    assert!(arrived && !went_on, "L20: a stop was caught by an edge that it is not for");
}

/// L20: when a stop has left what had a stop of its own, the thread's own is again the one further out.
pub fn l20_the_threads_own_stop_comes_back(strategy: &dyn Strategy<Act>) {
    let inner = StopSource::new();
    inner.request_with("inner");
    let worker = spawn(strategy, move |stop| {
        let left = catch_unwind(AssertUnwindSafe(|| current::with(&inner.token(), current::checkpoint)));
        assert!(left.is_err(), "L20: a checkpoint did not leave for the edge further out");
        let own = current::check().map_err(|stopped| stopped.reason().clone());
        assert_ne!(own, Err(Reason::from("inner")), "L20: the stop of what was left is still the thread's own");
        wait();
        assert!(stop.is_stop_requested(), "L20: somebody else was waited for");
        current::checkpoint();
        Ok(0)
    });
    worker.stop_with("outer");
    assert_eq!(stopped(worker).reason(), &Reason::from("outer"), "L20: the job left for the wrong stop");
}

/// L18: a stop that was swallowed, and one that left the job, leave nothing behind.
pub fn l18_a_stop_that_unwinds_leaves_nothing(strategy: &dyn Strategy<Act>) {
    let (entered, left) = (Tally::default(), Tally::default());
    let worker = spawn(strategy, move |_| {
        wait();
        drop(catch_unwind(current::checkpoint));
        frame(1, &entered, &left);
        Ok(0)
    });
    let token = worker.source().token();
    worker.stop();
    assert!(
        stopped(worker).reason() == &Reason::Requested(None) && token.is_stop_requested(),
        "L18: the run is not the one that is counted"
    );
}

/// Whether `job` is left by a stop that comes to `edge`.
fn arrives(edge: &UnwindBoundary, job: impl FnOnce()) -> bool {
    let job = || {
        job();
        Ok(())
    };
    let left = catch_unwind(AssertUnwindSafe(|| edge.run(job)));
    left.is_ok_and(|left| left.is_err())
}

/// So many calls deep, each frame with a destructor, a checkpoint.
fn frame(depth: u32, entered: &Tally, left: &Tally) {
    entered.add();
    let _destructor = left.when_dropped();
    if depth == 0 {
        current::checkpoint();
    } else {
        frame(depth - 1, entered, left);
    }
}

/// Waits for the calling thread's own stop, without leaving.
fn wait() {
    let token = current::token().expect("L20: a worker's thread has its stop");
    token.wait().expect("L20: the law keeps a source");
}

/// Joins `worker`, which was stopped.
fn stopped(worker: Worker<u32>) -> Stopped {
    match worker.join().expect("a law joins from outside") {
        Exit::Stopped(stopped) => stopped,
        Exit::Panicked(panic) if panic.message().is_some_and(|text| text.starts_with('L')) => panic.resume(),
        exit => panic!("L20: the job was left by its stop, but the exit is {}", exit.kind()),
    }
}
