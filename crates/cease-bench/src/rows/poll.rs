//! A poll that sees no stop, in a loop that does nothing else.

use std::future::Future;
use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use almost_enough::{ChildStopper, Stop, StopExt, Stopper};
use async_shutdown::ShutdownManager;
use cease_channel::stop_receiver;
use cease_core::{Checkpoint, SpawnFn, StopSource, StopToken};
use cease_token::{Token, TokenStop};
use crossbeam_channel::TryRecvError;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::{Row, Scale, Setup, Unit};
use crate::rows::each::nanoseconds_each;
use crate::rows::tree::Tree;

pub(super) static ROWS: [Row; 6] = [
    Row {
        name: "poll/1-thread",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.05), ("tokio-util", 1.0 / 30.0)],
        limit: None,
        contenders: |setup| Ok(one_token::<OneThread>(setup, "poll")),
    },
    Row {
        name: "poll/2-threads",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.1), ("tokio-util", 1.0 / 100.0)],
        limit: None,
        contenders: |setup| Ok(one_token::<TwoThreads>(setup, "poll-on-two")),
    },
    Row {
        name: "poll/child-depth-8",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.05)],
        limit: None,
        contenders: |setup| Ok(depth_8(setup.scale)),
    },
    Row {
        name: "poll/any-of-3",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.05)],
        limit: None,
        contenders: |setup| Ok(any_of_3(setup.scale)),
    },
    Row {
        name: "poll/channel-checkpoint",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.05)],
        limit: None,
        contenders: |setup| Ok(channel_checkpoint(setup.scale)),
    },
    Row {
        name: "poll/token-checkpoint",
        unit: Unit::Nanoseconds,
        targets: &[("AtomicBool", 1.05)],
        limit: None,
        contenders: |setup| token_checkpoint(setup.scale),
    },
];

/// Polls in a round of what is one load.
const LOADS: u32 = 4_000_000;
/// Polls in a round of what takes a lock, or several loads.
const OTHERS: u32 = 200_000;
/// How far below the top the polled token lies.
const DEPTH: usize = 8;

/// Tokens that stand alone; two threads share one, but stop-token's can only be polled by its owner.
fn one_token<M: Threads>(setup: &Setup, row_of_cpp: &'static str) -> Vec<Contender> {
    let (loads, others) = (setup.scale.operations(LOADS), setup.scale.operations(OTHERS));
    let mut contenders = vec![
        polled::<M, _>("StopToken", loads, token, |(_, token)| token.is_stop_requested()),
        polled::<M, _>("AtomicBool", loads, flag, is_raised),
        polled::<M, _>("tokio-util", others, CancellationToken::new, CancellationToken::is_cancelled),
        stop_token::<M>(others),
        polled::<M, _>("async-shutdown", others, ShutdownManager::<()>::new, ShutdownManager::is_shutdown_triggered),
        polled::<M, _>("enough", loads, any_stop, |stop| stop.check().is_err()),
        polled::<M, _>("almost-enough", loads, Stopper::new, Stopper::should_stop),
        polled::<M, _>("crossbeam-channel", others, crossbeam_channel::unbounded::<()>, |(_, receiver)| {
            receiver.try_recv() == Err(TryRecvError::Disconnected)
        }),
    ];
    contenders.extend(setup.cpp.contender("C++", row_of_cpp, loads));
    contenders
}

/// What lies eight levels below where a stop would be asked for.
fn depth_8(scale: Scale) -> Vec<Contender> {
    let (loads, others) = (scale.operations(LOADS), scale.operations(OTHERS));
    vec![
        polled::<OneThread, _>(
            "StopToken",
            loads,
            || {
                let chain = chain::<StopSource>();
                let token = chain[DEPTH].token();
                (chain, token)
            },
            |(_, token)| token.is_stop_requested(),
        ),
        polled::<OneThread, _>("AtomicBool", loads, flag, is_raised),
        polled::<OneThread, _>("tokio-util", others, chain::<CancellationToken>, |chain| chain[DEPTH].is_cancelled()),
        polled::<OneThread, _>("almost-enough", others, chain::<ChildStopper>, |chain| chain[DEPTH].should_stop()),
    ]
}

/// A chain, from the top down.
fn chain<T: Tree>() -> Vec<T> {
    let mut chain = vec![T::root()];
    for level in 0..DEPTH {
        chain.push(chain[level].child());
    }
    chain
}

/// What follows three tokens of different trees.
fn any_of_3(scale: Scale) -> Vec<Contender> {
    let (loads, others) = (scale.operations(LOADS), scale.operations(OTHERS));
    vec![
        polled::<OneThread, _>(
            "StopToken",
            loads,
            || {
                let inputs = [(); 3].map(|()| StopSource::new());
                let linked = StopToken::any_of(&inputs.each_ref().map(StopSource::token));
                (inputs, linked)
            },
            |(_, linked)| linked.token().is_stop_requested(),
        ),
        polled::<OneThread, _>("AtomicBool", loads, flag, is_raised),
        polled::<OneThread, _>(
            "almost-enough",
            others,
            || Stopper::new().or(Stopper::new()).or(Stopper::new()),
            Stop::should_stop,
        ),
    ]
}

/// The checkpoint of a worker of `Channel`, and the receiver that it carries.
fn channel_checkpoint(scale: Scale) -> Vec<Contender> {
    let (loads, others) = (scale.operations(LOADS), scale.operations(OTHERS));
    let checkpoint = || {
        let source = StopSource::new();
        let stop = stop_receiver(&source.token());
        (source, stop)
    };
    vec![
        polled::<OneThread, _>("StopReceiver", loads, checkpoint, |(_, stop)| stop.is_stop_requested()),
        polled::<OneThread, _>("AtomicBool", loads, flag, is_raised),
        polled::<OneThread, _>("crossbeam-channel", others, checkpoint, |(_, stop)| {
            stop.try_recv() == Err(TryRecvError::Disconnected)
        }),
    ]
}

/// The checkpoint of a blocking job of `Token`, and the cancellation token that it carries; each is polled in such a job.
fn token_checkpoint(scale: Scale) -> io::Result<Vec<Contender>> {
    let (loads, others) = (scale.operations(LOADS), scale.operations(OTHERS));
    let runtime = Arc::new(Builder::new_multi_thread().worker_threads(1).build()?);
    let contender = |name, polls, time: fn(u32, &TokenStop) -> f64| {
        let runtime = Arc::clone(&runtime);
        Contender::fallible(name, move || {
            let job = move |stop: &TokenStop| Ok(time(polls, black_box(stop)));
            let worker = Token::new(runtime.handle().clone()).spawn_fn(job).map_err(io::Error::other)?;
            let exit = worker.join().map_err(io::Error::other)?;
            exit.into_finished().ok_or_else(|| io::Error::other("the job that polls did not finish"))
        })
    };
    Ok(vec![
        contender("TokenStop", loads, |polls, stop| time(polls, || stop.is_stop_requested())),
        contender("AtomicBool", loads, |polls, _| {
            let flag = flag();
            let flag = black_box(&flag);
            time(polls, || is_raised(flag))
        }),
        contender("tokio-util", others, |polls, stop| time(polls, || stop.cancellation_token().is_cancelled())),
    ])
}

fn token() -> (StopSource, StopToken) {
    let source = StopSource::new();
    let token = source.token();
    (source, token)
}

fn flag() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

/// The cheapest poll there is.
fn is_raised(flag: &Arc<AtomicBool>) -> bool {
    // ORDERING: Relaxed: the peer is a flag that publishes nothing.
    flag.load(Ordering::Relaxed)
}

/// What a library that depends on `enough` alone is handed.
fn any_stop() -> Box<dyn enough::Stop> {
    Box::new(Stopper::new())
}

/// How many threads poll the same token.
trait Threads {
    /// Nanoseconds for one poll; each thread polls what `poller` returns to it.
    fn time<P: FnMut() -> bool>(polls: u32, poller: impl Fn() -> P + Sync) -> io::Result<f64>;
}

struct OneThread;

impl Threads for OneThread {
    fn time<P: FnMut() -> bool>(polls: u32, poller: impl Fn() -> P + Sync) -> io::Result<f64> {
        Ok(time(polls, poller()))
    }
}

struct TwoThreads;

impl Threads for TwoThreads {
    fn time<P: FnMut() -> bool>(polls: u32, poller: impl Fn() -> P + Sync) -> io::Result<f64> {
        cpu::on_two(|| time(polls, poller()))
    }
}

/// A contender that makes something anew in each round, and polls it.
fn polled<M: Threads, T: Sync>(
    name: &'static str,
    polls: u32,
    new: impl Fn() -> T + 'static,
    poll: impl Fn(&T) -> bool + Sync + 'static,
) -> Contender {
    Contender::fallible(name, move || {
        let target = new();
        M::time(polls, || {
            let (target, poll) = (black_box(&target), &poll);
            move || poll(target)
        })
    })
}

/// stop-token has no method that polls, but its token is a future.
fn stop_token<M: Threads>(polls: u32) -> Contender {
    Contender::fallible("stop-token", move || {
        let source = stop_token::StopSource::new();
        M::time(polls, || {
            let mut token = source.token();
            let mut context = Context::from_waker(Waker::noop());
            move || Pin::new(&mut token).poll(&mut context).is_ready()
        })
    })
}

#[inline(never)]
fn time(polls: u32, mut poll: impl FnMut() -> bool) -> f64 {
    let start = Instant::now();
    for _ in 0..polls {
        assert!(!poll(), "nobody asked");
        black_box(());
    }
    nanoseconds_each(start, polls)
}
