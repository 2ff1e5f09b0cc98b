//! The two techniques side by side: what is asked cleans up, and what is dropped stops where it awaits.
#![cfg(not(any(loom, shuttle)))]

mod driven;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use cease_core::{Reason, Stopped};
use cease_token::{Abort, SpawnTask, TaskStop, Token};
use driven::{Driven, LIMIT, join, reason};
use tokio::sync::oneshot;
use tokio::task::yield_now;

#[test]
fn only_what_looks_at_its_token_stops_and_anything_that_awaits_is_aborted() {
    let runtime = Driven::multi();
    let (end, ended) = oneshot::channel::<()>();
    let token = Token::new(runtime.handle());
    let deaf = token.spawn_task(|_| async { Ok(ended.await) }).unwrap();
    deaf.stop();
    let deaf = deaf.join_timeout(Duration::ZERO).unwrap_err().into_worker();
    end.send(()).unwrap();
    assert!(join(deaf).into_finished().is_some(), "it came to its own end");

    let aborted = Abort::new(runtime.handle()).spawn_future(pending::<()>()).unwrap();
    aborted.stop_with("enough");
    assert_eq!(reason(&join(aborted)), &Reason::from("enough"));
}

#[test]
fn what_has_to_be_awaited_on_the_way_out_is_done_by_a_token_and_not_by_an_abort() {
    async fn cleans_up(stop: TaskStop, begun: oneshot::Sender<()>, clean: Arc<AtomicU32>) -> Result<(), Stopped> {
        begun.send(()).unwrap();
        let stopped = stop.stopped().await;
        yield_now().await;
        clean.store(1, Relaxed);
        Err(stopped)
    }

    fn stopped_by<S: SpawnTask>(strategy: &S) -> u32 {
        let clean = Arc::new(AtomicU32::new(0));
        let (tell, begun) = oneshot::channel();
        let shared = Arc::clone(&clean);
        let worker = strategy.spawn_task(|stop| cleans_up(stop, tell, shared)).unwrap();
        begun.blocking_recv().unwrap();
        worker.stop();
        assert!(join(worker).as_stopped().is_some());
        clean.load(Relaxed)
    }

    let runtime = Driven::multi();
    assert_eq!(stopped_by(&Token::new(runtime.handle())), 1);
    assert_eq!(stopped_by(&Abort::new(runtime.handle())), 0);
}

#[test]
fn a_task_that_never_awaits_is_not_aborted() {
    let runtime = Driven::multi();
    let (tell, begun) = channel();
    let (release, held) = channel();
    let worker = Abort::new(runtime.handle()).spawn_future(async move {
        tell.send(()).unwrap();
        held.recv().unwrap();
        5
    });
    let worker = worker.unwrap();
    begun.recv_timeout(LIMIT).unwrap();
    worker.stop();
    let worker = worker.join_timeout(Duration::ZERO).unwrap_err().into_worker();
    release.send(()).unwrap();
    assert_eq!(join(worker).into_finished(), Some(5), "what it yields is not lost");
}
