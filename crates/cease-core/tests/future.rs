//! Waiting in async code, polled by hand: what the laws leave open.
#![cfg(not(any(loom, shuttle)))]

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use cease_core::{NeverStops, Reason, StopSource, Stopped};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Bell {
    fn rung(&self) -> usize {
        self.0.load(Relaxed)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell::default());
    (Arc::clone(&bell), Waker::from(bell))
}

fn reason(seen: Poll<Result<Stopped, NeverStops>>) -> Poll<Option<Reason>> {
    seen.map(|end| end.ok().map(|stopped| stopped.reason().clone()))
}

#[test]
fn it_wakes_the_waker_of_the_last_poll() {
    let source = StopSource::new();
    let token = source.token();
    let ((first, old), (second, new)) = (bell(), bell());
    let mut until = pin!(token.stopped());
    assert!(until.as_mut().poll(&mut Context::from_waker(&old)).is_pending());
    assert!(until.as_mut().poll(&mut Context::from_waker(&new)).is_pending());
    source.request_with("now");
    assert_eq!((first.rung(), second.rung()), (0, 1));
    let mut context = Context::from_waker(&new);
    assert_eq!(reason(until.as_mut().poll(&mut context)), Poll::Ready(Some(Reason::from("now"))));
    assert_eq!(reason(until.as_mut().poll(&mut context)), Poll::Ready(Some(Reason::from("now"))), "ready again");
}

#[test]
fn a_stop_that_came_before_needs_no_waker() {
    let source = StopSource::new();
    source.request();
    let token = source.token();
    assert!(pin!(token.stopped()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
}

#[test]
fn a_task_that_stops_waiting_is_not_woken_and_the_others_are() {
    let source = StopSource::new();
    let token = source.token();
    let bells = [bell(), bell(), bell()];
    let mut all: Vec<_> = bells.iter().map(|_| Box::pin(token.stopped())).collect();
    for (until, (_, waker)) in all.iter_mut().zip(&bells) {
        assert!(until.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    drop(all.remove(1));
    source.request();
    assert_eq!(bells.each_ref().map(|(bell, _)| bell.rung()), [1, 0, 1]);
}

/// A waker often owns its task, which would otherwise never be freed.
#[test]
fn a_task_that_stops_waiting_gives_its_waker_back() {
    let source = StopSource::new();
    let token = source.token();
    let (bell, waker) = bell();
    let mut until = Box::pin(token.stopped());
    assert!(until.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(&bell), 2, "the wait holds the waker");
    drop(until);
    assert_eq!(Arc::strong_count(&bell), 1);
}

#[test]
fn the_last_source_ends_the_wait() {
    let source = StopSource::new();
    let token = source.token();
    let (bell, waker) = bell();
    let mut until = pin!(token.stopped());
    assert!(until.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(source);
    assert_eq!(bell.rung(), 1);
    assert!(matches!(until.poll(&mut Context::from_waker(&waker)), Poll::Ready(Err(NeverStops))));
}

#[test]
fn the_stop_is_looked_at_before_the_work() {
    let source = StopSource::new();
    let token = source.token();
    let mut context = Context::from_waker(Waker::noop());
    let done = pin!(token.run_until_stopped(ready(7))).poll(&mut context);
    assert!(matches!(done, Poll::Ready(Ok(7))));

    let polls = Cell::new(0);
    let mut work = pin!(token.run_until_stopped(std::future::poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::<()>::Pending
    })));
    assert!(work.as_mut().poll(&mut context).is_pending());
    source.request();
    assert!(matches!(work.as_mut().poll(&mut context), Poll::Ready(Err(_))));
    assert!(
        matches!(pin!(token.run_until_stopped(ready(7))).poll(&mut context), Poll::Ready(Err(_))),
        "not even begun"
    );
    assert_eq!(polls.get(), 1);
}

#[test]
fn work_goes_on_when_nobody_can_ask_any_more() {
    let source = StopSource::new();
    let token = source.token();
    drop(source);
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(token.run_until_stopped(pending::<()>())).poll(&mut context).is_pending());
    assert!(matches!(pin!(token.run_until_stopped(ready(7))).poll(&mut context), Poll::Ready(Ok(7))));
}

/// A waker that panics is somebody else's mistake, and costs nobody else the stop.
#[test]
fn a_waker_that_panics_loses_no_other() {
    struct Breaks;
    impl Wake for Breaks {
        fn wake(self: Arc<Self>) {
            std::panic::resume_unwind(Box::new("broken"));
        }
    }
    let source = StopSource::new();
    let token = source.token();
    let (bell, good) = bell();
    let bad = Waker::from(Arc::new(Breaks));
    let (mut older, mut newer) = (pin!(token.stopped()), pin!(token.stopped()));
    assert!(older.as_mut().poll(&mut Context::from_waker(&good)).is_pending());
    assert!(newer.as_mut().poll(&mut Context::from_waker(&bad)).is_pending());
    assert!(source.request());
    assert_eq!((bell.rung(), source.take_panics().len()), (1, 1));
}
