//! Every order that loom finds.

use std::io::{self, Write};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Once};

use cease_core::sync::model;
use loom::model::Builder;

use super::watch;
use crate::laws::Check;

/// What is left of the floor when `LOOM_MAX_PREEMPTIONS` asks for less than the check's own bound: more than one order.
const FLOOR_OF_A_QUICK_RUN: usize = 2;
/// How often loom may take the processor from a thread where waits end for no reason: one preemption lets a thread begin
/// what another one waits for, and one stops it in the middle.
const BOUND_OF_SPURIOUS_WAKES: usize = 2;
/// How many panics of one process are followed by the steps before them: a law may panic on purpose, often.
const SHOWN: usize = 3;

/// Explores `law`, prints how many interleavings there were, and fails when they were fewer than the floor.
///
/// A law in which a thread waits is explored once more with waits that end for no reason.
pub(super) fn run(check: &Check, test: &str, law: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
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

    show_steps_of_panics();
    let steps = model::steps();
    let _watch = watch::watch(test, move || steps.to_string());
    let law = Arc::new(law);
    model::has_waited();
    let explored = explore(&builder, &law);
    println!("{test}: {explored} interleavings, {extent}; the floor is {floor}");
    assert!(explored >= floor, "{test}: {explored} interleavings are fewer than the floor of {floor}");
    if model::has_waited() {
        builder.preemption_bound = Some(BOUND_OF_SPURIOUS_WAKES);
        model::wake_spuriously(true);
        let explored = explore(&builder, &law);
        model::wake_spuriously(false);
        println!("{test}: and {explored} in which each first wait ends for no reason");
    }
}

/// Explores `law` as far as `builder` says, and counts the interleavings.
fn explore(builder: &Builder, law: &Arc<impl Fn() + Send + Sync + 'static>) -> usize {
    let explored = Arc::new(AtomicUsize::new(0));
    let (count, law, steps) = (Arc::clone(&explored), Arc::clone(law), model::steps());
    builder.check(move || {
        // ORDERING: Relaxed: loom runs one iteration after the other.
        count.fetch_add(1, Relaxed);
        steps.clear();
        law();
    });
    // ORDERING: Relaxed, as above.
    explored.load(Relaxed)
}

/// Prints the last steps of a model behind the message of its panic, also when the process aborts next.
fn show_steps_of_panics() {
    static INSTALLED: Once = Once::new();
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            let steps = model::steps();
            // ORDERING: Relaxed: only the number matters.
            if !steps.is_empty() && SEEN.fetch_add(1, Relaxed) < SHOWN {
                // The message of the panic stands there already.
                let _ = writeln!(io::stderr(), "the last steps before this panic:\n{steps}");
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use cease_core::Law;
    use cease_core::sync::{Condvar, Mutex, lock, wait};

    use super::*;
    use crate::harness::alone;

    const CHECK: Check = Check { law: Law::L1, name: "model", preemptions: None, floor: 2 };

    #[test]
    #[should_panic(expected = "1 interleavings are fewer than the floor of 2")]
    fn a_model_that_saw_too_little_fails() {
        run(&CHECK, "vacuous", || ());
    }

    #[test]
    #[should_panic(expected = "woken for no reason")]
    fn a_wait_without_a_loop_fails() {
        run(&Check { floor: 1, ..CHECK }, "one look", || {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let other = Arc::clone(&shared);
            let telling = loom::thread::spawn(move || {
                *lock(&other.0) = true;
                other.1.notify_one();
            });
            let mut told = lock(&shared.0);
            if !*told {
                told = wait(&shared.1, told);
            }
            assert!(*told, "woken for no reason");
            drop(told);
            telling.join().expect("telling does not panic");
        });
    }

    #[test]
    fn a_model_that_never_ends() {
        if !is_shown() {
            return;
        }
        run(&CHECK, "endless", || {
            drop(lock(&Mutex::new(())));
            loop {
                std::thread::yield_now();
            }
        });
    }

    #[test]
    fn a_model_that_aborts() {
        if !is_shown() {
            return;
        }
        /// Panics while a panic unwinds.
        struct Second;
        impl Drop for Second {
            fn drop(&mut self) {
                panic!("a second panic");
            }
        }
        run(&CHECK, "aborting", || {
            drop(lock(&Mutex::new(())));
            let _second = Second;
            panic!("a first panic");
        });
    }

    /// Whether this process was started to be ended by its test.
    fn is_shown() -> bool {
        std::env::var_os("CEASE_SHOWN").is_some()
    }

    /// Runs a test of this module that ends its process, and returns what that printed.
    fn text_of(name: &str) -> String {
        let path = module_path!().split_once("::").expect("a path starts with its crate").1;
        let output = alone::run(&format!("{path}::{name}"), &[("CEASE_LAW_LIMIT", "1"), ("CEASE_SHOWN", "1")]);
        assert!(!output.success, "{}", output.text);
        output.text
    }

    #[test]
    fn a_model_that_does_not_end_is_ended_and_shows_its_last_steps() {
        let text = text_of("a_model_that_never_ends");
        assert!(text.contains("endless: no end within 1s; the last steps:"), "{text}");
        assert!(text.contains(concat!(" lock at ", file!())), "{text}");
    }

    #[test]
    fn a_model_that_aborts_shows_its_last_steps() {
        let text = text_of("a_model_that_aborts");
        assert!(text.contains("a first panic") && text.contains("the last steps before this panic:"), "{text}");
        assert!(text.contains(concat!(" lock at ", file!())), "{text}");
    }
}
