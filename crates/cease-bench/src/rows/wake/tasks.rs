//! A task of tokio is woken by another thread.

use std::future::Future;
use std::io;
use std::sync::Arc;

use async_shutdown::ShutdownManager;
use cease_core::StopSource;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::Scale;
use crate::rows::wake::asker::{SLEEPER, Signal, Sleeper, WAKES, round};
use crate::rows::wake::blocking::Listened;

/// A task that a thread blocks on.
pub(super) fn on_current_thread(scale: Scale) -> io::Result<Vec<Contender>> {
    let executor =
        CurrentThread { runtime: Arc::new(Builder::new_current_thread().build()?), thread: Sleeper::start()? };
    Ok(contenders(&Arc::new(executor), scale))
}

/// A task that was spawned where several threads run tasks; all of them stand on one processor, as the asker occupies
/// another.
pub(super) fn on_several_threads(scale: Scale) -> io::Result<Vec<Contender>> {
    let runtime = Builder::new_multi_thread().worker_threads(2).on_thread_start(|| cpu::pin(SLEEPER)).build()?;
    Ok(contenders(&Arc::new(runtime), scale))
}

/// What runs a task.
trait Executor: 'static {
    fn run(&self, task: impl Future<Output = ()> + Send + 'static);
}

struct CurrentThread {
    runtime: Arc<Runtime>,
    thread: Sleeper,
}

impl Executor for CurrentThread {
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        let runtime = Arc::clone(&self.runtime);
        self.thread.run(move || runtime.block_on(task));
    }
}

impl Executor for Runtime {
    fn run(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(task);
    }
}

fn contenders<E: Executor>(executor: &Arc<E>, scale: Scale) -> Vec<Contender> {
    let wakes = scale.operations(WAKES);
    vec![
        contender("StopToken", executor, wakes, || {
            let source = StopSource::new();
            let token = source.token();
            let wait = async move { assert!(token.stopped().await.is_ok(), "the source is kept") };
            (wait, move || assert!(source.request()))
        }),
        contender("tokio-util", executor, wakes, || {
            let waking = CancellationToken::new();
            let waiting = waking.clone();
            (async move { waiting.cancelled().await }, move || waking.cancel())
        }),
        contender("stop-token", executor, wakes, || {
            let source = stop_token::StopSource::new();
            (source.token(), move || drop(source))
        }),
        contender("async-shutdown", executor, wakes, || {
            let manager = ShutdownManager::<()>::new();
            (manager.wait_shutdown_triggered(), move || assert!(manager.trigger_shutdown(()).is_ok()))
        }),
        contender("event-listener", executor, wakes, || {
            let waking = Arc::<Listened>::default();
            let waiting = Arc::clone(&waking);
            (async move { waiting.raised().await }, move || waking.wake())
        }),
    ]
}

/// A contender whose `pair` makes the future that waits and what wakes it.
fn contender<E, W, A>(
    name: &'static str,
    executor: &Arc<E>,
    wakes: u32,
    mut pair: impl FnMut() -> (W, A) + 'static,
) -> Contender
where
    E: Executor,
    W: Future<Output = ()> + Send + 'static,
    A: FnOnce(),
{
    let executor = Arc::clone(executor);
    Contender::fallible(name, move || {
        round(wakes, |signal: Signal| {
            let (wait, wake) = pair();
            executor.run(async move {
                signal.about_to_wait();
                wait.await;
                signal.awake();
            });
            Ok(wake)
        })
    })
}
