//! The moment in which a job first saw its stop.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, StopObserved, StopSource, StopToken, Stopped};

struct Unwinds(StopToken);

impl Checkpoint for Unwinds {
    fn token(&self) -> &StopToken {
        &self.0
    }

    fn check(&self) -> Result<(), Stopped> {
        resume_unwind(Box::new("stopped"))
    }
}

#[test]
fn nothing_is_noted_while_the_job_may_go_on() {
    let source = StopSource::new();
    let (token, noticed) = (source.token(), StopObserved::default());
    let stop = noticed.watch(&token);
    stop.check().unwrap();
    stop.sleep(Duration::ZERO).unwrap();
    assert!(!stop.is_stop_requested());
    assert_eq!(noticed.at(), None);
}

#[test]
fn each_kind_of_checkpoint_notes_the_stop_and_the_first_notice_stays() {
    let kinds: [fn(&dyn Checkpoint) -> bool; 3] =
        [|stop| stop.check().is_err(), |stop| stop.sleep(Duration::MAX).is_err(), |stop| stop.is_stop_requested()];
    for kind in kinds {
        let source = StopSource::new();
        let (token, noticed) = (source.token(), StopObserved::default());
        let stop = noticed.watch(&token);
        let before = Instant::now();
        source.request();
        assert!(kind(&stop));
        let first = noticed.at().unwrap();
        assert!(first >= before);
        assert!(stop.check().is_err() && stop.is_stop_requested());
        assert_eq!(noticed.at(), Some(first));
    }
}

#[test]
fn a_checkpoint_that_unwinds_is_noted() {
    let noticed = StopObserved::default();
    let inner = Unwinds(StopSource::new().token());
    let stop = noticed.watch(&inner);
    assert!(catch_unwind(AssertUnwindSafe(|| stop.check())).is_err());
    assert!(noticed.at().is_some());
}

#[test]
fn a_moment_that_was_seen_elsewhere_is_noted_unless_there_is_one() {
    let noticed = StopObserved::default();
    let first = Instant::now();
    noticed.note(first);
    noticed.note(first + Duration::from_secs(1));
    assert_eq!(noticed.at(), Some(first));
}
