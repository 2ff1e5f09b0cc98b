//! A request at the top of many children.

use std::hint::{black_box, spin_loop};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::{Row, Unit};
use crate::rows::each::nanoseconds_each;
use crate::rows::tree::Tree;

pub(super) static ROWS: [Row; 4] = [
    Row {
        name: "request/1e3",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.1)],
        limit: None,
        contenders: |setup| Ok(swept(1_000, setup.scale.operations(SHORT_SWEEPS))),
    },
    Row {
        name: "request/1e5",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.1)],
        limit: None,
        contenders: |_| Ok(swept(100_000, 1)),
    },
    Row {
        name: "request/1e6",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.25)],
        limit: None,
        contenders: |_| Ok(swept(1_000_000, 1)),
    },
    Row {
        name: "request/1e6-stall",
        unit: Unit::Nanoseconds,
        targets: &[],
        limit: Some(1e6),
        contenders: |_| Ok(vec![stalled::<StopSource>(), stalled::<CancellationToken>()]),
    },
];

/// How many short sweeps make a round.
const SHORT_SWEEPS: u32 = 64;

/// Nanoseconds of the request alone for each of so many children, without making them and dropping them.
fn swept(children: u32, sweeps: u32) -> Vec<Contender> {
    vec![sweep::<StopSource>(children, sweeps), sweep::<CancellationToken>(children, sweeps)]
}

fn sweep<T: Tree>(count: u32, sweeps: u32) -> Contender {
    let request = move || {
        let top = T::root();
        let children: Vec<_> = (0..count).map(|_| top.child()).collect();
        let start = Instant::now();
        top.request();
        let time = nanoseconds_each(start, count);
        assert!(children.iter().all(T::is_stop_requested));
        time
    };
    Contender::new(T::NAME, move || (0..sweeps).map(|_| request()).sum::<f64>() / f64::from(sweeps))
}

/// The longest that one child took another thread to make and drop while a million were stopped.
fn stalled<T: Tree>() -> Contender {
    Contender::fallible(T::NAME, || {
        let top = T::root();
        let _children: Vec<_> = (0..1_000_000).map(|_| top.child()).collect();
        let longest = longest_child(&top)?;
        Ok(longest.as_secs_f64() * 1e9)
    })
}

fn longest_child<T: Tree>(top: &T) -> io::Result<Duration> {
    let (making, swept) = (Event::default(), Event::default());
    let make = || {
        cpu::pin(1);
        let mut longest = Duration::ZERO;
        while !swept.has_come() {
            let begun = Instant::now();
            drop(black_box(top.child()));
            longest = longest.max(begun.elapsed());
            making.tell();
        }
        longest
    };
    thread::scope(|scope| {
        let maker = thread::Builder::new().spawn_scoped(scope, make)?;
        cpu::pin(0);
        while !making.has_come() {
            spin_loop();
        }
        top.request();
        swept.tell();
        cpu::unpin();
        Ok(maker.join().expect("making a child does not panic"))
    })
}

#[derive(Default)]
struct Event(AtomicBool);

impl Event {
    fn tell(&self) {
        // ORDERING: Relaxed: only the value matters, and nothing is published with it.
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_come(&self) -> bool {
        // ORDERING: Relaxed: only the value matters, and nothing is published with it.
        self.0.load(Ordering::Relaxed)
    }
}
