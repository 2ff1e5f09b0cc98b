//! Stops that leave by unwinding: which edge they come to, and who hears of those that were swallowed.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use cease_core::{StopSource, Stopped, UnwindBoundary};

/// An edge whose stop was asked for, and how many swallowed stops it was told of.
fn stopped_edge() -> (StopSource, UnwindBoundary, Arc<AtomicU32>) {
    let (source, told) = (StopSource::new(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&told);
    let edge = UnwindBoundary::new(&source.token(), move |_| {
        count.fetch_add(1, Relaxed);
    });
    source.request_with("enough");
    (source, edge, told)
}

/// Leaves for `edge`.
fn leave_for(edge: &UnwindBoundary) -> ! {
    let _ = edge.check();
    unreachable!("the check has left")
}

#[test]
fn a_stop_for_an_edge_further_out_passes_the_inner_one() {
    let ((_outer, outer, told), (_inner, inner, inner_told)) = (stopped_edge(), stopped_edge());
    let mut past_the_inner = false;
    let left = outer.run(|| -> Result<(), Stopped> {
        let _ = inner.run(|| -> Result<(), Stopped> { leave_for(&outer) });
        past_the_inner = true;
        Ok(())
    });
    assert!(left.is_err() && !past_the_inner);
    assert_eq!([told.load(Relaxed), inner_told.load(Relaxed)], [0, 0]);
}

#[test]
fn a_payload_that_is_dropped_on_another_thread_is_told_of_there() {
    let (_source, edge, told) = stopped_edge();
    let payload = catch_unwind(|| leave_for(&edge)).unwrap_err();
    drop(edge);
    assert_eq!(told.load(Relaxed), 0, "it is still on its way");
    thread::spawn(move || drop(payload)).join().unwrap();
    assert_eq!(told.load(Relaxed), 1);
}

#[test]
fn a_report_that_panics_ends_nothing_also_in_the_middle_of_a_panic() {
    let source = StopSource::new();
    let edge = UnwindBoundary::new(&source.token(), |_| resume_unwind(Box::new("a bad report")));
    source.request();
    let panicked = catch_unwind(|| {
        let _payload = catch_unwind(|| leave_for(&edge));
        resume_unwind(Box::new("another"))
    });
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"another"));
    drop(catch_unwind(|| leave_for(&edge)));
}

#[test]
fn a_stop_that_leaves_a_callback_ends_that_callback_alone() {
    let (_source, edge, told) = stopped_edge();
    let others = StopSource::new();
    let edge = Arc::new(edge);
    let inside = Arc::clone(&edge);
    let _guard = others.token().on_stop(move || leave_for(&inside));
    assert!(edge.run(|| Ok(others.request())).unwrap(), "the request is not part of it");
    assert!(others.take_panics().is_empty(), "a stop is no panic");
    assert_eq!(told.load(Relaxed), 1);
}

#[test]
fn a_sleep_leaves_as_a_check_does() {
    let (_source, edge, _) = stopped_edge();
    let left = edge.run(|| edge.sleep(Duration::MAX).map(|()| panic!("it slept for ever")));
    let stopped: Result<(), Stopped> = left;
    assert!(stopped.is_err());
}

/// Leaves for `outer` past `inner` with a guard in between; `job` may do something while the stop is caught there. Returns
/// whether a stop arrived, and whether the guard took it for a failure.
fn leave_past_a_guard(
    outer: &UnwindBoundary,
    inner: &UnwindBoundary,
    job: impl Fn(Payload) -> Payload,
) -> (bool, bool) {
    let peers = StopSource::new();
    let arrived = catch_unwind(AssertUnwindSafe(|| {
        outer.run(|| {
            inner.run(|| -> Result<(), Stopped> {
                let _guard = peers.clone().stop_on_panic();
                resume_unwind(job(catch_unwind(|| leave_for(outer)).unwrap_err()))
            })
        })
    }));
    (arrived.is_ok_and(|left| left.is_err()), peers.is_stop_requested())
}

type Payload = Box<dyn std::any::Any + Send>;

/// The boundary of the guard is the inner one, so the guard goes by what its own thread has raised.
#[test]
fn a_stop_for_a_boundary_further_out_is_no_failure() {
    let ((_outer, outer, reports), (_inner, inner, _)) = (stopped_edge(), stopped_edge());
    assert_eq!(leave_past_a_guard(&outer, &inner, |payload| payload), (true, false));
    let drops_a_sibling = |payload| {
        let raised_elsewhere =
            thread::scope(|scope| scope.spawn(|| catch_unwind(|| leave_for(&outer)).unwrap_err()).join().unwrap());
        drop(raised_elsewhere);
        payload
    };
    assert_eq!(leave_past_a_guard(&outer, &inner, drops_a_sibling), (true, false));
    assert_eq!(reports.load(Relaxed), 0);
}

#[test]
fn a_panic_after_a_stop_was_dropped_is_a_failure_wherever_that_was() {
    let drops: [fn(Payload); 2] = [drop, |payload| thread::spawn(|| drop(payload)).join().unwrap()];
    for dropped in drops {
        let ((_outer, outer, _), (_inner, inner, _)) = (stopped_edge(), stopped_edge());
        let panics = |payload| -> Payload {
            dropped(payload);
            Box::new("a bug")
        };
        assert_eq!(leave_past_a_guard(&outer, &inner, panics), (false, true));
    }
}

/// A thread of a pool has handed its stop on before the guard was made, and the stop is still on its way.
#[test]
fn a_panic_on_a_thread_that_has_handed_a_stop_on_is_a_failure() {
    let (_source, boundary, reports) = stopped_edge();
    let peers = StopSource::new();
    let arrived = boundary.run(|| -> Result<(), Stopped> {
        let handed_on = catch_unwind(|| leave_for(&boundary)).unwrap_err();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = peers.clone().stop_on_panic();
            resume_unwind(Box::new("a bug"))
        }));
        assert!(panicked.is_err_and(|payload| payload.is::<&str>()));
        assert!(peers.is_stop_requested());
        resume_unwind(handed_on)
    });
    assert!(arrived.is_err());
    assert_eq!(reports.load(Relaxed), 0);
}

#[test]
fn a_sibling_that_is_dropped_after_the_arrival_was_not_swallowed() {
    let (_source, boundary, reports) = stopped_edge();
    let mut late = None;
    let left = boundary.run(|| -> Result<(), Stopped> {
        late = catch_unwind(|| leave_for(&boundary)).err();
        leave_for(&boundary)
    });
    assert!(left.is_err());
    drop(late.unwrap());
    assert_eq!(reports.load(Relaxed), 0);
}

#[test]
fn a_sibling_that_its_own_thread_drops_leaves_the_stop_no_failure() {
    let ((_outer, outer, _), (_inner, inner, _)) = (stopped_edge(), stopped_edge());
    let older_is_dropped = |older| {
        let newer = catch_unwind(|| leave_for(&outer)).unwrap_err();
        drop(older);
        newer
    };
    assert_eq!(leave_past_a_guard(&outer, &inner, older_is_dropped), (true, false));
}

#[test]
fn a_dropped_payload_is_reported_when_the_job_ends_by_another_panic() {
    let (_source, boundary, reports) = stopped_edge();
    let mut kept = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        boundary.run(|| -> Result<(), Stopped> {
            kept = catch_unwind(|| leave_for(&boundary)).err();
            drop(catch_unwind(|| leave_for(&boundary)));
            resume_unwind(Box::new("a bug"))
        })
    }));
    assert!(panicked.is_err_and(|payload| payload.is::<&str>()));
    assert_eq!(reports.load(Relaxed), 1);
    drop(kept);
    assert_eq!(reports.load(Relaxed), 2);
}

/// A report may itself reach a checkpoint of the boundary that it is about.
#[test]
fn a_report_may_use_its_boundary() {
    let source = StopSource::new();
    source.request();
    let (tell, told) = std::sync::mpsc::channel();
    let boundary = Arc::new_cyclic(|own: &std::sync::Weak<UnwindBoundary>| {
        let own = own.clone();
        UnwindBoundary::new(&source.token(), move |_| {
            let boundary = own.upgrade().expect("the job runs");
            tell.send(catch_unwind(AssertUnwindSafe(|| leave_for(&boundary))).unwrap_err()).unwrap();
        })
    });
    let job = thread::spawn(move || drop(catch_unwind(AssertUnwindSafe(|| leave_for(&boundary)))));
    let payload = told.recv_timeout(Duration::from_secs(60)).expect("the report is called without a lock");
    job.join().unwrap();
    std::mem::forget(payload);
}

/// Rayon passes the first payload on, and drops the payloads of the other threads.
#[test]
fn a_sibling_of_a_stop_that_arrives_was_not_swallowed() {
    let source = StopSource::new();
    source.request();
    let (tell, told) = std::sync::mpsc::channel();
    let boundary = UnwindBoundary::new(&source.token(), move |swallowed| tell.send(swallowed.left_at.line()).unwrap());
    let raise = || catch_unwind(AssertUnwindSafe(|| boundary.check())).unwrap_err();

    let left = boundary.run(|| -> Result<(), _> {
        let (first, second) = (raise(), raise());
        drop(second);
        resume_unwind(first)
    });
    assert!(left.is_err());
    assert_eq!(told.try_iter().count(), 0, "its sibling arrived");

    let left = boundary.run(|| {
        drop(raise());
        assert_eq!(told.try_iter().count(), 1, "no sibling is on its way");
        let (first, second) = (raise(), raise());
        drop(first);
        assert_eq!(told.try_iter().count(), 0, "its sibling may arrive");
        Ok(second)
    });
    assert_eq!(told.try_iter().count(), 1, "the job ended without a stop");
    drop(left);
    assert_eq!(told.try_iter().count(), 1);
}
