//! Registering a callback, and taking it away again by dropping its guard.

use std::hint::black_box;
use std::pin::pin;

use cease_core::StopSource;

use crate::contender::Contender;
use crate::rounds::{Row, Setup, Unit};
use crate::rows::each::make_and_drop;

pub(super) static ROWS: [Row; 2] = [
    Row {
        name: "callback/register+drop",
        unit: Unit::Nanoseconds,
        targets: &[(CPP_ON_THE_STACK, 0.8)],
        limit: None,
        contenders: |setup| Ok(on_the_stack(setup)),
    },
    Row {
        name: "callback/register+drop/boxed",
        unit: Unit::Nanoseconds,
        targets: &[(CPP_BOXED, 1.0), (CPP_ON_THE_STACK, 1.0)],
        limit: None,
        contenders: |setup| Ok(boxed(setup)),
    },
];

const TIMES: u32 = 400_000;
const CPP_BOXED: &str = "C++, boxed";
const CPP_ON_THE_STACK: &str = "C++, on the stack";

/// A guard that stays where it was made, and borrows the token.
fn on_the_stack(setup: &Setup) -> Vec<Contender> {
    let times = setup.scale.operations(TIMES);
    let ours = Contender::new("PinnedCallback", move || {
        let source = StopSource::new();
        let (token, mark) = (source.token(), black_box(7_u64));
        make_and_drop(times, || {
            let mut callback = pin!(token.callback(move || _ = black_box(mark)));
            callback.as_mut().register();
            black_box(&callback);
        })
    });
    [ours].into_iter().chain(cpp_on_the_stack(setup)).collect()
}

/// A guard that can be kept anywhere.
fn boxed(setup: &Setup) -> Vec<Contender> {
    let times = setup.scale.operations(TIMES);
    let ours = Contender::new("CallbackGuard", move || {
        let source = StopSource::new();
        let (token, mark) = (source.token(), black_box(7_u64));
        make_and_drop(times, || token.on_stop(move || _ = black_box(mark)))
    });
    let boxed = setup.cpp.contender(CPP_BOXED, "callback-boxed", times);
    [ours].into_iter().chain(boxed).chain(cpp_on_the_stack(setup)).collect()
}

/// The same in C++.
fn cpp_on_the_stack(setup: &Setup) -> Option<Contender> {
    setup.cpp.contender(CPP_ON_THE_STACK, "callback", setup.scale.operations(TIMES))
}
