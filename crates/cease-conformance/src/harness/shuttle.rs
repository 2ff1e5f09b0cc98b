//! Random orders under shuttle: no evidence about memory ordering, but about waiting.

use crate::laws::Check;

const ITERATIONS: usize = 2000;
const DEPTH: usize = 3;

/// Runs `law` in orders chosen at random, and then in orders that change few times but in unlikely places.
pub(super) fn run(_check: &Check, test: &str, law: impl Fn() + Send + Sync + 'static) {
    let _watch = super::watch::watch(test, || "shuttle keeps no steps, but prints a schedule to replay".to_owned());
    let law = std::sync::Arc::new(law);
    let again = std::sync::Arc::clone(&law);
    shuttle::check_random(move || law(), ITERATIONS);
    shuttle::check_pct(move || again(), ITERATIONS, DEPTH);
    println!("{test}: {ITERATIONS} random orders and as many with {DEPTH} changes");
}
