//! Guards that ask by being dropped.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cease_core::{Exit, Reason, StopSource, StopToken, ThreadBuilder};

/// Drops what `make` returns by a panic.
fn panic_through<T>(make: impl FnOnce() -> T) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _held = make();
        resume_unwind(Box::new("on purpose"));
    }));
    assert!(outcome.is_err());
}

#[test]
fn it_asks_when_it_is_dropped_in_whatever_way() {
    let [left, unwound] = [0, 1].map(|_| StopSource::new());
    let tokens = [left.token(), unwound.token()];
    drop(left.stop_on_drop());
    panic_through(|| unwound.stop_on_drop());
    assert_eq!(tokens.map(|token| token.reason().cloned()), [const { Some(Reason::OwnerDropped) }; 2]);
}

#[test]
fn it_asks_only_when_a_panic_drops_it() {
    let [left, unwound] = [0, 1].map(|_| StopSource::new());
    let tokens = [left.token(), unwound.token()];
    let kept = left.clone();
    drop(left.stop_on_panic());
    panic_through(|| unwound.stop_on_panic());
    assert_eq!(tokens.map(|token| token.reason().cloned()), [None, Some(Reason::PeerFailed)]);
    drop(kept);
}

/// A destructor that runs because of a panic makes a guard, uses it up, and nothing has failed in between.
#[test]
fn a_panic_from_before_does_not_count() {
    struct CleansUp(StopSource);
    impl Drop for CleansUp {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            drop(self.0.clone().stop_on_panic());
        }
    }
    let source = StopSource::new();
    let token = source.token();
    panic_through(|| CleansUp(source.clone()));
    assert!(!token.is_stop_requested());
}

#[test]
fn disarming_gives_the_source_back() {
    let source = StopSource::new();
    let token = source.token();
    let source = source.stop_on_drop().disarm();
    assert!(!token.is_stop_requested() && token.stop_possible());
    assert!(source.stop_on_panic().disarm().request());
}

#[test]
fn one_that_fails_stops_the_rest() {
    let source = StopSource::new();
    let spawn = |job: fn(&StopToken) -> Result<(), cease_core::Stopped>| {
        let guard = source.clone().stop_on_panic();
        let run = move |(), stop: &StopToken| {
            let _guard = guard;
            job(stop)
        };
        ThreadBuilder::new("peer").spawn(source.clone(), (), run).unwrap()
    };
    let waits = spawn(|stop| Err(stop.wait().unwrap()));
    let fails = spawn(|_| resume_unwind(Box::new("failed")));
    assert_eq!(waits.join().unwrap().as_stopped().unwrap().reason(), &Reason::PeerFailed);
    assert!(matches!(fails.join().unwrap(), Exit::Panicked(_)));
}
