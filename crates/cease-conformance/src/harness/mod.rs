//! Runs a law: with many rounds of real threads, in every order that loom finds, or in random orders under shuttle.
//!
//! Which one it is depends on how the test was built: without a cfg, with `--cfg loom` or with `--cfg shuttle`.
//! Each law runs in a process of its own, under a limit.
//! Each prints how much it has seen; loom fails a law of which it explored fewer interleavings than the law's floor.

mod alone;
mod counting;
#[cfg(any(loom, shuttle))]
mod watch;

#[cfg(loom)]
#[path = "loom.rs"]
mod runner;
#[cfg(shuttle)]
#[path = "shuttle.rs"]
mod runner;
#[cfg(not(any(loom, shuttle)))]
#[path = "rounds.rs"]
mod runner;

use cease_core::{Law, Modelled, Strategy};

use crate::Act;
use crate::faults::Failure;
use crate::laws::{CHECKS, Check, ITEM_CHECKS, MIRROR_CHECKS, PROCESS_CHECKS, UNWIND_CHECKS};

pub use counting::CountingAllocator;
#[cfg(not(any(loom, shuttle)))]
pub use counting::live_bytes;

/// How often loom may take the processor from a thread of a strategy over a stand-in.
const BOUND_OF_A_STAND_IN: usize = 3;
/// The least that it must have explored then.
const FLOOR_OF_A_STAND_IN: usize = 2;
/// How often where a law is to be broken, which takes no rare order; what holds is not shown by it.
const BOUND_OF_AN_EXCEPTION: usize = 2;

/// Holds the strategy that `new` makes to `law`; `path` is the test's own path, as `module_path!` gives it.
///
/// A law that the strategy's contract excepts is run on what `excepted` makes, and must fail, in a process of its own: the
/// exception is shown, not believed.
/// One of several checks of such a law may hold all the same, where another one of them, run alone, fails.
///
/// # Panics
///
/// When the law is broken, when a model saw too little, or when a law that the contract excepts is kept, or fails in a way
/// that is not its own.
pub fn hold(
    path: &'static str,
    new: fn() -> Box<dyn Strategy<Act>>,
    excepted: fn() -> Box<dyn Strategy<Act>>,
    law: fn(&dyn Strategy<Act>),
) {
    let (_, test) = path.split_once("::").expect("a test path starts with its crate");
    let check = find(test);
    let contract = new().contract();
    if contract.exception(check.law).is_none() && !alone::is_alone() {
        return alone::hold(test);
    }
    let sized = bounded(check, contract.modelled);
    #[cfg(any(loom, shuttle))]
    println!("{test}: the model sees {}", contract.modelled);
    match contract.exception(check.law) {
        None => runner::run(&sized, test, move || law(&*new())),
        Some(_) if alone::is_excepted() => {
            let sized = Check { preemptions: Some(BOUND_OF_AN_EXCEPTION), floor: FLOOR_OF_A_STAND_IN, ..sized };
            runner::run(&sized, test, move || law(&*excepted()));
        }
        Some(why) => show_exception(check, test, why),
    }
}

/// Shows that a law is not kept, by this check or by another one of the same law.
fn show_exception(check: &Check, test: &str, why: &str) {
    if breaks(check, test) {
        println!("{test}: not kept, as the contract says: {why}");
        return;
    }
    let others = CHECKS.iter().filter(|other| other.law == check.law && other.name != check.name);
    let breaker = others.into_iter().find(|other| breaks(other, &test.replacen(check.name, other.name, 1)));
    let law = check.law;
    let breaker =
        breaker.unwrap_or_else(|| panic!("{test}: the contract says that {law} is not kept ({why}), but it is"));
    println!("{test}: holds, though the contract excepts {law}, which {} shows", breaker.name);
}

/// Whether a check fails alone, as a broken law does.
fn breaks(check: &Check, test: &str) -> bool {
    let output = alone::run_excepted(test);
    let own = Failure::of(&output.text).is_some();
    assert!(output.success || own, "{test}: fails, but not as {} does when it is broken:\n{}", check.law, output.text);
    !output.success
}

/// Holds a strategy to `law`, which concerns few of them and has the strategy in it: one of [`ITEM_CHECKS`], [`MIRROR_CHECKS`],
/// [`PROCESS_CHECKS`] or [`UNWIND_CHECKS`].
///
/// # Panics
///
/// When the law is broken, or when a model saw too little.
pub fn hold_few(path: &'static str, law: fn()) {
    let (_, test) = path.split_once("::").expect("a test path starts with its crate");
    if !alone::is_alone() {
        return alone::hold(test);
    }
    runner::run(find(test), test, law);
}

/// Runs a check that is a strategy's own: with real threads many times, under loom in every order with at most
/// `preemptions` preemptions, of which there must be `floor`.
///
/// # Panics
///
/// When `check` does, or when a model saw too little.
pub fn explore(name: &'static str, preemptions: Option<usize>, floor: usize, check: fn()) {
    runner::run(&Check { law: Law::L7, name, preemptions, floor }, name, check);
}

/// Fails unless `names` are the names of all `checks`.
///
/// # Panics
///
/// When they are not.
pub fn assert_few_listed(names: &[&str], checks: &[Check]) {
    let all: Vec<_> = checks.iter().map(|check| check.name).collect();
    assert_eq!(names, all);
}

/// The check with a bound that suits how much of the strategy is modelled.
///
/// A stand-in brings locks of its own, so to explore every order of it takes hours, and says nothing about the library.
fn bounded(check: &Check, modelled: Modelled) -> Check {
    match modelled {
        Modelled::RealCode => *check,
        _ => Check { preemptions: Some(BOUND_OF_A_STAND_IN), floor: FLOOR_OF_A_STAND_IN, ..*check },
    }
}

/// Fails unless `names` are the names of all checks, so that none is forgotten where they are listed.
///
/// # Panics
///
/// When they are not.
pub fn assert_listed(names: &[&str]) {
    let all: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names, all);
}

fn find(test: &str) -> &'static Check {
    CHECKS
        .iter()
        .chain(ITEM_CHECKS)
        .chain(MIRROR_CHECKS)
        .chain(PROCESS_CHECKS)
        .chain(UNWIND_CHECKS)
        .find(|check| test.starts_with(check.name))
        .unwrap_or_else(|| panic!("{test} names no check"))
}
