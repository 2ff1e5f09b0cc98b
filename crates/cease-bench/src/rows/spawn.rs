//! A worker that does nothing, from its start to its end.

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use cease_core::SpawnFn;
use cease_flag::Flag;

use crate::contender::Contender;
use crate::rounds::{Row, Unit};
use crate::rows::each::nanoseconds_each;

pub(super) static ROWS: [Row; 1] = [Row {
    name: "spawn+join",
    unit: Unit::Nanoseconds,
    targets: &[],
    limit: None,
    contenders: |setup| {
        let times = setup.scale.operations(SPAWNS);
        let flag = Flag::new();
        Ok(vec![
            Contender::new("Flag", move || {
                time(times, || {
                    let worker = flag.spawn_fn(|_| Ok(black_box(1))).expect("a thread can be had");
                    assert_eq!(worker.join().expect("joined from outside").into_finished(), Some(1));
                })
            }),
            Contender::new("std::thread", move || {
                time(times, || {
                    let thread = thread::Builder::new().name("thread".to_owned()).spawn(|| black_box(1));
                    assert_eq!(thread.expect("a thread can be had").join().ok(), Some(1));
                })
            }),
        ])
    },
}];

const SPAWNS: u32 = 200;

fn time(times: u32, spawn_and_join: impl Fn()) -> f64 {
    let start = Instant::now();
    for _ in 0..times {
        spawn_and_join();
    }
    nanoseconds_each(start, times)
}
