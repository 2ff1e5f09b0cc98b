//! Which processors a thread runs on.

use std::sync::OnceLock;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The processors that the program was given; a pinned thread sees, and hands on, only its own.
static GIVEN: OnceLock<CpuSet> = OnceLock::new();

/// Notes which processors there are; called before anything is pinned.
pub(crate) fn note_given() {
    GIVEN.get_or_init(|| sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new()));
}

/// Keeps the calling thread on the `number`th processor, counted round; a refusal only adds noise, and is said.
pub(crate) fn pin(number: usize) {
    let Some(given) = GIVEN.get().filter(|given| given.count() > 0) else { return };
    let processors = (0..CpuSet::MAX_CPU).filter(|processor| given.is_set(*processor));
    let mut set = CpuSet::new();
    set.set(processors.cycle().nth(number).expect("at least one is given"));
    apply(&set);
}

/// Lets the calling thread run on every processor again.
pub(crate) fn unpin() {
    if let Some(given) = GIVEN.get() {
        apply(given);
    }
}

fn apply(set: &CpuSet) {
    if let Err(error) = sched_setaffinity(None, set) {
        eprintln!("cease-bench: the processors of a thread were not set: {error}");
    }
}
