//! Making a source, or a child of one, and dropping it again.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use almost_enough::{ChildStopper, Stopper};
use async_shutdown::ShutdownManager;
use cease_core::StopSource;
use tokio_util::sync::CancellationToken;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::{Row, Setup, Unit};
use crate::rows::each::make_and_drop;
use crate::rows::tree::Tree;

pub(super) static ROWS: [Row; 3] = [
    Row {
        name: "create/source",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.35)],
        limit: None,
        contenders: |setup| Ok(sources(setup)),
    },
    Row {
        name: "child/1-thread",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.3)],
        limit: None,
        contenders: |setup| {
            let times = setup.scale.operations(TIMES);
            Ok(vec![child::<StopSource>(times), child::<CancellationToken>(times), child::<ChildStopper>(times)])
        },
    },
    Row {
        name: "child/2-threads",
        unit: Unit::Nanoseconds,
        targets: &[("tokio-util", 0.05)],
        limit: None,
        contenders: |setup| {
            let times = setup.scale.operations(TIMES_ON_TWO);
            Ok(vec![
                child_on_two::<StopSource>(times),
                child_on_two::<CancellationToken>(times),
                child_on_two::<ChildStopper>(times),
            ])
        },
    },
];

const TIMES: u32 = 400_000;
const TIMES_ON_TWO: u32 = 200_000;

fn sources(setup: &Setup) -> Vec<Contender> {
    let times = setup.scale.operations(TIMES);
    let mut contenders = vec![
        made("StopSource", times, StopSource::new),
        made("AtomicBool", times, || Arc::new(AtomicBool::new(false))),
        made("tokio-util", times, CancellationToken::new),
        made("stop-token", times, stop_token::StopSource::new),
        made("async-shutdown", times, ShutdownManager::<()>::new),
        made("almost-enough", times, Stopper::new),
        made("crossbeam-channel", times, crossbeam_channel::unbounded::<()>),
    ];
    contenders.extend(setup.cpp.contender("C++", "source", times));
    contenders
}

fn made<T>(name: &'static str, times: u32, make: impl Fn() -> T + 'static) -> Contender {
    Contender::new(name, move || make_and_drop(times, &make))
}

/// Children that one thread makes.
fn child<T: Tree>(times: u32) -> Contender {
    let parent = T::root();
    Contender::new(T::NAME, move || make_and_drop(times, || parent.child()))
}

/// Children that two threads make of the same parent.
fn child_on_two<T: Tree>(times: u32) -> Contender {
    let parent = T::root();
    Contender::fallible(T::NAME, move || cpu::on_two(|| make_and_drop(times, || parent.child())))
}
