//! A CPU loop that never checks: the same arithmetic without a checkpoint.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use cease_core::{Checkpoint, Job, Stopped};
use serde::{Deserialize, Serialize};

use super::Workload;
use super::collatz::{BLOCK, Numbers, longest, numbers};
use crate::heartbeat::Heartbeat;
use crate::news::News;

/// Computes without an end, and never checks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CpuUnchecked {
    #[serde(skip, default = "numbers")]
    numbers: Numbers,
    #[serde(skip, default = "News::heartbeat")]
    heartbeat: Heartbeat,
}

impl Workload for CpuUnchecked {
    const NAME: &'static str = "cpu-unchecked";
    const ABOUT: &'static str = "the same CPU loop without a checkpoint";

    type Material = Numbers;

    fn material(_input: &Path) -> Result<Numbers, String> {
        Ok(numbers())
    }

    fn new(numbers: &Numbers, heartbeat: Heartbeat) -> Self {
        Self { numbers: Arc::clone(numbers), heartbeat }
    }
}

impl Job for CpuUnchecked {
    type Output = Result<(), String>;

    fn run<C: Checkpoint>(self, _stop: &C) -> Result<Self::Output, Stopped> {
        loop {
            for block in self.numbers.chunks(BLOCK) {
                black_box(longest(block));
                self.heartbeat.beat();
            }
        }
    }
}
