//! Deadlines by a clock that the test moves on, and by the timer of the process.
#![cfg(not(any(loom, shuttle)))]

mod by_hand;

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use by_hand::{Alarms, ByHand};
use cease_core::{Alarm, Reason, StopSource, StopToken, Timer, TimerError, WaitError};

const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);

impl ByHand {
    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap()
    }
}

#[test]
fn it_stops_when_it_passes_and_not_before() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout(HOUR).unwrap();
    let below = source.child().token();
    assert_eq!(below.deadline(), deadline.at());

    timer.pass(HOUR - Duration::from_nanos(1));
    let alarms: Vec<_> = timer.alarms().values().map(|(_, alarm)| alarm.clone()).collect();
    alarms.iter().for_each(Alarm::fire);
    assert!(!source.is_stop_requested(), "it fired early");

    timer.pass(Duration::from_nanos(1));
    assert_eq!(source.token().reason(), Some(&Reason::Deadline));
    assert_eq!(below.reason(), Some(&Reason::Deadline));
    assert_eq!(below.request().unwrap().location().map(std::panic::Location::file), Some(file!()));
    assert!(!top.is_stop_requested());
}

#[test]
fn zero_is_born_stopped() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (zero, _) = top.child_with_timeout(Duration::ZERO).unwrap();
    let (past, _) = top.child_with_deadline(timer.now() - HOUR).unwrap();
    assert_eq!([zero, past].map(|source| source.token().reason().cloned()), [const { Some(Reason::Deadline) }; 2]);
    assert!(timer.alarms().is_empty());
}

#[test]
fn one_without_end_is_none() {
    let (source, deadline) = StopSource::with_timeout(Duration::MAX).unwrap();
    assert_eq!((source.deadline(), deadline.at()), (None, None));
    drop(deadline);
    let token = source.token();
    drop(source);
    assert!(!token.stop_possible());
}

#[test]
fn everybody_may_tighten_and_only_the_owner_loosen() {
    let timer = ByHand::new();
    let now = timer.now();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_deadline(now + 2 * HOUR).unwrap();
    assert!(!source.shorten_deadline(now + 3 * HOUR).unwrap(), "that is further away");
    assert_eq!(source.deadline(), Some(now + 2 * HOUR));
    assert!(source.shorten_deadline(now + HOUR).unwrap());
    assert_eq!(source.deadline(), Some(now + HOUR));

    assert!(deadline.reset(now + 3 * HOUR).unwrap());
    timer.pass(2 * HOUR);
    assert!(!source.is_stop_requested(), "it was moved");
    timer.pass(HOUR);
    assert!(source.is_stop_requested());
    assert!(!deadline.reset(now + 9 * HOUR).unwrap(), "it has passed");
}

#[test]
fn the_one_above_holds_too() {
    let timer = ByHand::new();
    let now = timer.now();
    let top = StopSource::with_timer(timer.clone());
    let (outer, outer_deadline) = top.child_with_deadline(now + HOUR).unwrap();
    let (inner, inner_deadline) = outer.child_with_deadline(now + 2 * HOUR).unwrap();
    assert_eq!(inner.deadline(), Some(now + HOUR));
    assert!(outer_deadline.clear());
    assert_eq!(inner.deadline(), Some(now + 2 * HOUR));
    assert!(top.shorten_deadline(now + HOUR).unwrap());
    assert_eq!((inner.deadline(), inner_deadline.at()), (Some(now + HOUR), Some(now + 2 * HOUR)));
    timer.pass(HOUR);
    assert_eq!(inner.token().reason(), Some(&Reason::Deadline));
}

#[test]
fn one_that_is_given_later_holds_for_the_children_that_are_there() {
    let timer = ByHand::new();
    let now = timer.now();
    let top = StopSource::with_timer(timer.clone());
    let (a, _a) = top.child_with_deadline(now + 3 * HOUR).unwrap();
    let b = a.child();
    let c = b.child();
    let (d, _d) = c.child_with_deadline(now + 4 * HOUR).unwrap();
    let e = d.child();
    assert!(b.shorten_deadline(now + 2 * HOUR).unwrap());
    assert!(c.shorten_deadline(now + HOUR).unwrap());
    assert_eq!([&a, &b, &c, &d, &e].map(StopSource::deadline), [3, 2, 1, 1, 1].map(|hours| Some(now + hours * HOUR)));
    drop((b, c));
    assert_eq!(e.deadline(), Some(now + HOUR), "the deadline of a source that is gone still holds below it");
    timer.pass(HOUR);
    assert!(e.is_stop_requested() && d.is_stop_requested() && !a.is_stop_requested());
}

/// The new deadline becomes the outer one of the next deadline below it, and of no deeper one.
#[test]
fn one_that_is_given_later_leaves_the_nearer_ones_in_between() {
    let timer = ByHand::new();
    let now = timer.now();
    let top = StopSource::with_timer(timer.clone());
    let a = top.child();
    let b = a.child();
    let (c, _c) = b.child_with_deadline(now + HOUR).unwrap();
    let (d, _d) = c.child_with_deadline(now + 3 * HOUR).unwrap();
    assert!(a.shorten_deadline(now + 2 * HOUR).unwrap());
    assert_eq!([&a, &b, &c, &d].map(StopSource::deadline), [2, 2, 1, 1].map(|hours| Some(now + hours * HOUR)));
}

#[test]
fn it_counts_as_a_source_until_it_passes_or_is_lifted() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout(HOUR).unwrap();
    let (token, below) = (source.token(), source.child());
    let leaf = below.token();
    drop((top, source, below));
    assert!(token.stop_possible() && leaf.stop_possible());
    assert!(deadline.clear());
    assert!(!token.stop_possible() && !leaf.stop_possible());
}

/// The token has already reported that it never stops, so not even a moment that has passed may stop it.
#[test]
fn none_is_set_once_no_source_is_left() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout(HOUR).unwrap();
    let token = source.token();
    assert!(deadline.clear());
    drop((top, source));
    assert!(!token.stop_possible());
    assert!(!deadline.reset(timer.now()).unwrap() && !deadline.reset(timer.now() + HOUR).unwrap());
    assert!(!token.stop_possible() && !token.is_stop_requested());
}

#[test]
fn a_source_that_is_gone_stops_those_below_it() {
    let timer = ByHand::new();
    let now = timer.now();
    let top = StopSource::with_timer(timer.clone());
    let (middle, _) = top.child_with_deadline(now + HOUR).unwrap();
    let leaf = middle.child().token();
    drop((top, middle));
    assert!(leaf.stop_possible());
    timer.pass(HOUR);
    assert_eq!(leaf.reason(), Some(&Reason::Deadline));
    drop(leaf);
    assert!(timer.alarms().is_empty(), "an alarm is left behind");
}

#[test]
fn a_root_that_is_gone_stops_those_below_it() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    assert!(top.shorten_deadline(timer.now() + HOUR).unwrap());
    let leaf = top.child().token();
    drop(top);
    assert!(leaf.stop_possible());
    timer.pass(HOUR);
    assert_eq!(leaf.reason(), Some(&Reason::Deadline));
    assert!(leaf.is_inherited());
}

#[test]
fn the_alarm_goes_with_the_tree() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout(HOUR).unwrap();
    let alarm = timer.alarms().values().next().unwrap().1.clone();
    drop((top, source, deadline));
    assert!(timer.alarms().is_empty());
    alarm.fire();
}

/// A server that lives long makes a child with a deadline for each request: none of them leaves anything at the timer.
#[test]
fn children_that_go_before_their_deadline_leave_no_alarm() {
    for spread in [false, true] {
        let timer = ByHand::new();
        let top = StopSource::with_timer(timer.clone());
        if spread {
            top.spread();
        }
        for round in 0..1_000 {
            let (child, deadline) = top.child_with_timeout(HOUR + Duration::from_secs(round)).unwrap();
            let grandchild = child.child();
            assert_eq!(timer.alarms().len(), 1);
            drop((child, deadline));
            assert_eq!(timer.alarms().len(), 1, "the deadline still holds for those below");
            drop(grandchild);
            assert!(timer.alarms().is_empty(), "an alarm is left of a child that is gone");
        }
        let (child, deadline) = top.child_with_timeout(HOUR).unwrap();
        assert!(deadline.clear());
        assert!(timer.alarms().is_empty(), "an alarm is left of a deadline that was cleared");
        drop(child);
    }
}

/// The alarm is taken back with the last deadline, and not before.
#[test]
fn the_deadlines_that_are_left_still_pass() {
    for spread in [false, true] {
        let timer = ByHand::new();
        let top = StopSource::with_timer(timer.clone());
        if spread {
            top.spread();
        }
        let one = |hours| top.child_with_timeout(hours * HOUR).unwrap();
        // On a thread of its own, so that a tree with several shards has them in different ones.
        let elsewhere = |hours| thread::scope(|scope| scope.spawn(|| one(hours)).join().unwrap());
        let (first, second, third) = (one(1), elsewhere(2), elsewhere(3));
        drop(first);
        drop(third);
        timer.pass(2 * HOUR);
        assert_eq!(second.0.token().reason(), Some(&Reason::Deadline));
        drop(second);
        assert!(timer.alarms().is_empty());
        assert!(!top.is_stop_requested());
    }
}

#[test]
fn a_timer_that_fails_leaves_the_deadline_as_it_was() {
    struct Broken;
    impl Timer for Broken {
        fn set(&self, _at: Instant, _alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
            Err(TimerError::new("broken"))
        }
    }
    let top = StopSource::with_timer(Arc::new(Broken));
    let error = top.child_with_timeout(HOUR).unwrap_err();
    assert_eq!(error.to_string(), "no timer for a deadline: broken");
    assert!(top.shorten_deadline(Instant::now() + HOUR).is_err());
    assert_eq!(top.deadline(), None);
}

#[test]
fn callbacks_do_not_hold_up_the_next_deadline() {
    let (first, _first) = StopSource::with_timeout(Duration::from_millis(1)).unwrap();
    let (go_on, wait) = mpsc::channel::<()>();
    let callback = first.token().on_stop(move || {
        assert!(wait.recv_timeout(PATIENCE).is_ok(), "the second deadline waited for this callback");
    });
    let (second, _second) = StopSource::with_timeout(Duration::from_millis(2)).unwrap();
    let stopped = second.token().wait_timeout(PATIENCE).unwrap();
    assert_eq!(stopped.reason(), &Reason::Deadline);
    go_on.send(()).unwrap();
    drop(callback);
}

#[test]
fn none_passes_early_by_a_real_clock() {
    let limit = Duration::from_millis(20);
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let start = Instant::now();
                let (source, _deadline) = StopSource::with_timeout(limit).unwrap();
                source.token().wait_timeout(PATIENCE).map(|_| start.elapsed())
            })
        })
        .collect();
    for waiter in waiters {
        assert!(waiter.join().unwrap().unwrap() >= limit);
    }
    let (source, deadline) = StopSource::with_timeout(limit).unwrap();
    assert!(deadline.reset(Instant::now() + HOUR).unwrap());
    assert_eq!(source.token().wait_timeout(2 * limit).unwrap_err(), WaitError::TimedOut);
}

#[test]
fn deadlines_come_and_go_while_the_timer_rings() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let stop = StopSource::new();
    thread::scope(|scope| {
        let workers = [1, 2].map(|step| {
            let (top, timer) = (&top, &timer);
            scope.spawn(move || {
                for round in 0..2000_u32 {
                    let at = timer.now() + Duration::from_nanos(u64::from(round % 5 * step));
                    let (source, deadline) = top.child_with_deadline(at).unwrap();
                    let leaf = source.child().token();
                    if round % 3 == 0 {
                        deadline.clear();
                        assert!(leaf.is_stop_requested() || leaf.deadline().is_none());
                    }
                    drop((source, deadline));
                    if round % 2 == 0 {
                        let _ = top.child().shorten_deadline(at);
                    }
                    drop(leaf);
                }
            })
        });
        let (timer, token) = (&timer, stop.token());
        scope.spawn(move || {
            while !token.is_stop_requested() {
                timer.pass(Duration::from_nanos(1));
                thread::yield_now();
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        stop.request();
    });
    timer.pass(HOUR);
    drop(top);
    assert!(timer.alarms().is_empty());
}

/// The middle has no deadline, so nothing keeps it; the one above is kept for the leaf.
#[test]
fn a_middle_that_goes_takes_no_deadline_with_it() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (parent, deadline) = top.child_with_timeout(HOUR).unwrap();
    let middle = parent.child();
    let leaf = middle.child().token();
    drop((parent, deadline));
    drop(middle);
    assert!(leaf.deadline().is_some());
    timer.pass(HOUR);
    assert_eq!(leaf.reason(), Some(&Reason::Deadline));
}

/// Drops what it holds when it is woken, in the middle of what a timer does.
struct DropsIt<T>(Mutex<Option<T>>);

impl<T: Send + 'static> Wake for DropsIt<T> {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().take();
        drop(held);
    }
}

/// Two deadlines pass at once, and whoever hears of the first lets go of `second`.
fn assert_outlives<T: Send + 'static>(timer: &ByHand, first: &StopSource, second: T, below: &StopToken) {
    let waker = Waker::from(Arc::new(DropsIt(Mutex::new(Some(second)))));
    let token = first.token();
    let mut until = pin!(token.stopped());
    assert!(until.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    timer.pass(2 * HOUR);
    assert!(token.is_stop_requested());
    assert_eq!(below.reason(), Some(&Reason::Deadline), "it had passed when the last handle went");
}

#[test]
fn one_that_has_passed_stops_those_below_a_source_that_goes_just_then() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (first, _first) = top.child_with_timeout(HOUR).unwrap();
    let second = top.child_with_timeout(2 * HOUR).unwrap();
    let (below, at) = (second.0.child().token(), second.1.at());
    drop(top);
    assert_outlives(&timer, &first, second, &below);
    assert_eq!(below.deadline(), at, "a token that is stopped still has the deadline that stopped it");
}

#[test]
fn one_that_has_passed_stops_those_below_a_root_that_goes_just_then() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    assert!(top.shorten_deadline(timer.now() + 2 * HOUR).unwrap());
    let (first, _first) = top.child_with_timeout(HOUR).unwrap();
    let below = top.child().token();
    assert_outlives(&timer, &first, top, &below);
}

/// Nobody but the timer is left, and what it calls drops all that is left of the tree.
#[test]
fn a_callback_may_own_the_last_of_the_tree() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout(HOUR).unwrap();
    let (sender, called) = mpsc::channel();
    let own = Arc::new(Mutex::new(None));
    let held = (top, source.child(), deadline, Arc::clone(&own));
    let guard = source.token().on_stop(move || {
        let guard = held.3.lock().unwrap().take();
        drop((guard, held));
        sender.send(()).unwrap();
    });
    *own.lock().unwrap() = Some((guard, source));
    timer.pass(HOUR);
    called.try_recv().expect("it was called");
    assert!(own.lock().unwrap().is_none());
    assert!(timer.alarms().is_empty());
}

#[test]
fn a_deadline_can_carry_a_cause() {
    let timer = ByHand::new();
    let top = StopSource::with_timer(timer.clone());
    let (source, deadline) = top.child_with_timeout_cause(HOUR, "no answer").unwrap();
    let (other, _) = top.child_with_deadline_cause(timer.now() + HOUR, "not seen").unwrap();
    let (empty, _) = top.child_with_timeout_cause(HOUR, "").unwrap();
    other.request_with("earlier");
    assert!(deadline.reset(timer.now() + HOUR / 2).unwrap(), "a deadline that is moved keeps its cause");
    assert!(empty.shorten_deadline_cause(timer.now() + HOUR / 2, "shorter").unwrap());

    timer.pass(HOUR);
    let reason = |source: &StopSource| source.token().reason().unwrap().clone();
    assert_eq!(reason(&source).to_string(), "deadline: no answer");
    assert!(reason(&source).is_deadline());
    assert_eq!(reason(&other), Reason::from("earlier"));
    assert_eq!(reason(&empty).to_string(), "deadline: shorter");
    assert_eq!(
        reason(&top.child_with_timeout_cause(Duration::ZERO, "at once").unwrap().0),
        Reason::deadline("at once")
    );
    assert_eq!(Reason::deadline(""), Reason::Deadline);
}
