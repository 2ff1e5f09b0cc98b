//! A task, or a blocking job, of tokio: from the request until it was joined.

use std::hint::spin_loop;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Exit, SpawnFn, Worker};
use cease_token::{SpawnTask, TaskStop, Token};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::{Row, Scale, Unit, spread};

pub(super) static ROWS: [Row; 2] = [
    Row {
        name: "token/stop-to-exit",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 1.05)],
        limit: None,
        contenders: |setup| contenders(setup.scale, ours::task, bare::task),
    },
    Row {
        name: "token/blocking-stop-to-exit",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 1.05)],
        limit: None,
        contenders: |setup| contenders(setup.scale, ours::blocking, bare::blocking),
    },
];

/// How many stops make a round.
const STOPS: u32 = 400;
/// How long the asker waits until the other side surely sleeps.
const ASLEEP: Duration = Duration::from_micros(60);
/// Where the asker runs, and where the runtime's threads do.
const ASKER: usize = 0;
const RUNTIME: usize = 1;

/// Stops what was started, and returns when it was joined.
type StopAndJoin = Box<dyn FnOnce()>;

fn contenders(
    scale: Scale,
    ours: fn(&Handle, Begun) -> StopAndJoin,
    bare: fn(&Handle, Begun) -> StopAndJoin,
) -> io::Result<Vec<Contender>> {
    let runtime = Builder::new_multi_thread().worker_threads(1).on_thread_start(|| cpu::pin(RUNTIME)).build()?;
    let (runtime, times) = (Arc::new(runtime), scale.operations(STOPS));
    let contender = |name, start: fn(&Handle, Begun) -> StopAndJoin| {
        let runtime = Arc::clone(&runtime);
        Contender::new(name, move || round(&runtime, times, start))
    };
    Ok(vec![contender("Token", ours), contender("tokio-util", bare)])
}

/// The median of so many stops, in nanoseconds from the request until the join has returned.
fn round(runtime: &Runtime, times: u32, start: impl Fn(&Handle, Begun) -> StopAndJoin) -> f64 {
    cpu::pin(ASKER);
    let begun = Begun::default();
    let stops = (0..times).map(|_| {
        let stop_and_join = start(runtime.handle(), begun.clone());
        begun.wait_until_asleep();
        let asked = Instant::now();
        stop_and_join();
        asked.elapsed().as_secs_f64() * 1e9
    });
    let median = spread(stops.collect()).median;
    cpu::unpin();
    median
}

/// How the job tells that it is about to wait.
#[derive(Clone, Default)]
struct Begun(Arc<AtomicBool>);

impl Begun {
    fn about_to_wait(&self) {
        // ORDERING: Relaxed: only the value matters.
        self.0.store(true, Ordering::Relaxed);
    }

    fn wait_until_asleep(&self) {
        // ORDERING: Relaxed: only the value matters.
        while !self.0.swap(false, Ordering::Relaxed) {
            spin_loop();
        }
        let announced = Instant::now();
        while announced.elapsed() < ASLEEP {
            spin_loop();
        }
    }
}

mod ours {
    use super::*;

    pub(super) fn task(runtime: &Handle, begun: Begun) -> StopAndJoin {
        joined(Token::new(runtime.clone()).spawn_task(|stop: TaskStop| async move {
            begun.about_to_wait();
            Err(stop.stopped().await)
        }))
    }

    pub(super) fn blocking(runtime: &Handle, begun: Begun) -> StopAndJoin {
        joined(Token::new(runtime.clone()).spawn_fn(move |stop| {
            begun.about_to_wait();
            stop.sleep(Duration::MAX)
        }))
    }

    fn joined<E: std::fmt::Debug>(worker: Result<Worker<()>, E>) -> StopAndJoin {
        let worker = worker.expect("the runtime is there");
        Box::new(move || {
            assert!(worker.stop());
            assert!(matches!(worker.join(), Ok(Exit::Stopped(_))));
        })
    }
}

mod bare {
    use super::*;

    pub(super) fn task(runtime: &Handle, begun: Begun) -> StopAndJoin {
        let token = CancellationToken::new();
        let waits = token.clone();
        let task = runtime.spawn(async move {
            begun.about_to_wait();
            waits.cancelled().await;
        });
        joined(runtime, token, task)
    }

    pub(super) fn blocking(runtime: &Handle, begun: Begun) -> StopAndJoin {
        let token = CancellationToken::new();
        let waits = token.clone();
        let task = runtime.spawn_blocking(move || {
            begun.about_to_wait();
            Handle::current().block_on(waits.cancelled());
        });
        joined(runtime, token, task)
    }

    fn joined(runtime: &Handle, token: CancellationToken, task: JoinHandle<()>) -> StopAndJoin {
        let runtime = runtime.clone();
        Box::new(move || {
            token.cancel();
            runtime.block_on(task).expect("it does not panic");
        })
    }
}
