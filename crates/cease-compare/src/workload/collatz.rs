//! The arithmetic of the CPU loops: how long the Collatz sequences of many numbers are.

use std::sync::Arc;

/// How many numbers are one piece of work.
pub(super) const BLOCK: usize = 1024;

/// The numbers to go through.
pub(super) type Numbers = Arc<[u64]>;

/// The numbers from 1 on.
pub(super) fn numbers() -> Numbers {
    (1..=64 * BLOCK as u64).collect()
}

/// The steps of the longest sequence that starts in `block`.
pub(super) fn longest(block: &[u64]) -> u32 {
    block.iter().map(|&start| steps(start)).max().unwrap_or(0)
}

/// How many steps it takes from `number` to 1.
fn steps(mut number: u64) -> u32 {
    let mut steps = 0;
    while number > 1 {
        number = if number.is_multiple_of(2) { number / 2 } else { 3 * number + 1 };
        steps += 1;
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_sequence_is_the_known_one() {
        assert_eq!(steps(27), 111);
        assert_eq!(longest(&numbers()[..10_000]), 261);
        assert_eq!(longest(&[]), 0);
    }
}
