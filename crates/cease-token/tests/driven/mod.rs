//! What the tests of tasks share: runtimes of both kinds, workers that end only when they are stopped, and joins that end.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test file that has this module uses a part of it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cease_core::{Exit, Reason, Worker};
use cease_token::{SpawnTask, TaskStop};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// What takes longer hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A runtime that runs its tasks for as long as this exists.
pub(crate) struct Driven {
    runtime: Option<Arc<Runtime>>,
    driver: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Driven {
    pub(crate) fn current() -> Self {
        let runtime = Arc::new(Builder::new_current_thread().enable_time().build().unwrap());
        let (end, ended) = oneshot::channel();
        let driving = Arc::clone(&runtime);
        let driver = thread::spawn(move || drop(driving.block_on(ended)));
        Self { runtime: Some(runtime), driver: Some((end, driver)) }
    }

    pub(crate) fn multi() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        Self { runtime: Some(Arc::new(runtime)), driver: None }
    }

    pub(crate) fn handle(&self) -> Handle {
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
                #[test]
                fn token_current() {
                    let runtime = $crate::driven::Driven::current();
                    super::$case(&cease_token::Token::new(runtime.handle()));
                }

                #[test]
                fn token_multi() {
                    let runtime = $crate::driven::Driven::multi();
                    super::$case(&cease_token::Token::new(runtime.handle()));
                }

                #[test]
                fn abort_current() {
                    let runtime = $crate::driven::Driven::current();
                    super::$case(&cease_token::Abort::new(runtime.handle()));
                }

                #[test]
                fn abort_multi() {
                    let runtime = $crate::driven::Driven::multi();
                    super::$case(&cease_token::Abort::new(runtime.handle()));
                }
            }
        )*
    };
}

pub(crate) use cases;

/// Counts itself out when it is dropped.
pub(crate) struct Resource(Arc<AtomicU32>);

impl Resource {
    pub(crate) fn open(count: &Arc<AtomicU32>) -> Self {
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
pub(crate) fn endless<S: SpawnTask>(strategy: &S) -> Worker<()> {
    let (tell, begun) = channel();
    let worker = strategy.spawn_task(move |stop: TaskStop| async move {
        tell.send(()).unwrap();
        Err(stop.stopped().await)
    });
    begun.recv_timeout(LIMIT).unwrap();
    worker.unwrap()
}

/// Joins, and fails instead of waiting for ever.
pub(crate) fn join<T>(worker: Worker<T>) -> Exit<T> {
    worker.join_timeout(LIMIT).expect("it ends")
}

pub(crate) fn reason<T: std::fmt::Debug>(exit: &Exit<T>) -> &Reason {
    exit.as_stopped().unwrap_or_else(|| panic!("it {exit:?}")).reason()
}
