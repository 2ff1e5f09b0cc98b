//! A job that unwinds: what its checkpoints cost while nobody asks, and what the stop costs when somebody has.

use std::cell::Cell;
use std::hint::black_box;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Instant;

use cease_core::{Checkpoint, StopSource, Stopped, UnwindBoundary};

use crate::contender::Contender;
use crate::rounds::{Row, Scale, Setup, Unit};
use crate::rows::each::nanoseconds_each;

pub(super) static ROWS: [Row; 5] = [
    Row {
        name: "unwind/happy-path",
        unit: Unit::Nanoseconds,
        targets: &[("plain call", 1.02)],
        limit: None,
        contenders: |setup| Ok(happy_path::<SOME_WORK>(setup.scale)),
    },
    Row {
        name: "unwind/happy-path/empty",
        unit: Unit::Nanoseconds,
        targets: &[],
        limit: None,
        contenders: |setup| Ok(happy_path::<0>(setup.scale)),
    },
    stop_row("unwind/stop-depth-1", |setup| Ok(stop(setup.scale, 1))),
    stop_row("unwind/stop-depth-10", |setup| Ok(stop(setup.scale, 10))),
    stop_row("unwind/stop-depth-100", |setup| Ok(stop(setup.scale, 100))),
];

/// Rounds of a generator of random numbers, each of which needs the one before: what a small function takes.
const SOME_WORK: u32 = 16;
/// Calls in a round of the happy path.
const CALLS: u32 = 1_000_000;
/// How deep the calls of the happy path go.
const DEPTH: u32 = 10;
/// Frames that are left in a round of stops, those around them included.
const FRAMES: u32 = 200_000;

const fn stop_row(name: &'static str, contenders: fn(&Setup) -> io::Result<Vec<Contender>>) -> Row {
    Row { name, unit: Unit::Nanoseconds, targets: &[("resume_unwind", 1.2)], limit: None, contenders }
}

/// A tree of calls with a checkpoint in each frame; nanoseconds for a frame.
fn happy_path<const WORK: u32>(scale: Scale) -> Vec<Contender> {
    let frames = (2 << DEPTH) - 1;
    let trees = scale.operations(CALLS) / frames;
    let source = Rc::new(StopSource::new());
    let edge = || UnwindBoundary::new(&source.token(), |_| ());
    let (ambient, by_hand, returning, polled) = (edge(), edge(), source.token(), source.token());
    let time = |name, call: Box<dyn Fn() -> u64>| {
        let source = Rc::clone(&source);
        Contender::new(name, move || {
            let start = Instant::now();
            (0..trees).for_each(|_| _ = black_box(call()));
            assert!(!source.is_stop_requested(), "nobody asked");
            nanoseconds_each(start, trees * frames)
        })
    };
    vec![
        time(
            "cease_unwind::check",
            Box::new(move || ambient.run(|| Ok(tree::<WORK>(DEPTH, 7, &cease_unwind::check))).expect("nobody asked")),
        ),
        time("plain call", Box::new(|| tree::<WORK>(DEPTH, 7, &|| ()))),
        time(
            "UnwindStop::check",
            Box::new(move || {
                let check = || by_hand.check().expect("nobody asked");
                by_hand.run(|| Ok(tree::<WORK>(DEPTH, 7, &check))).expect("nobody asked")
            }),
        ),
        time("check()?", Box::new(move || tree_by_result::<WORK>(DEPTH, 7, &returning).expect("nobody asked"))),
        time(
            "is_stop_requested",
            Box::new(move || tree::<WORK>(DEPTH, 7, &|| assert!(!polled.is_stop_requested(), "nobody asked"))),
        ),
    ]
}

/// A stop that is raised so many frames below where it is caught; nanoseconds from the first call to the catch.
fn stop(scale: Scale, depth: u32) -> Vec<Contender> {
    // The frames between the bench and the descent cost something too.
    let stops = scale.operations(FRAMES) / (depth + 10);
    let source = StopSource::new();
    source.request();
    let (edge, token) = (UnwindBoundary::new(&source.token(), |_| ()), source.token());
    let time = move |name, stop: Box<dyn Fn() -> bool>| {
        Contender::new(name, move || {
            let start = Instant::now();
            (0..stops).for_each(|_| assert!(stop(), "it came out"));
            nanoseconds_each(start, stops)
        })
    };
    vec![
        time("UnwindBoundary::run", Box::new(move || edge.run(|| Ok(descend(depth, &cease_unwind::check))).is_err())),
        time(
            "resume_unwind",
            Box::new(move || {
                let raise = || resume_unwind(Box::new(black_box(7_u64)));
                catch_unwind(AssertUnwindSafe(|| descend(depth, &raise))).is_err()
            }),
        ),
        time("check()?", Box::new(move || descend_by_result(depth, &token).is_err())),
    ]
}

thread_local! { static LEFT: Cell<u64> = const { Cell::new(0) }; }

/// Counts the frames that were left.
struct Frame;

impl Drop for Frame {
    fn drop(&mut self) {
        LEFT.set(LEFT.get() + 1);
    }
}

/// Calls itself twice in each frame, so many frames deep, with a checkpoint in front.
#[inline(never)]
fn tree<const WORK: u32>(depth: u32, seed: u64, checkpoint: &impl Fn()) -> u64 {
    let _frame = Frame;
    checkpoint();
    let here = work::<WORK>(seed);
    if depth == 0 {
        return here;
    }
    let left = tree::<WORK>(depth - 1, here, checkpoint);
    left ^ tree::<WORK>(depth - 1, here + 1, checkpoint) ^ seed
}

/// The same with a checkpoint that leaves by `Err`.
#[inline(never)]
fn tree_by_result<const WORK: u32>(depth: u32, seed: u64, stop: &impl Checkpoint) -> Result<u64, Stopped> {
    let _frame = Frame;
    stop.check()?;
    let here = work::<WORK>(seed);
    if depth == 0 {
        return Ok(here);
    }
    let left = tree_by_result::<WORK>(depth - 1, here, stop)?;
    Ok(left ^ tree_by_result::<WORK>(depth - 1, here + 1, stop)? ^ seed)
}

/// What a frame does beside calling.
#[inline]
fn work<const ROUNDS: u32>(seed: u64) -> u64 {
    (0..ROUNDS).fold(seed, |mut random, _| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^ random << 17
    })
}

/// Goes so many frames down, calls `bottom` in the last, and counts them on the way back.
#[inline(never)]
fn descend(depth: u32, bottom: &impl Fn()) -> u32 {
    let _frame = Frame;
    if depth > 1 {
        return descend(depth - 1, bottom) + 1;
    }
    bottom();
    1
}

/// The same with a checkpoint at the bottom that leaves by `Err`.
#[inline(never)]
fn descend_by_result(depth: u32, stop: &impl Checkpoint) -> Result<u32, Stopped> {
    let _frame = Frame;
    if depth > 1 {
        return Ok(descend_by_result(depth - 1, stop)? + 1);
    }
    stop.check()?;
    Ok(1)
}
