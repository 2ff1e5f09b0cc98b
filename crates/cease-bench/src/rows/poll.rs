//! A poll that sees no stop, in a loop that does nothing else.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

use cease_core::{StopSource, StopToken};
use tokio_util::sync::CancellationToken;

use crate::cpu;
use crate::rounds::{Contender, Row};

const POLLS: u32 = 4_000_000;
/// How far below the top the polled token lies.
const DEPTH: usize = 8;

/// One thread polls.
pub(crate) fn one_thread() -> Row {
    let (source, flag) = (StopSource::new(), flag());
    Row {
        name: "poll/1-thread",
        contenders: vec![
            Contender::new("StopToken", move || time(&source.token(), StopToken::is_stopped)),
            Contender::new("AtomicBool", move || time(&flag, is_raised)),
            Contender::new("tokio-util", || time(&CancellationToken::new(), CancellationToken::is_cancelled)),
        ],
    }
}

/// One thread polls what lies eight levels below where a stop would be asked for.
pub(crate) fn depth_8() -> Row {
    let flag = flag();
    Row {
        name: "poll/child-depth-8",
        contenders: vec![
            Contender::new("StopToken", || {
                let chain = successors(StopSource::new(), StopSource::child);
                time(&chain[DEPTH].token(), StopToken::is_stopped)
            }),
            Contender::new("AtomicBool", move || time(&flag, is_raised)),
            Contender::new("tokio-util", || {
                let chain = successors(CancellationToken::new(), CancellationToken::child_token);
                time(&chain[DEPTH], CancellationToken::is_cancelled)
            }),
        ],
    }
}

/// A chain, from the top down.
fn successors<T>(top: T, child: fn(&T) -> T) -> Vec<T> {
    let mut chain = vec![top];
    for level in 0..DEPTH {
        chain.push(child(&chain[level]));
    }
    chain
}

/// Two threads poll the same one.
pub(crate) fn two_threads() -> Row {
    let (source, flag) = (StopSource::new(), flag());
    Row {
        name: "poll/2-threads",
        contenders: vec![
            Contender::new("StopToken", move || time_on_two(&source.token(), StopToken::is_stopped)),
            Contender::new("AtomicBool", move || time_on_two(&flag, is_raised)),
            Contender::new("tokio-util", || time_on_two(&CancellationToken::new(), CancellationToken::is_cancelled)),
        ],
    }
}

fn flag() -> Arc<AtomicBool> {
    Arc::new(AtomicBool::new(false))
}

/// The cheapest poll there is.
fn is_raised(flag: &Arc<AtomicBool>) -> bool {
    // ORDERING: Relaxed: the peer is a flag that publishes nothing.
    flag.load(Ordering::Relaxed)
}

/// Nanoseconds for one poll of `target`.
#[inline(never)]
fn time<T>(target: &T, poll: impl Fn(&T) -> bool) -> f64 {
    let target = black_box(target);
    let start = Instant::now();
    for _ in 0..POLLS {
        assert!(!poll(target), "nobody asked");
        black_box(());
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(POLLS)
}

/// The same on two threads at once; the mean of both.
fn time_on_two<T: Sync>(target: &T, poll: impl Fn(&T) -> bool + Sync) -> f64 {
    let start = Barrier::new(2);
    let on = |processor| {
        cpu::pin(processor);
        start.wait();
        time(target, &poll)
    };
    thread::scope(|scope| {
        let threads = [0, 1].map(|processor| scope.spawn(move || on(processor)));
        threads.map(|thread| thread.join().expect("polling does not panic")).iter().sum::<f64>() / 2.0
    })
}
