//! The laws of lifetime for tasks: one list of cases, held to by both techniques, on runtimes of both kinds.
//!
//! The suite's own laws are written for jobs on threads; these are the same promises for jobs that await.
//! A case runs on a thread outside of the runtime, so it may block; under `current` another thread drives the runtime.
#![cfg(not(any(loom, shuttle)))]

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cease_core::{Checkpoint, Exit, JoinError, Reason, StopSource, Worker, ambient};
use cease_token::{Abort, SpawnTask, TaskStop, Token};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::yield_now;

/// What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);
const ROUNDS: usize = 200;

/// A runtime that runs its tasks for as long as this exists.
struct Driven {
    runtime: Option<Arc<Runtime>>,
    driver: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Driven {
    fn current() -> Self {
        let runtime = Arc::new(Builder::new_current_thread().enable_time().build().unwrap());
        let (end, ended) = oneshot::channel();
        let driving = Arc::clone(&runtime);
        let driver = thread::spawn(move || drop(driving.block_on(ended)));
        Self { runtime: Some(runtime), driver: Some((end, driver)) }
    }

    fn multi() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        Self { runtime: Some(Arc::new(runtime)), driver: None }
    }

    fn handle(&self) -> Handle {
        self.runtime.as_ref().unwrap().handle().clone()
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        if let Some((end, driver)) = self.driver.take() {
            let _ = end.send(());
            driver.join().unwrap();
        }
        drop(self.runtime.take());
    }
}

/// Holds both techniques to each case, on both kinds of runtime.
macro_rules! cases {
    ($($case:ident)*) => {
        $(
            mod $case {
                use super::*;

                #[test]
                fn token_current() {
                    let runtime = Driven::current();
                    super::$case(&Token::new(runtime.handle()));
                }

                #[test]
                fn token_multi() {
                    let runtime = Driven::multi();
                    super::$case(&Token::new(runtime.handle()));
                }

                #[test]
                fn abort_current() {
                    let runtime = Driven::current();
                    super::$case(&Abort::new(runtime.handle()));
                }

                #[test]
                fn abort_multi() {
                    let runtime = Driven::multi();
                    super::$case(&Abort::new(runtime.handle()));
                }
            }
        )*
    };
}

cases! {
    l1_request_is_sticky
    l2_one_reason
    l5_stop_before_start
    l6_stop_after_the_end_is_harmless
    l7_a_produced_value_is_not_lost
    l8_after_join_nothing_runs
    l9_a_panic_is_reported
    l9_a_panic_of_a_destructor_is_reported
    l10_drop_stops_and_joins
    l10_only_detach_lets_go
    l11_joining_oneself_is_an_error
    l14_the_last_source_tells
    l15_a_deadline_stops_a_task
    l18_nothing_leaks
    a_join_that_takes_too_long_gives_the_worker_back
    the_end_is_an_event_that_can_be_awaited
    the_stop_is_the_tasks_own_while_it_is_polled
    everybody_who_is_left_is_known
}

/// Counts itself out when it is dropped.
struct Resource(Arc<AtomicU32>);

impl Resource {
    fn open(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Works until it is stopped, whichever way that is done, and says when it has begun.
fn endless<S: SpawnTask>(strategy: &S) -> Worker<()> {
    let (tell, begun) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        tell.send(()).unwrap();
        Err(stop.stopped().await)
    });
    begun.recv_timeout(LIMIT).unwrap();
    worker.unwrap()
}

/// Joins, and fails instead of waiting for ever.
fn join<T>(worker: Worker<T>) -> Exit<T> {
    worker.join_timeout(LIMIT).expect("it ends")
}

fn reason<T: std::fmt::Debug>(exit: &Exit<T>) -> &Reason {
    exit.stopped().unwrap_or_else(|| panic!("it {exit:?}")).reason()
}

/// Two ask at once, and exactly one was first; the task sees a stop and goes on seeing it.
fn l1_request_is_sticky<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let worker = strategy.spawn_task(|stop: TaskStop| async move {
            let mut seen = false;
            for _ in 0..10 {
                assert!(stop.is_stopped() || !seen, "the stop was taken back");
                seen = stop.is_stopped();
                yield_now().await;
            }
            Ok(())
        });
        let worker = worker.unwrap();
        let (start, source) = (Arc::new(Barrier::new(2)), worker.source().clone());
        let together = Arc::clone(&start);
        let other = thread::spawn(move || {
            together.wait();
            source.request()
        });
        start.wait();
        let here = worker.stop();
        assert!(here != other.join().unwrap());
        assert!(!worker.stop());
        if let Exit::Panicked(panic) = join(worker) {
            panic.resume();
        }
    }
}

/// Two ask at once with different reasons, and the exit has that of the winner.
fn l2_one_reason<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let worker = endless(strategy);
        let (start, source) = (Arc::new(Barrier::new(2)), worker.source().clone());
        let together = Arc::clone(&start);
        let other = thread::spawn(move || {
            together.wait();
            source.request_because("there")
        });
        start.wait();
        let here = worker.stop_because("here");
        other.join().unwrap();
        assert_eq!(reason(&join(worker)), &Reason::from(if here { "here" } else { "there" }));
    }
}

/// The job gets no further than its first checkpoint.
fn l5_stop_before_start<S: SpawnTask>(strategy: &S) {
    let source = StopSource::new();
    source.request_because("early");
    let passed = Arc::new(AtomicU32::new(0));
    let shared = Arc::clone(&passed);
    let worker = strategy.spawn_task_with(
        |stop: TaskStop| async move {
            stop.check()?;
            shared.store(1, Relaxed);
            Ok(())
        },
        source,
    );
    assert_eq!(reason(&join(worker.unwrap())), &Reason::from("early"));
    assert_eq!(passed.load(Relaxed), 0);
}

/// Asking after the end changes nothing about it.
fn l6_stop_after_the_end_is_harmless<S: SpawnTask>(strategy: &S) {
    let worker = strategy.spawn_task(|_| async { Ok(6) }).unwrap();
    worker.ended().wait_timeout(LIMIT).unwrap();
    let source = worker.source().clone();
    assert!(worker.stop());
    assert_eq!(join(worker).finished(), Some(6));
    assert!(!source.request());
}

/// What was produced when the stop came is what the exit has, and nothing was produced when it has none.
fn l7_a_produced_value_is_not_lost<S: SpawnTask>(strategy: &S) {
    for round in 0..ROUNDS {
        let produced = Arc::new(AtomicU32::new(0));
        let shared = Arc::clone(&produced);
        let (start, started) = (Arc::new(Barrier::new(2)), round % 2 == 0);
        let together = Arc::clone(&start);
        let worker = strategy.spawn_task(move |_| async move {
            if started {
                together.wait();
            }
            for _ in 0..round % 4 {
                yield_now().await;
            }
            shared.store(1, Relaxed);
            Ok(7)
        });
        let worker = worker.unwrap();
        if started {
            start.wait();
        }
        worker.stop();
        match join(worker) {
            Exit::Finished(value) => assert_eq!((value, produced.load(Relaxed)), (7, 1)),
            Exit::Stopped(_) => assert_eq!(produced.load(Relaxed), 0, "a value was produced, and is lost"),
            exit => panic!("it {}", exit.word()),
        }
    }
}

/// When join returns, the destructors have run: those of what was moved in, and those of the future.
fn l8_after_join_nothing_runs<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let open = Arc::new(AtomicU32::new(0));
        let (moved_in, shared) = (Resource::open(&open), Arc::clone(&open));
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _moved_in = moved_in;
            let _inner = Resource::open(&shared);
            Err::<(), _>(stop.stopped().await)
        });
        let worker = worker.unwrap();
        worker.stop();
        let exit = join(worker);
        assert_eq!(open.load(Relaxed), 0, "join returned ({}) before the destructors had run", exit.word());
        assert!(exit.stopped().is_some());
    }
}

/// A panic is an exit of its own, in the closure as in the future, before and after an await.
fn l9_a_panic_is_reported<S: SpawnTask>(strategy: &S) {
    let payload = |worker: Worker<()>| join(worker).panicked().unwrap().into_payload().downcast_ref().copied();
    #[allow(unreachable_code, reason = "the future has a type all the same")]
    let at_once = strategy.spawn_task(|_| {
        resume_unwind(Box::new(1_u32));
        async { Ok(()) }
    });
    assert_eq!(payload(at_once.unwrap()), Some(1_u32));
    let polled = strategy.spawn_task(|_| async { resume_unwind(Box::new(2_u32)) });
    assert_eq!(payload(polled.unwrap()), Some(2_u32));
    let later = strategy.spawn_task(|_| async {
        yield_now().await;
        resume_unwind(Box::new(3_u32))
    });
    assert_eq!(payload(later.unwrap()), Some(3_u32));
}

/// Panics when it is dropped.
struct Mine(u32);

impl Drop for Mine {
    fn drop(&mut self) {
        resume_unwind(Box::new(self.0));
    }
}

/// A destructor that panics is no stop, whether the task finishes or is stopped.
fn l9_a_panic_of_a_destructor_is_reported<S: SpawnTask>(strategy: &S) {
    let payload = |worker: Worker<()>| join(worker).panicked().unwrap().into_payload().downcast_ref().copied();
    let finishing = strategy.spawn_task(|_| async {
        let _mine = Mine(1);
        Ok(())
    });
    assert_eq!(payload(finishing.unwrap()), Some(1_u32));

    let (tell, begun) = channel();
    let stopped = strategy.spawn_task(move |stop: TaskStop| async move {
        let _mine = Mine(2);
        tell.send(()).unwrap();
        Err(stop.stopped().await)
    });
    let stopped = stopped.unwrap();
    begun.recv_timeout(LIMIT).unwrap();
    stopped.stop();
    assert_eq!(payload(stopped), Some(2_u32));
}

/// Dropping asks, says why, and returns when the task is gone.
fn l10_drop_stops_and_joins<S: SpawnTask>(strategy: &S) {
    for _ in 0..ROUNDS {
        let open = Arc::new(AtomicU32::new(0));
        let resource = Resource::open(&open);
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _resource = resource;
            Err::<(), _>(stop.stopped().await)
        });
        let worker = worker.unwrap();
        let token = worker.source().token();
        drop(worker);
        assert_eq!(open.load(Relaxed), 0);
        assert_eq!(token.reason(), Some(&Reason::OwnerDropped));
    }
}

/// Detaching neither asks nor waits, and what is detached is still stopped through its source.
fn l10_only_detach_lets_go<S: SpawnTask>(strategy: &S) {
    let worker = endless(strategy);
    let (source, ended) = (worker.source().clone(), worker.ended().clone());
    worker.detach();
    assert!(!source.is_stopped() && !ended.is_stopped());
    assert!(source.request());
    ended.wait_timeout(LIMIT).unwrap();
}

/// A task that joins itself gets its worker back; dropping that asks and lets go.
fn l11_joining_oneself_is_an_error<S: SpawnTask>(strategy: &S) {
    let (hand, handed) = oneshot::channel::<Worker<u32>>();
    let (tell, told) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        let own = handed.await.unwrap();
        let Err(JoinError::Itself(own)) = own.join() else { panic!("a task joined itself") };
        drop(own);
        tell.send(stop.is_stopped()).unwrap();
        Ok(0)
    });
    hand.send(worker.unwrap()).unwrap();
    assert_eq!(told.recv_timeout(LIMIT), Ok(true));
}

/// The last source is gone unasked, and a task that waits for the stop itself is told.
fn l14_the_last_source_tells<S: SpawnTask>(strategy: &S) {
    let (tell, told) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        tell.send(stop.token().stopped().await.is_err()).unwrap();
        Ok(())
    });
    let worker = worker.unwrap();
    let ended = worker.ended().clone();
    worker.detach();
    assert_eq!(told.recv_timeout(LIMIT), Ok(true));
    ended.wait_timeout(LIMIT).unwrap();
}

/// A deadline is a stop like any other.
fn l15_a_deadline_stops_a_task<S: SpawnTask>(strategy: &S) {
    let (source, _deadline) = StopSource::with_timeout(Duration::from_millis(1)).unwrap();
    let worker = strategy.spawn_task_with(|stop: TaskStop| async move { stop.sleep(Duration::MAX).await }, source);
    assert_eq!(reason(&join(worker.unwrap())), &Reason::Deadline);
}

/// Nobody is left in the list, and nothing of the job.
fn l18_nothing_leaks<S: SpawnTask>(strategy: &S) {
    let open = Arc::new(AtomicU32::new(0));
    for round in 0..ROUNDS {
        let resource = Resource::open(&open);
        let worker = strategy.spawn_task(move |stop: TaskStop| async move {
            let _resource = resource;
            if round % 2 == 0 { Ok(()) } else { Err(stop.stopped().await) }
        });
        let worker = worker.unwrap();
        worker.stop();
        join(worker);
    }
    assert_eq!((open.load(Relaxed), Arc::strong_count(&open)), (0, 1));
}

/// It is neither stopped nor joined.
fn a_join_that_takes_too_long_gives_the_worker_back<S: SpawnTask>(strategy: &S) {
    let worker = endless(strategy);
    let error = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    let worker = error.into_worker();
    assert!(!worker.is_finished() && worker.stop_because("enough"));
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
            assert!(!ambient::is_stopped() && ambient::token().is_some());
            yield_now().await;
        }
        Ok(())
    });
    let asked = strategy.spawn_task(|_| async {
        loop {
            ambient::check()?;
            assert!(ambient::token().is_some());
            yield_now().await;
        }
        #[allow(unreachable_code, reason = "it gives the loop its type")]
        Ok(())
    });
    let asked = asked.unwrap();
    asked.stop();
    assert!(join(asked).stopped().is_some());
    assert_eq!(join(others.unwrap()).finished(), Some(()));
    assert!(ambient::token().is_none());
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
                    self.left()
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
fn only_what_looks_at_its_token_stops_and_anything_that_awaits_is_aborted() {
    let runtime = Driven::multi();
    let (end, ended) = oneshot::channel::<()>();
    let token = Token::new(runtime.handle());
    let deaf = token.spawn_task(|_| async { Ok(ended.await) }).unwrap();
    deaf.stop();
    let deaf = deaf.join_timeout(Duration::ZERO).unwrap_err().into_worker();
    end.send(()).unwrap();
    assert!(join(deaf).finished().is_some(), "it came to its own end");

    let aborted = Abort::new(runtime.handle()).spawn_future(pending::<()>()).unwrap();
    aborted.stop_because("enough");
    assert_eq!(reason(&join(aborted)), &Reason::from("enough"));
}

#[test]
fn what_has_to_be_awaited_on_the_way_out_is_done_by_a_token_and_not_by_an_abort() {
    async fn cleans_up(
        stop: TaskStop,
        begun: oneshot::Sender<()>,
        clean: Arc<AtomicU32>,
    ) -> Result<(), cease_core::Stopped> {
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
        assert!(join(worker).stopped().is_some());
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
    assert_eq!(join(worker).finished(), Some(5), "what it yields is not lost");
}

#[test]
fn async_code_awaits_the_end_and_joins_without_blocking_its_thread() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let token = Token::current();
        let beside = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&beside);
        let counting = token.spawn_task(move |stop: TaskStop| async move {
            while !stop.is_stopped() {
                count.fetch_add(1, Relaxed);
                yield_now().await;
            }
            Ok(())
        });
        let counting = counting.unwrap();
        let worker = token.spawn_task(|stop: TaskStop| async move { Err::<(), _>(stop.stopped().await) }).unwrap();
        worker.stop_because("enough");
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
        worker.join().unwrap().word()
    });
    assert_eq!(futures_executor::block_on(joining).unwrap(), "stopped");
}

#[test]
fn a_token_that_was_handed_out_is_no_way_to_stop_the_job() {
    let runtime = Driven::multi();
    let worker = Token::new(runtime.handle()).spawn_task(|stop: TaskStop| async move {
        stop.cancellation_token().cancel();
        stop.check()?;
        Ok(stop.is_stopped())
    });
    assert_eq!(join(worker.unwrap()).finished(), Some(false));
}
