//! One thing that is measured.

use std::io;

/// One thing that is measured.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    /// Runs one round and returns what it has measured, mostly nanoseconds for each operation.
    pub(crate) round: Box<dyn FnMut() -> io::Result<f64>>,
}

impl Contender {
    pub(crate) fn new(name: &'static str, mut round: impl FnMut() -> f64 + 'static) -> Self {
        Self::fallible(name, move || Ok(round()))
    }

    /// A contender that needs what the system may refuse.
    pub(crate) fn fallible(name: &'static str, round: impl FnMut() -> io::Result<f64> + 'static) -> Self {
        Self { name, round: Box::new(round) }
    }
}
