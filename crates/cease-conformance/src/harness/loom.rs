//! Every order that loom finds.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use crate::laws::Check;

/// How often loom may take the processor from a thread that could go on, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
const PREEMPTIONS: usize = 2;

/// Explores `law`, prints how many interleavings there were, and fails when they were fewer than the floor.
pub(super) fn run(check: &Check, test: &str, law: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    let bound = *builder.preemption_bound.get_or_insert(PREEMPTIONS);
    assert!(
        builder.max_permutations.is_none() && builder.max_duration.is_none(),
        "a model that ends early proves nothing"
    );
    let explored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&explored);
    builder.check(move || {
        // ORDERING: Relaxed: loom runs one iteration after the other.
        count.fetch_add(1, Relaxed);
        law();
    });
    // ORDERING: Relaxed, as above.
    let explored = explored.load(Relaxed);
    println!("{test}: {explored} interleavings, all with at most {bound} preemptions");
    assert!(explored >= check.floor, "{test}: {explored} interleavings are fewer than the floor of {}", check.floor);
}
