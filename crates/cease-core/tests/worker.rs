//! Workers on real threads: what the laws leave open.
#![cfg(not(any(loom, shuttle)))]

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use cease_core::{Exit, JoinError, Panic, SpawnError, StopSource, StopToken, Stopped, ThreadBuilder, Worker};

const LONG: Duration = Duration::from_secs(3600);

fn spawn<T: Send + 'static>(job: impl FnOnce(&StopToken) -> Result<T, Stopped> + Send + 'static) -> Worker<T> {
    ThreadBuilder::new("tested").spawn(StopSource::new(), job, |job, stop| job(stop)).unwrap()
}

#[test]
fn a_worker_has_the_name_of_its_thread() {
    let worker = spawn(|_| Ok(std::thread::current().name().map(str::to_owned)));
    assert_eq!(worker.name(), "tested");
    assert_eq!(worker.join().unwrap().finished().unwrap().as_deref(), Some("tested"));
}

#[test]
fn a_timed_join_gives_the_worker_back() {
    let worker = spawn(|stop| Err::<(), _>(stop.wait().unwrap()));
    let error = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    assert_eq!(error.to_string(), "worker `tested` still runs");
    let worker = error.into_worker();
    assert!(!worker.is_finished());
    assert!(!worker.source().is_stop_requested(), "a timed join asks for nothing");
    worker.stop();
    assert!(worker.join_timeout(LONG).unwrap().stopped().is_some());
}

#[test]
fn a_worker_that_has_ended_says_so_and_can_still_be_joined() {
    let worker = spawn(|_| Ok(5));
    let deadline = Instant::now() + LONG;
    while !worker.is_finished() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert!(worker.stop(), "asking is harmless, and nobody asked before");
    assert_eq!(worker.join_timeout(Duration::ZERO).unwrap().finished(), Some(5));
}

#[test]
fn a_detached_worker_stops_through_a_clone_of_its_source() {
    let (done, ended) = (StopSource::new(), StopSource::new());
    let (told, seen) = (done.token(), ended.token());
    let worker = spawn(move |stop| {
        done.request();
        let stopped = stop.wait().unwrap();
        ended.request_with(stopped.reason().clone());
        Ok(())
    });
    let source = worker.source().clone();
    worker.detach();
    told.wait().unwrap();
    source.request_with("from afar");
    assert_eq!(seen.wait_timeout(LONG).unwrap().reason().to_string(), "requested: from afar");
}

#[test]
fn workers_that_share_a_source_share_the_stop() {
    let source = StopSource::new();
    let [first, second] = [1, 2].map(|_| {
        let job = |stop: &StopToken| Err::<(), _>(stop.wait().unwrap());
        ThreadBuilder::new("shared").spawn(source.clone(), job, |job, stop| job(stop)).unwrap()
    });
    drop(first);
    assert_eq!(second.join().unwrap().stopped().unwrap().reason(), &cease_core::Reason::OwnerDropped);
}

#[test]
fn a_panic_keeps_its_text() {
    let text = |payload: Box<dyn std::any::Any + Send>| Panic::new(payload).message().map(str::to_owned);
    assert_eq!(text(Box::new("static")).as_deref(), Some("static"));
    assert_eq!(text(Box::new(String::from("owned"))).as_deref(), Some("owned"));
    assert_eq!(text(Box::new(3)), None);
}

#[test]
fn an_exit_has_one_word() {
    let words = [Exit::Finished(()), Exit::Panicked(Panic::new(Box::new(()))), Exit::Killed(9), Exit::Abandoned];
    assert_eq!(words.map(|exit| exit.kind()), ["finished", "panicked", "killed", "abandoned"]);
}

#[test]
fn a_spawn_that_fails_keeps_its_cause_and_the_job() {
    let error = SpawnError::new("mine", io::Error::from(io::ErrorKind::WouldBlock), 7);
    assert_eq!(error.to_string(), "could not start worker `mine`");
    assert_eq!(error.source().unwrap().to_string(), error.os_error().to_string());
    assert_eq!(error.into_job(), 7);
}
