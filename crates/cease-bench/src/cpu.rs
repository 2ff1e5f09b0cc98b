//! Which processors a thread runs on.

use std::hint::spin_loop;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

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

/// Measures on two pinned threads at once, of which this is one; what the slower one took counts, as one that gets ahead
/// while the other waits for it has saved nothing.
pub(crate) fn on_two(measure: impl Fn() -> f64 + Sync) -> io::Result<f64> {
    let ready = AtomicU32::new(0);
    let on = |processor| {
        pin(processor);
        // ORDERING: Relaxed: only the value matters, and nothing is published with it.
        ready.fetch_add(1, Ordering::Relaxed);
        // Who sleeps here would begin late by the time that a wake takes.
        // ORDERING: Relaxed: only the value matters, and nothing is published with it.
        while ready.load(Ordering::Relaxed) < 2 {
            spin_loop();
        }
        measure()
    };
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || on(1))?;
        let own = on(0);
        unpin();
        Ok(own.max(other.join().expect("what is measured does not panic")))
    })
}

fn apply(set: &CpuSet) {
    if let Err(error) = sched_setaffinity(None, set) {
        eprintln!("cease-bench: the processors of a thread were not set: {error}");
    }
}
