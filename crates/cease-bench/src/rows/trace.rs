//! Loops in traced code, beside the same loops as they are.

use std::hint::black_box;
use std::time::Instant;

use cease_core::{StopSource, UnwindBoundary};
use cease_trace::traced;

use crate::contender::Contender;
use crate::rounds::{Row, Setup, Unit};
use crate::rows::each::nanoseconds_each;

pub(super) static ROWS: [Row; 3] = [
    Row {
        name: "trace/serial-loop",
        unit: Unit::Nanoseconds,
        targets: &[(PLAIN, 1.02)],
        limit: None,
        contenders: |setup| Ok(contenders(setup, "traced", serial_traced, serial)),
    },
    Row {
        name: "trace/vector-loop",
        unit: Unit::Nanoseconds,
        targets: &[],
        limit: None,
        contenders: |setup| Ok(contenders(setup, "traced", vector_traced, vector)),
    },
    Row {
        name: "trace/vector-loop/every-1024",
        unit: Unit::Nanoseconds,
        targets: &[(PLAIN, 1.05)],
        limit: None,
        contenders: |setup| Ok(contenders(setup, "traced(every = 1024)", vector_in_blocks, vector)),
    },
];

/// What the peer is called.
const PLAIN: &str = "untraced";
/// How many numbers there are; they stay in the cache.
const NUMBERS: u32 = 4096;
/// How often a round goes through them.
const PASSES: u32 = 500;

#[inline(never)]
fn serial(numbers: &[u32]) -> u32 {
    let mut mix = 1_u32;
    for number in numbers {
        mix = (mix ^ number).wrapping_mul(0x9e37_79b9).rotate_left(13);
    }
    mix
}

#[traced]
#[inline(never)]
fn serial_traced(numbers: &[u32]) -> u32 {
    let mut mix = 1_u32;
    for number in numbers {
        mix = (mix ^ number).wrapping_mul(0x9e37_79b9).rotate_left(13);
    }
    mix
}

#[inline(never)]
fn vector(numbers: &[u32]) -> u32 {
    let mut sum = 0_u32;
    for number in numbers {
        sum = sum.wrapping_add(number.wrapping_mul(*number));
    }
    sum
}

#[traced]
#[inline(never)]
fn vector_traced(numbers: &[u32]) -> u32 {
    let mut sum = 0_u32;
    for number in numbers {
        sum = sum.wrapping_add(number.wrapping_mul(*number));
    }
    sum
}

#[traced(every = 1024)]
#[inline(never)]
fn vector_in_blocks(numbers: &[u32]) -> u32 {
    let mut sum = 0_u32;
    for number in numbers {
        sum = sum.wrapping_add(number.wrapping_mul(*number));
    }
    sum
}

/// The traced loop on a thread that can be stopped, and the plain one on the same.
fn contenders(
    setup: &Setup,
    name: &'static str,
    traced: fn(&[u32]) -> u32,
    plain: fn(&[u32]) -> u32,
) -> Vec<Contender> {
    let passes = setup.scale.operations(PASSES);
    let numbers = || (0..NUMBERS).collect::<Vec<_>>();
    let (for_traced, for_plain) = (numbers(), numbers());
    let source = StopSource::new();
    let edge = UnwindBoundary::new(&source.token(), |_| ());
    vec![
        Contender::new(name, move || {
            let _source = &source;
            edge.run(|| Ok(time(passes, &for_traced, traced))).expect("nobody asks for a stop")
        }),
        Contender::new(PLAIN, move || time(passes, &for_plain, plain)),
    ]
}

/// Nanoseconds for each number.
fn time(passes: u32, numbers: &[u32], go_through: fn(&[u32]) -> u32) -> f64 {
    let start = Instant::now();
    for _ in 0..passes {
        black_box(go_through(black_box(numbers)));
    }
    nanoseconds_each(start, passes * NUMBERS)
}
