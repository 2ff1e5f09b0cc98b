//! A CPU loop that never checks, but is traced: the attribute puts the checkpoints in.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use cease_core::{Checkpoint, Job, Stopped};
use cease_trace::traced;
use serde::{Deserialize, Serialize};

use super::Workload;
use super::collatz::{BLOCK, Numbers, longest, numbers};
use crate::heartbeat::Heartbeat;
use crate::news::News;

/// Computes without an end, and knows nothing of stopping.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CpuTraced {
    #[serde(skip, default = "numbers")]
    numbers: Numbers,
    #[serde(skip, default = "News::heartbeat")]
    heartbeat: Heartbeat,
}

impl Workload for CpuTraced {
    const NAME: &'static str = "cpu-traced";
    const ABOUT: &'static str = "the same CPU loop without a checkpoint of its own, in a `#[traced]` function";

    type Material = Numbers;

    fn material(_input: &Path) -> Result<Numbers, String> {
        Ok(numbers())
    }

    fn new(numbers: &Numbers, heartbeat: Heartbeat) -> Self {
        Self { numbers: Arc::clone(numbers), heartbeat }
    }
}

impl Job for CpuTraced {
    type Output = Result<(), String>;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped> {
        let _left = Left(stop);
        compute(&self.numbers, &self.heartbeat)
    }
}

/// Asks on the way out, so that the moment of the stop is noted: traced code has no checkpoint that could.
struct Left<'a, C: Checkpoint>(&'a C);

impl<C: Checkpoint> Drop for Left<'_, C> {
    fn drop(&mut self) {
        self.0.is_stop_requested();
    }
}

#[traced]
fn compute(numbers: &Numbers, heartbeat: &Heartbeat) -> ! {
    loop {
        for block in numbers.chunks(BLOCK) {
            black_box(longest(block));
            heartbeat.beat();
        }
    }
}
