//! The stop primitive on real threads: what the laws leave open.
#![cfg(not(any(loom, shuttle)))]

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, NeverStops, Reason, StopSource, StopToken, WaitError};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(5);

#[test]
fn the_request_records_who_asked() {
    let source = StopSource::new();
    source.request_with("first");
    let line = line!() - 1;
    source.request_with("second");
    let token = source.token();
    let location = token.request().unwrap().location().unwrap();
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn a_stop_is_an_error_that_says_why_and_where() {
    let source = StopSource::new();
    source.request_with(Reason::Signal(15));
    let stopped: Box<dyn Error> = source.token().check().unwrap_err().into();
    let text = stopped.to_string();
    assert!(text.starts_with("stopped: signal 15 (SIGTERM) (at ") && text.contains(file!()), "{text}");
    let source = StopSource::new();
    source.request_with_location(Reason::Signal(15), None);
    assert_eq!(source.token().check().unwrap_err().to_string(), "stopped: signal 15 (SIGTERM)");
}

#[test]
fn every_reason_has_words() {
    let words = [
        (Reason::Requested(None), "requested"),
        (Reason::from("why"), "requested: why"),
        (Reason::from(String::from("why")), "requested: why"),
        (Reason::Deadline, "deadline"),
        (Reason::from(""), "requested"),
        (Reason::from(String::new()), "requested"),
        (Reason::Signal(2), "signal 2 (SIGINT)"),
        (Reason::Signal(40), "signal 40"),
        (Reason::OwnerDropped, "owner dropped"),
        (Reason::PeerFailed, "peer failed"),
    ];
    for (reason, text) in words {
        assert_eq!(reason.to_string(), text);
    }
}

#[test]
fn nothing_is_known_before_a_request() {
    let source = StopSource::new();
    let token = source.token();
    assert!(token.stop_possible() && !token.is_stop_requested());
    assert_eq!((token.reason(), token.request().is_none()), (None, true));
    token.check().unwrap();
}

#[test]
fn a_time_limit_that_is_over_polls() {
    let source = StopSource::new();
    let token = source.token();
    assert_eq!(token.wait_timeout(Duration::ZERO).unwrap_err(), WaitError::TimedOut);
    assert_eq!(token.wait_deadline(Instant::now()).unwrap_err(), WaitError::TimedOut);
    source.request();
    assert!(token.wait_timeout(Duration::ZERO).is_ok());
    assert!(token.wait_deadline(Instant::now()).is_ok());
}

#[test]
fn a_time_limit_is_kept() {
    let source = StopSource::new();
    let start = Instant::now();
    assert_eq!(source.token().wait_timeout(SHORT).unwrap_err(), WaitError::TimedOut);
    assert!(start.elapsed() >= SHORT, "gave up early");
}

#[test]
fn a_time_limit_beyond_the_clock_has_no_end() {
    let source = StopSource::new();
    let waits: [fn(&StopToken) -> bool; 2] =
        [|token| token.wait_timeout(Duration::MAX).is_ok(), |token| token.sleep(Duration::MAX).is_err()];
    let waiters = waits.map(|wait| {
        let token = source.token();
        thread::spawn(move || wait(&token))
    });
    source.request();
    assert!(waiters.map(|waiter| waiter.join().unwrap()).iter().all(|stopped| *stopped));
}

#[test]
fn a_sleep_ends_with_the_stop() {
    let source = StopSource::new();
    let token = source.token();
    let sleeper = thread::spawn(move || token.sleep(LONG).unwrap_err().reason().clone());
    source.request_with("wake up");
    assert_eq!(sleeper.join().unwrap(), Reason::from("wake up"));
}

#[test]
fn a_sleep_goes_on_when_nobody_can_ask_any_more() {
    let source = StopSource::new();
    let token = source.token();
    let start = Instant::now();
    drop(source);
    token.sleep(SHORT).unwrap();
    assert!(start.elapsed() >= SHORT, "woke early");
}

#[test]
fn the_last_source_counts_and_no_other() {
    let source = StopSource::new();
    let (token, clone) = (source.token(), source.clone());
    drop(source);
    assert!(token.stop_possible());
    let waiter = thread::spawn({
        let token = token.clone();
        move || (token.wait().unwrap_err(), token.wait_timeout(LONG).unwrap_err())
    });
    drop(clone);
    assert_eq!(waiter.join().unwrap(), (NeverStops, WaitError::NeverStops));
    assert!(!token.stop_possible());
}

#[test]
fn a_token_that_stopped_can_stop_without_sources() {
    let source = StopSource::new();
    let token = source.token();
    source.request();
    drop(source);
    assert!(token.stop_possible() && token.is_stop_requested());
    assert!(token.wait().is_ok());
}

/// Waiters leave the list from every place in it, while others join and the request comes.
#[test]
fn waiters_that_give_up_in_any_order_leave_the_others_in_place() {
    for round in 0..50 {
        let source = StopSource::new();
        let waiters: Vec<_> = (0..16_u64)
            .map(|number| {
                let token = source.token();
                let limit = Duration::from_micros(number * 7919 % 13 * 40);
                thread::spawn(move || {
                    let gave_up = token.wait_timeout(limit).is_err();
                    assert!(gave_up || token.is_stop_requested());
                    token.wait().unwrap();
                })
            })
            .collect();
        if round % 2 == 0 {
            thread::yield_now();
        }
        assert!(source.request());
        for waiter in waiters {
            waiter.join().unwrap();
        }
    }
}

#[test]
fn chunks_check_before_each_block() {
    let source = StopSource::new();
    let token = source.token();
    let items = [1, 2, 3, 4, 5];
    let mut blocks = token.chunks(&items, 2);
    assert_eq!(blocks.next().unwrap().unwrap(), [1, 2]);
    source.request();
    assert!(blocks.next().unwrap().is_err());
    assert!(token.chunks(&items[..0], 2).next().is_none(), "no block, no check");
}

#[test]
fn a_checkpoint_can_be_a_trait_object() {
    let source = StopSource::new();
    let token = source.token();
    let stop: &dyn Checkpoint = &token;
    stop.check().unwrap();
    source.request();
    assert!(stop.is_stop_requested() && stop.sleep(LONG).is_err());
}
