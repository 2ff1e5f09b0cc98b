//! Waiting in async code on the executors that people use.
#![cfg(not(any(loom, shuttle)))]

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use cease_core::{NeverStops, Reason, StopSource, StopToken, Stopped};
use futures_executor::{LocalPool, ThreadPool};
use futures_util::future::{join, join_all};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A function that runs tasks to their end, by its name.
type Runs<T> = (&'static str, fn(T));

/// What runs a task to its end.
const EXECUTORS: [Runs<Task>; 5] = [
    ("tokio, current thread", |task| current_thread().block_on(task)),
    ("tokio, multi thread", |task| spawned(&multi_thread(), vec![task])),
    ("futures, block_on", |task| futures_executor::block_on(task)),
    ("futures, local pool", |task| LocalPool::new().run_until(task)),
    ("futures, thread pool", |task| thread_pool(vec![task])),
];

/// What runs many tasks side by side.
const POOLS: [Runs<Vec<Task>>; 3] = [
    ("tokio, current thread", |tasks| spawned(&current_thread(), tasks)),
    ("tokio, multi thread", |tasks| spawned(&multi_thread(), tasks)),
    ("futures, thread pool", thread_pool),
];

fn current_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn spawned(runtime: &Runtime, tasks: Vec<Task>) {
    let tasks: Vec<_> = tasks.into_iter().map(|task| runtime.spawn(task)).collect();
    runtime.block_on(async { join_all(tasks).await.into_iter().for_each(Result::unwrap) });
}

fn thread_pool(tasks: Vec<Task>) {
    let pool = ThreadPool::builder().pool_size(2).create().unwrap();
    let count = tasks.len();
    let (sender, ended) = channel();
    for task in tasks {
        let sender = sender.clone();
        pool.spawn_ok(async move {
            task.await;
            sender.send(()).unwrap();
        });
    }
    drop(sender);
    assert_eq!(ended.iter().count(), count, "a task that panics sends nothing");
}

/// Runs `test`, and fails when it takes a minute.
fn in_time(name: &str, test: impl FnOnce() + Send + 'static) {
    let (sender, ended) = channel::<()>();
    let running = thread::spawn(move || {
        let _sender = sender;
        test();
    });
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Err(RecvTimeoutError::Disconnected), "{name}: it hangs");
    running.join().unwrap_or_else(|panic| resume_unwind(panic));
}

/// Runs `test` as a task on each executor.
fn on_each<F: Future<Output = ()> + Send + 'static>(test: fn() -> F) {
    for (name, block_on) in EXECUTORS {
        in_time(name, move || block_on(Box::pin(test())));
    }
}

/// Polls the future once, with a waker that does nothing.
fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn now() -> Option<Reason> {
    Some(Reason::from("now"))
}

fn reason(seen: Result<Stopped, NeverStops>) -> Option<Reason> {
    seen.ok().map(|stopped| stopped.reason().clone())
}

#[test]
fn a_request_of_another_thread_ends_the_wait() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let mut until = pin!(token.stopped());
        assert!(poll_once(until.as_mut()).is_pending());
        let asking = thread::spawn(move || source.request_with("now"));
        assert_eq!(reason(until.as_mut().await), now());
        assert_eq!(reason(until.await), now(), "ready again");
        assert!(asking.join().unwrap());
    });
}

#[test]
fn a_stop_before_the_first_poll_ends_the_wait() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let until = token.stopped();
        source.request_with("now");
        assert_eq!(reason(until.await), now());
        assert_eq!(reason(token.stopped_owned().await), now());
    });
}

#[test]
fn the_end_of_the_last_source_ends_the_wait() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let mut until = pin!(token.stopped());
        assert!(poll_once(until.as_mut()).is_pending());
        let dropping = thread::spawn(move || drop(source));
        assert!(matches!(until.await, Err(NeverStops)));
        dropping.join().unwrap();
        assert!(matches!(token.stopped().await, Err(NeverStops)));
    });
}

#[test]
fn work_that_is_ready_wins_before_the_stop_and_not_after_it() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let work = async {
            yield_now().await;
            7
        };
        assert!(matches!(token.run_until_stopped(work).await, Ok(7)));
        let asks_and_waits = async {
            source.request_with("now");
            yield_now().await;
        };
        assert_eq!(token.run_until_stopped(asks_and_waits).await.unwrap_err().reason(), &Reason::from("now"));
        let asks_too_late = StopSource::new();
        let asks_and_ends = async { asks_too_late.request() };
        assert!(matches!(asks_too_late.token().run_until_stopped(asks_and_ends).await, Ok(true)), "no value is lost");
    });
}

#[test]
fn work_that_is_always_ready_to_go_on_cannot_starve_the_stop() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let (working, worked) = channel();
        let asking = thread::spawn(move || {
            worked.recv().unwrap();
            source.request()
        });
        let work = async {
            loop {
                let _ = working.send(());
                yield_now().await;
            }
        };
        let ended: Result<(), Stopped> = token.run_until_stopped(work).await;
        assert!(ended.is_err() && asking.join().unwrap());
    });
}

#[test]
fn select_sees_the_stop_beside_a_branch_that_is_always_ready() {
    on_each(|| async {
        let source = StopSource::new();
        let token = source.token();
        let mut until = pin!(token.stopped());
        let mut rounds = 0;
        let stopped = loop {
            tokio::select! {
                stopped = &mut until => break stopped,
                () = yield_now() => rounds += 1,
            }
            if rounds == 10 {
                source.request_with("now");
            }
        };
        assert_eq!(reason(stopped), now());
        // A new future each round, which the usual loop makes, sees it as well.
        tokio::select! {
            biased;
            stopped = token.stopped() => assert_eq!(reason(stopped), now()),
            () = std::future::ready(()) => panic!("the stop is looked at first"),
        }
    });
}

#[test]
fn one_request_wakes_a_thousand_tasks() {
    const TASKS: usize = 1000;
    for (name, run) in POOLS {
        in_time(name, move || {
            let source = StopSource::new();
            let (begun, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let waits = |_| -> Task {
                let (token, begun, told) = (source.token(), Arc::clone(&begun), Arc::clone(&told));
                Box::pin(async move {
                    begun.fetch_add(1, Relaxed);
                    assert_eq!(reason(token.stopped().await), now());
                    told.fetch_add(1, Relaxed);
                })
            };
            let mut tasks: Vec<Task> = (0..TASKS).map(waits).collect();
            let asking = source.clone();
            let begun = Arc::clone(&begun);
            tasks.push(Box::pin(async move {
                while begun.load(Relaxed) < TASKS {
                    yield_now_anywhere().await;
                }
                assert!(asking.request_with("now"));
            }));
            run(tasks);
            assert_eq!(told.load(Relaxed), TASKS);
        });
    }
}

/// Lets the executor go on with another task; tokio's own puts it off until tokio looks for something to do.
async fn yield_now_anywhere() {
    let mut again = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut again) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

#[test]
fn a_wait_that_moves_to_another_task_wakes_that_one() {
    in_time("tokio, multi thread", || {
        let runtime = multi_thread();
        runtime.block_on(async {
            let source = StopSource::new();
            let token = source.token();
            let mut until = Box::pin(token.stopped_owned());
            for _ in 0..10 {
                // Each task polls it once with a waker of its own, and hands it on.
                let polled = runtime.spawn(async move {
                    let polled = std::future::poll_fn(|context| Poll::Ready(until.as_mut().poll(context))).await;
                    (polled, until)
                });
                let polled = polled.await.unwrap();
                assert!(polled.0.is_pending());
                until = polled.1;
            }
            let waiting = runtime.spawn(until);
            runtime.spawn(async move { source.request_with("now") }).await.unwrap();
            assert_eq!(reason(waiting.await.unwrap()), now());
        });
    });
}

/// Waits in several ways, with a point between any two at which it can be dropped.
async fn waits_and_works(token: StopToken) -> Result<(), Stopped> {
    let one = token.run_until_stopped(yield_now_anywhere());
    let two = token.run_until_stopped(async {
        yield_now_anywhere().await;
        token.run_until_stopped(yield_now_anywhere()).await
    });
    let (one, two) = join(one, two).await;
    one.and(two?)?;
    match token.clone().stopped_owned().await {
        Ok(stopped) => Err(stopped),
        Err(NeverStops) => Ok(()),
    }
}

#[test]
fn a_task_that_is_dropped_at_any_point_leaves_the_others_their_stop() {
    in_time("by hand", || {
        const POINTS: usize = 8;
        for polls in 0..POINTS {
            let source = StopSource::new();
            let token = source.token();
            let mut stays = pin!(token.stopped());
            assert!(poll_once(stays.as_mut()).is_pending());
            let mut goes = Box::pin(waits_and_works(source.token()));
            for _ in 0..polls {
                assert!(poll_once(goes.as_mut()).is_pending());
            }
            let after = source.token();
            drop(goes);
            let mut after = pin!(after.stopped());
            assert!(poll_once(after.as_mut()).is_pending());
            assert!(source.request_with("now"));
            assert_eq!(poll_once(stays).map(reason), Poll::Ready(now()), "dropped after {polls} polls");
            assert_eq!(poll_once(after).map(reason), Poll::Ready(now()), "dropped after {polls} polls");
        }
    });
}

#[test]
fn tasks_that_are_aborted_while_the_stop_comes_harm_nobody() {
    in_time("tokio, multi thread", || {
        let runtime = multi_thread();
        for _ in 0..100 {
            let source = StopSource::new();
            runtime.block_on(async {
                let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(waits_and_works(source.token()))).collect();
                let asking = source.clone();
                let asked = runtime.spawn(async move { asking.request_with("now") });
                tasks.iter().step_by(2).for_each(tokio::task::JoinHandle::abort);
                for (at, task) in tasks.into_iter().enumerate() {
                    match task.await {
                        Ok(ended) => assert_eq!(ended.unwrap_err().reason(), &Reason::from("now")),
                        Err(gone) => assert!(gone.is_cancelled() && at % 2 == 0, "{gone}"),
                    }
                }
                assert!(asked.await.unwrap());
            });
        }
    });
}
