//! Registering a callback, and taking it away again by dropping its guard.

use std::hint::black_box;

use cease_core::StopSource;

use crate::rounds::{Contender, Row, Setup, Unit};
use crate::rows::make_and_drop;

pub(super) static ROWS: [Row; 1] = [Row {
    name: "callback/register+drop/boxed",
    unit: Unit::Nanoseconds,
    targets: &[(CPP_BOXED, 1.0), (CPP_ON_THE_STACK, 1.0)],
    limit: None,
    contenders: |setup| Ok(boxed(setup)),
}];

const TIMES: u32 = 400_000;
const CPP_BOXED: &str = "C++, boxed";
const CPP_ON_THE_STACK: &str = "C++, on the stack";

/// A guard that can be kept anywhere.
fn boxed(setup: &Setup) -> Vec<Contender> {
    let times = setup.scale.operations(TIMES);
    let ours = Contender::new("OnStop", move || {
        let source = StopSource::new();
        let (token, mark) = (source.token(), black_box(7_u64));
        make_and_drop(times, || token.on_stop(move || _ = black_box(mark)))
    });
    let boxed = setup.cpp.contender(CPP_BOXED, "callback-boxed", times);
    [ours].into_iter().chain(boxed).chain(cpp_on_the_stack(setup)).collect()
}

/// A guard that stays where it was made.
fn cpp_on_the_stack(setup: &Setup) -> Option<Contender> {
    setup.cpp.contender(CPP_ON_THE_STACK, "callback", setup.scale.operations(TIMES))
}
