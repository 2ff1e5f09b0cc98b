//! Tasks as async code has them: how they are joined there, what they see of themselves, and who of them is left.
#![cfg(not(any(loom, shuttle)))]

mod driven;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, JoinError, Reason, current};
use cease_token::{Abort, SpawnTask, TaskStop, Token};
use driven::{Driven, LIMIT, cases, endless, join, reason};
use tokio::runtime::Builder;
use tokio::task::yield_now;

cases! {
    a_join_that_takes_too_long_gives_the_worker_back
    the_end_is_an_event_that_can_be_awaited
    the_stop_is_the_tasks_own_while_it_is_polled
    everybody_who_is_left_is_known
}

/// It is neither stopped nor joined.
fn a_join_that_takes_too_long_gives_the_worker_back<S: SpawnTask>(strategy: &S) {
    let worker = endless(strategy);
    let error = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    let worker = error.into_worker();
    assert!(!worker.is_finished() && worker.stop_with("enough"));
    assert_eq!(reason(&join(worker)), &Reason::from("enough"));
}

/// Also from an executor that has nothing to do with tokio.
fn the_end_is_an_event_that_can_be_awaited<S: SpawnTask>(strategy: &S) {
    let worker = endless(strategy);
    worker.stop();
    futures_executor::block_on(worker.ended().stopped()).unwrap();
    assert!(matches!(worker.join(), Ok(Exit::Stopped(_))));
}

/// A function that is handed nothing asks all the same, and other tasks on that thread do not see it.
fn the_stop_is_the_tasks_own_while_it_is_polled<S: SpawnTask>(strategy: &S) {
    let others = strategy.spawn_task(|_| async {
        for _ in 0..10 {
            assert!(!current::is_stop_requested() && current::token().is_some());
            yield_now().await;
        }
        Ok(())
    });
    let asked = strategy.spawn_task(|_| async {
        loop {
            current::check()?;
            assert!(current::token().is_some());
            yield_now().await;
        }
        #[allow(unreachable_code, reason = "it gives the loop its type")]
        Ok(())
    });
    let asked = asked.unwrap();
    asked.stop();
    assert!(join(asked).as_stopped().is_some());
    assert_eq!(join(others.unwrap()).into_finished(), Some(()));
    assert!(current::token().is_none());
}

/// By number and by name, until their end is told.
fn everybody_who_is_left_is_known<S: SpawnTask + Crewed>(strategy: &S) {
    let workers = ["a", "b", "c"].map(|name| endless(&strategy.called(name)));
    assert_eq!((strategy.count(), strategy.names()), (3, ["a", "b", "c"].map(String::from).to_vec()));
    let [a, b, c] = workers;
    b.stop();
    join(b);
    assert_eq!((strategy.count(), strategy.names()), (2, ["a", "c"].map(String::from).to_vec()));
    drop((a, c));
    assert_eq!((strategy.count(), strategy.names()), (0, Vec::new()));
    futures_executor::block_on(strategy.none_left());
}

/// What [`Token`] and [`Abort`] say of their workers.
trait Crewed {
    fn called(&self, name: &str) -> Self;
    fn count(&self) -> usize;
    fn names(&self) -> Vec<String>;
    async fn none_left(&self);
}

macro_rules! crewed {
    ($($strategy:ty)*) => {
        $(
            impl Crewed for $strategy {
                fn called(&self, name: &str) -> Self {
                    self.clone().name(name)
                }

                fn count(&self) -> usize {
                    self.tracker().len()
                }

                fn names(&self) -> Vec<String> {
                    self.worker_names()
                }

                async fn none_left(&self) {
                    self.tracker().wait().await;
                }
            }
        )*
    };
}

crewed!(Token Abort);

#[test]
fn async_code_awaits_the_end_and_joins_without_blocking_its_thread() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let token = Token::current();
        let beside = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&beside);
        let counting = token.spawn_task(move |stop: TaskStop| async move {
            while !stop.is_stop_requested() {
                count.fetch_add(1, Relaxed);
                yield_now().await;
            }
            Ok(())
        });
        let counting = counting.unwrap();
        let worker = token.spawn_task(|stop: TaskStop| async move { Err::<(), _>(stop.stopped().await) }).unwrap();
        worker.stop_with("enough");
        worker.ended().stopped().await.unwrap();
        assert_eq!(reason(&worker.join().unwrap()), &Reason::from("enough"));
        assert!(beside.load(Relaxed) > 0, "other tasks ran meanwhile");
        counting.stop();
        counting.ended().stopped().await.unwrap();
    });
}

#[test]
fn async_code_cannot_block_for_a_task_of_its_runtime() {
    for runtime in [Driven::current(), Driven::multi()] {
        let (tell, told) = channel();
        let handle = runtime.handle();
        handle.clone().spawn(async move {
            let worker = Token::new(handle).spawn_task(|_| pending::<Result<(), _>>()).unwrap();
            let error = worker.join().unwrap_err();
            assert!(matches!(error, JoinError::OnItsThread(_)));
            let text = error.to_string();
            let token = error.into_worker().source().token();
            assert_eq!(token.reason(), Some(&Reason::OwnerDropped), "it was let go, and asked before");
            tell.send(text).unwrap();
        });
        let text = told.recv_timeout(LIMIT).unwrap();
        assert_eq!(text, "worker `token` may need the thread that would be blocked by joining it");
    }
}

#[test]
fn a_thread_for_blocking_work_may_block_for_a_task_of_its_runtime() {
    let runtime = Driven::current();
    let handle = runtime.handle();
    let joining = handle.clone().spawn_blocking(move || {
        let worker = Token::new(handle).spawn_task(|stop: TaskStop| async move { Err::<(), _>(stop.stopped().await) });
        let worker = worker.unwrap();
        worker.stop();
        worker.join().unwrap().kind()
    });
    assert_eq!(futures_executor::block_on(joining).unwrap(), "stopped");
}

#[test]
fn a_token_that_was_handed_out_is_no_way_to_stop_the_job() {
    let runtime = Driven::multi();
    let worker = Token::new(runtime.handle()).spawn_task(|stop: TaskStop| async move {
        stop.cancellation_token().cancel();
        stop.check()?;
        Ok(stop.is_stop_requested())
    });
    assert_eq!(join(worker.unwrap()).into_finished(), Some(false));
}
