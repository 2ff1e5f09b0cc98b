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
    assert_eq!(worker.join().unwrap().into_finished().unwrap().as_deref(), Some("tested"));
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
    assert!(worker.join_timeout(LONG).unwrap().as_stopped().is_some());
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
    assert_eq!(worker.join_timeout(Duration::ZERO).unwrap().into_finished(), Some(5));
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
    assert_eq!(second.join().unwrap().as_stopped().unwrap().reason(), &cease_core::Reason::OwnerDropped);
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
    let source = StopSource::new();
    source.request_with_location("enough", None);
    let stopped = source.token().wait().unwrap();
    let killed = Exit::Killed { signal: 9, stopped };
    assert_eq!(killed.to_string(), "killed by signal 9 (SIGKILL); stopped: requested: enough");
    let panicked = Exit::Panicked(Panic::new(Box::new("a bug")));
    assert_eq!(panicked.as_panic().unwrap().message(), Some("a bug"), "without giving up the exit");
    let words = [Exit::Finished(()), panicked, killed, Exit::Abandoned];
    assert_eq!(words.map(|exit| exit.kind()), ["finished", "panicked", "killed", "abandoned"]);
}

#[test]
fn a_spawn_that_fails_keeps_its_cause_and_the_job() {
    let error = SpawnError::new("mine", io::Error::from(io::ErrorKind::WouldBlock), 7);
    assert_eq!(error.to_string(), format!("could not start worker `mine`: {}", error.os_error()));
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(error.source().is_none(), "the text has the cause already");
    assert_eq!(error.into_job(), 7);
}

#[test]
fn errors_are_send_and_sync() {
    const fn converts<T: Error + Send + Sync + 'static>() {}
    const fn is_shared<T: Send + Sync + ?Sized>() {}
    converts::<JoinError<'static, std::cell::Cell<u8>>>();
    converts::<SpawnError<std::cell::Cell<u8>>>();
    is_shared::<Worker<std::cell::Cell<u8>>>();
    is_shared::<Exit<u8>>();
}

#[test]
fn a_worker_is_awaited() {
    let exit = futures_executor::block_on(async { spawn(|_| Ok(7)).await.unwrap() });
    assert_eq!(exit.into_finished(), Some(7));
}

#[test]
fn a_future_of_a_worker_that_is_dropped_requests_a_stop_and_does_not_wait() {
    let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
    let worker = spawn(move |stop| {
        let stopped = stop.wait().unwrap();
        goes_on.recv().unwrap();
        Err::<(), _>(stopped)
    });
    let (ended, stop) = (worker.ended().clone(), worker.source().token());
    drop(worker.into_future());
    assert_eq!(stop.reason(), Some(&cease_core::Reason::OwnerDropped));
    assert!(!ended.is_stop_requested(), "the drop did not wait for the job");
    go_on.send(()).unwrap();
    ended.wait_timeout(LONG).unwrap();
}

#[test]
fn escalate_requests_first_and_has_nothing_firmer_for_a_thread() {
    let worker = spawn(|stop| Err::<(), _>(stop.wait().unwrap()));
    assert!(worker.escalate(), "the request is the first step");
    assert!(!worker.escalate(), "a thread has nothing firmer");
    assert!(!worker.stop());
    assert!(worker.join().unwrap().as_stopped().is_some());
}
