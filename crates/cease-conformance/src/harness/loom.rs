//! Every order that loom finds.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::laws::Check;

/// What is left of the floor when `LOOM_MAX_PREEMPTIONS` asks for less than the check's own bound: more than one order.
const FLOOR_OF_A_QUICK_RUN: usize = 2;

/// Explores `law`, prints how many interleavings there were, and fails when they were fewer than the floor.
pub(super) fn run(check: &Check, test: &str, law: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    assert!(
        builder.max_permutations.is_none() && builder.max_duration.is_none(),
        "a model that ends early proves nothing"
    );
    builder.max_branches = 20_000;
    let asked = builder.preemption_bound;
    builder.preemption_bound = asked.or(check.preemptions);
    let quick = asked.is_some_and(|asked| check.preemptions.is_none_or(|own| asked < own));
    let floor = if quick { FLOOR_OF_A_QUICK_RUN } else { check.floor };
    let extent = match builder.preemption_bound {
        None => "all there are".to_owned(),
        Some(bound) => format!("all with at most {bound} preemptions"),
    };

    let explored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&explored);
    builder.check(move || {
        // ORDERING: Relaxed: loom runs one iteration after the other.
        count.fetch_add(1, Relaxed);
        law();
    });
    // ORDERING: Relaxed, as above.
    let explored = explored.load(Relaxed);
    println!("{test}: {explored} interleavings, {extent}; the floor is {floor}");
    assert!(explored >= floor, "{test}: {explored} interleavings are fewer than the floor of {floor}");
}

#[cfg(test)]
mod tests {
    use cease_core::Law;

    use super::*;

    #[test]
    #[should_panic(expected = "1 interleavings are fewer than the floor of 2")]
    fn a_model_that_saw_too_little_fails() {
        run(&Check { law: Law::L1, name: "vacuous", preemptions: None, floor: 2 }, "vacuous", || ());
    }
}
