//! A job whose checkpoints note when the stop was first seen.

use cease_core::{Checkpoint, Job, Noticed, Stopped};

/// Runs a job unchanged, with a checkpoint that is watched.
#[derive(Debug)]
pub(crate) struct Timed<J> {
    job: J,
    noticed: Noticed,
}

impl<J> Timed<J> {
    /// Wraps `job`; the moment goes to `noticed`.
    pub(crate) const fn new(job: J, noticed: Noticed) -> Self {
        Self { job, noticed }
    }
}

impl<J: Job> Job for Timed<J> {
    type Output = J::Output;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<J::Output, Stopped> {
        self.job.run(&self.noticed.watch(stop))
    }
}
