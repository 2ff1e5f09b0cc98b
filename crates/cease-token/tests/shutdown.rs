//! A runtime that is shut down beneath a worker, is full, has no threads to give, or that nobody drives: each worker still
//! has one clear end, and no work is lost.
#![cfg(not(any(loom, shuttle)))]

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, Job, JoinError, Reason, SpawnFn, StopSource, Stopped, Strategy, Worker};
use cease_token::{Abort, AsyncJob, RuntimeShutDown, SpawnTask, TaskStop, Token, TokenStop};
use tokio::runtime::{Builder, Runtime};

/// What takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

fn current() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn join<T>(worker: Worker<T>) -> Exit<T> {
    worker.join_timeout(LIMIT).expect("it ends")
}

fn was_shut_down<T>(exit: &Exit<T>) -> bool {
    exit.as_stopped().is_some_and(|stopped| stopped.reason().downcast_ref::<RuntimeShutDown>().is_some())
}

/// Yields what it holds, as a task or on a thread.
#[derive(Debug, PartialEq, Eq)]
struct Parcel(&'static str);

impl Job for Parcel {
    type Output = &'static str;

    fn run<C: Checkpoint>(self, _stop: &C) -> Result<&'static str, Stopped> {
        Ok(self.0)
    }
}

impl AsyncJob for Parcel {
    type Output = &'static str;

    async fn run(self, _stop: TaskStop) -> Result<&'static str, Stopped> {
        Ok(self.0)
    }
}

/// Counts itself out when it is dropped.
struct Resource(Arc<AtomicU32>);

impl Drop for Resource {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A blocking job that has begun, and ends when its channel does, whatever is asked of it.
fn deaf(token: &Token) -> (std::sync::mpsc::Sender<()>, Worker<u32>) {
    let (release, held): (_, Receiver<()>) = channel();
    let (tell, begun) = channel();
    let worker = token.spawn_fn(move |_| {
        tell.send(()).unwrap();
        let _ = held.recv();
        Ok(7)
    });
    begun.recv_timeout(LIMIT).unwrap();
    (release, worker.unwrap())
}

#[test]
fn a_runtime_that_is_shut_down_hands_the_job_back() {
    for runtime in [current(), multi()] {
        let (token, abort) = (Token::new(runtime.handle().clone()), Abort::new(runtime.handle().clone()));
        drop(runtime);
        let source = StopSource::new();
        let errors = [
            Strategy::spawn_with(&token, Parcel("precious"), source.clone()).unwrap_err(),
            token.spawn_job_with(Parcel("precious"), source.clone()).unwrap_err(),
            abort.spawn_job_with(Parcel("precious"), source.clone()).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.os_error().to_string(), "the tokio runtime was shut down");
            assert_eq!(error.into_job(), Parcel("precious"));
        }
        assert!(!source.is_stop_requested());
        assert!(token.worker_names().is_empty() && abort.worker_names().is_empty() && token.tracker().is_empty());

        let again = current();
        let precious = String::from("precious");
        let error = token.spawn_task(|_| async move { Ok(precious) }).unwrap_err();
        let worker = Token::new(again.handle().clone()).spawn_task(error.into_job()).unwrap();
        again.block_on(worker.ended().stopped()).unwrap();
        assert_eq!(join(worker).into_finished().as_deref(), Some("precious"));
    }
}

#[test]
fn a_task_whose_runtime_is_shut_down_is_dropped_and_says_so() {
    fn cut_off<S: SpawnTask>(runtime: Runtime, strategy: &S, begins: bool) {
        let open = Arc::new(AtomicU32::new(1));
        let resource = Resource(Arc::clone(&open));
        let (tell, begun) = channel();
        let worker = strategy.spawn_task(|_| async move {
            let _resource = resource;
            tell.send(()).unwrap();
            pending().await
        });
        let worker: Worker<()> = worker.unwrap();
        if begins {
            begun.recv_timeout(LIMIT).unwrap();
        }
        let joining = thread::spawn(move || {
            let source = worker.source().clone();
            (join(worker), source)
        });
        drop(runtime);
        let (exit, source) = joining.join().unwrap();
        assert!(was_shut_down(&exit), "it {exit:?}");
        assert_eq!(open.load(Relaxed), 0, "its destructors have run");
        assert!(!source.is_stop_requested(), "others may share it");
    }

    let runtime = multi();
    let token = Token::new(runtime.handle().clone());
    cut_off(runtime, &token, true);
    let runtime = multi();
    let abort = Abort::new(runtime.handle().clone());
    cut_off(runtime, &abort, true);
    // Nobody drives it, so the job has not even begun.
    let runtime = current();
    let token = Token::new(runtime.handle().clone());
    cut_off(runtime, &token, false);
    assert!(token.worker_names().is_empty());
}

#[test]
fn a_stop_that_was_asked_for_before_the_shutdown_is_the_exit() {
    let runtime = current();
    let worker = Token::new(runtime.handle().clone()).spawn_task(|_| pending::<Result<(), _>>()).unwrap();
    runtime.block_on(tokio::task::yield_now());
    worker.stop_with("asked");
    drop(runtime);
    assert_eq!(join(worker).as_stopped().unwrap().reason(), &Reason::from("asked"));
}

#[test]
fn a_panic_while_the_runtime_is_shut_down_is_a_panic() {
    struct Mine;

    impl Drop for Mine {
        fn drop(&mut self) {
            resume_unwind(Box::new("mine"));
        }
    }

    let runtime = current();
    let (begun, unbegun) = (Mine, Mine);
    let token = Token::new(runtime.handle().clone());
    let begins = token.spawn_task(|_| async move {
        let _begun = begun;
        pending::<Result<(), _>>().await
    });
    runtime.block_on(tokio::task::yield_now());
    let waits = token.spawn_task(|_| async move {
        let _unbegun = unbegun;
        pending::<Result<(), _>>().await
    });
    drop(runtime);
    for worker in [begins.unwrap(), waits.unwrap()] {
        assert_eq!(join(worker).into_panic().unwrap().message(), Some("mine"));
    }
}

#[test]
fn a_blocking_job_runs_on_when_the_runtime_goes_and_is_joined_all_the_same() {
    for shut_down in
        [Runtime::shutdown_background, |runtime: Runtime| runtime.shutdown_timeout(Duration::from_millis(1))]
    {
        let runtime = current();
        let token = Token::new(runtime.handle().clone());
        let (release, worker) = deaf(&token);
        shut_down(runtime);
        let worker = worker.join_timeout(Duration::ZERO).unwrap_err().into_worker();
        assert_eq!(token.worker_names(), ["token"]);
        drop(release);
        assert_eq!(join(worker).into_finished(), Some(7));

        let runtime = current();
        let worker = Token::new(runtime.handle().clone()).spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
        shut_down(runtime);
        worker.stop_with("asked");
        assert_eq!(join(worker).as_stopped().unwrap().reason(), &Reason::from("asked"));
    }
}

#[test]
fn a_job_that_waits_for_a_thread_of_a_full_pool_ends_with_the_runtime_or_with_its_turn() {
    let runtime = small();
    let token = Token::new(runtime.handle().clone());
    let (release, first) = deaf(&token);
    let second = token.clone().name("second").spawn(Parcel("second")).unwrap();
    assert_eq!(token.worker_names(), ["token", "second"]);
    assert!(!second.is_finished());
    drop(release);
    assert_eq!(join(second).into_finished(), Some("second"));
    join(first);

    let (release, first) = deaf(&token);
    let third = token.spawn(Parcel("third")).unwrap();
    runtime.shutdown_background();
    // Whether the thread that is busy still runs what waits, or drops it, is up to tokio.
    drop(release);
    let exit = join(third);
    assert!(was_shut_down(&exit) || exit.into_finished() == Some("third"));
    assert_eq!(join(first).into_finished(), Some(7));
}

/// A runtime whose pool has one thread.
fn small() -> Runtime {
    Builder::new_current_thread().max_blocking_threads(1).build().unwrap()
}

#[test]
fn a_spawn_on_a_full_pool_does_not_block() {
    /// With a wait of 50 ms in each spawn this takes longer than the limit.
    const JOBS: usize = 2000;
    let (tell, told) = channel();
    thread::spawn(move || {
        let runtime = small();
        let token = Token::new(runtime.handle().clone());
        let (release, first) = deaf(&token);
        let spawn = |_| token.spawn(Parcel("queued")).unwrap();
        let workers: Vec<_> = runtime.block_on(async { (0..JOBS).map(spawn).collect() });
        assert_eq!(token.tracker().len(), JOBS + 1);
        drop(release);
        workers.into_iter().for_each(|worker| assert_eq!(join(worker).into_finished(), Some("queued")));
        tell.send(join(first).into_finished()).unwrap();
    });
    assert_eq!(told.recv_timeout(LIMIT), Ok(Some(7)), "the spawns waited for threads");
}

#[test]
fn a_stop_of_a_job_that_waits_for_a_thread_is_seen_at_its_turn() {
    let runtime = small();
    let token = Token::new(runtime.handle().clone());
    let (release, first) = deaf(&token);
    let open = Arc::new(AtomicU32::new(2));
    let queued = |source: StopSource| {
        let resource = Resource(Arc::clone(&open));
        let job = move |stop: &TokenStop| {
            let _resource = resource;
            stop.check()
        };
        token.spawn_fn_with(job, source).unwrap()
    };
    let source = StopSource::new();
    let before = queued(source.clone());
    source.request_with("enough");
    let after = queued(source);
    assert!(!before.is_finished() && !after.is_finished());
    assert_eq!(open.load(Relaxed), 2, "a request drops no job");

    drop(release);
    assert_eq!(join(first).into_finished(), Some(7));
    for worker in [before, after] {
        assert_eq!(join(worker).as_stopped().unwrap().reason(), &Reason::from("enough"));
    }
    assert_eq!(open.load(Relaxed), 0);
}

#[test]
fn a_task_that_nobody_drives_still_runs_for_who_waits_with_a_limit() {
    let runtime = current();
    let worker = Token::new(runtime.handle().clone()).spawn_task(|_| async { Ok(7) }).unwrap();
    let error = worker.join_timeout(Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    let worker = error.into_worker();
    runtime.block_on(worker.ended().stopped()).unwrap();
    assert_eq!(join(worker).into_finished(), Some(7));
}

#[test]
fn an_unspawned_job_is_not_counted_though_tokio_still_has_its_closure() {
    let runtime = Builder::new_current_thread().thread_stack_size(usize::MAX / 2).build().unwrap();
    let token = Token::new(runtime.handle().clone());
    let error = token.spawn(Parcel("precious")).unwrap_err();
    assert!(error.to_string().contains("OS can't spawn worker thread: "), "{error}");
    assert!(token.worker_names().is_empty() && token.tracker().is_empty());
    assert_eq!(error.into_job(), Parcel("precious"));
}

#[test]
fn outside_of_a_runtime_there_is_none_to_be_had() {
    assert!(Token::try_current().is_err() && Abort::try_current().is_err());
    let runtime = current();
    let _entered = runtime.enter();
    assert!(Token::try_current().is_ok() && Abort::try_current().is_ok());
    drop((Token::current(), Abort::current()));
}

#[test]
fn a_stop_in_a_thread_that_blocks_is_seen_by_its_poll_at_once() {
    let runtime = current();
    for _ in 0..200 {
        let worker = Token::new(runtime.handle().clone()).spawn_fn(|stop| {
            let slept = stop.sleep(Duration::MAX);
            assert!(stop.is_stop_requested());
            slept
        });
        let worker = worker.unwrap();
        worker.stop();
        assert!(join(worker).as_stopped().is_some());
    }
}
