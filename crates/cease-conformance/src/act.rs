//! The one job that all laws use: a closure that takes any checkpoint.

use cease_core::{Checkpoint, Job, Stopped};

type Body = dyn FnOnce(&dyn Checkpoint) -> Result<u32, Stopped> + Send;

/// A job made of a closure; a strategy that runs it can be held to the laws.
pub struct Act(Box<Body>);

impl Act {
    /// The job that calls `body`.
    pub fn new(body: impl FnOnce(&dyn Checkpoint) -> Result<u32, Stopped> + Send + 'static) -> Self {
        Self(Box::new(body))
    }
}

impl Job for Act {
    type Output = u32;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<u32, Stopped> {
        (self.0)(stop)
    }
}

impl std::fmt::Debug for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Act")
    }
}
