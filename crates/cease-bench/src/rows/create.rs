//! Making a source, or a child of one, and dropping it again.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

use crate::cpu;
use crate::rounds::{Contender, Row};

const TIMES: u32 = 100_000;

/// A source of its own.
pub(crate) fn source() -> Row {
    Row {
        name: "create/source",
        contenders: vec![
            Contender::new("StopSource", || time(StopSource::new)),
            Contender::new("tokio-util", || time(CancellationToken::new)),
        ],
    }
}

/// A child of a source.
pub(crate) fn child() -> Row {
    let (source, token) = (StopSource::new(), CancellationToken::new());
    Row {
        name: "child/1-thread",
        contenders: vec![
            Contender::new("StopSource", move || time(|| source.child())),
            Contender::new("tokio-util", move || time(|| token.child_token())),
        ],
    }
}

/// Children that two threads make of the same source.
pub(crate) fn child_on_two_threads() -> Row {
    let (source, token) = (StopSource::new(), CancellationToken::new());
    Row {
        name: "child/2-threads",
        contenders: vec![
            Contender::new("StopSource", move || time_on_two(|| source.child())),
            Contender::new("tokio-util", move || time_on_two(|| token.child_token())),
        ],
    }
}

/// Nanoseconds for making one and dropping it.
fn time<T>(make: impl Fn() -> T) -> f64 {
    let start = Instant::now();
    for _ in 0..TIMES {
        drop(black_box(make()));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
}

/// The same on two threads at once; the mean of both.
fn time_on_two<T>(make: impl Fn() -> T + Sync) -> f64 {
    let (start, make) = (Barrier::new(2), &make);
    let on = |processor| {
        cpu::pin(processor);
        start.wait();
        time(make)
    };
    thread::scope(|scope| {
        let threads = [0, 1].map(|processor| scope.spawn(move || on(processor)));
        threads.map(|thread| thread.join().expect("making a child does not panic")).iter().sum::<f64>() / 2.0
    })
}
