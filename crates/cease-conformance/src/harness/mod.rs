//! Runs a law: with many rounds of real threads, in every order that loom finds, or in random orders under shuttle.
//!
//! Which one it is depends on how the test was built: without a cfg, with `--cfg loom` or with `--cfg shuttle`.
//! Each prints how much it has seen; loom fails a law of which it explored fewer interleavings than the law's floor.

mod alone;
mod counting;

#[cfg(loom)]
#[path = "loom.rs"]
mod runner;
#[cfg(shuttle)]
#[path = "shuttle.rs"]
mod runner;
#[cfg(not(any(loom, shuttle)))]
#[path = "rounds.rs"]
mod runner;

use cease_core::Strategy;

use crate::Act;
use crate::laws::{CHECKS, Check};

pub use counting::CountingAllocator;

/// Holds the strategy that `new` makes to `law`; `path` is the test's own path, as `module_path!` gives it.
///
/// A law that the strategy's contract excepts must fail, in a process of its own: the exception is shown, not believed.
///
/// # Panics
///
/// When the law is broken, when a model saw too little, or when a law that the contract excepts is kept.
pub fn hold<S, N>(path: &'static str, new: N, law: fn(&S))
where
    S: Strategy<Act> + 'static,
    N: Fn() -> S + Send + Sync + 'static,
{
    let (_, test) = path.split_once("::").expect("a test path starts with its crate");
    let check = find(test);
    if let Some(why) = new().contract().exception(check.law)
        && !alone::is_alone()
    {
        let output = alone::run(test);
        let law = check.law;
        assert!(
            !output.success,
            "{test}: the contract says that {law} is not kept ({why}), but it is:\n{}",
            output.text
        );
        println!("{test}: not kept, as the contract says: {why}");
        return;
    }
    runner::run(check, test, move || law(&new()));
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
    CHECKS.iter().find(|check| test.starts_with(check.name)).unwrap_or_else(|| panic!("{test} names no check"))
}
