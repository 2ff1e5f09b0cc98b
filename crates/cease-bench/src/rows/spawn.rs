//! A worker that does nothing, from its start to its end.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use cease_core::SpawnFn;
use cease_flag::Flag;

use crate::rounds::{Contender, Row};

const SPAWNS: u32 = 200;

/// `spawn` and `join`.
pub(crate) fn spawn_and_join() -> Row {
    let flag = Flag::new();
    Row {
        name: "spawn+join",
        contenders: vec![
            Contender::new("Flag", move || {
                time(|| {
                    let worker = flag.spawn_fn(|_| Ok(black_box(1))).expect("a thread can be had");
                    assert_eq!(worker.join().expect("joined from outside").finished(), Some(1));
                })
            }),
            Contender::new("std::thread", || {
                time(|| {
                    let thread = thread::Builder::new().name("thread".to_owned()).spawn(|| black_box(1));
                    assert_eq!(thread.expect("a thread can be had").join().ok(), Some(1));
                })
            }),
        ],
    }
}

fn time(spawn_and_join: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..SPAWNS {
        spawn_and_join();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(SPAWNS)
}
