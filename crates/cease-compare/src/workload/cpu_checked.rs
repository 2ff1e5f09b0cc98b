//! A CPU loop with checkpoints: arithmetic without an end, with a check before each block.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use cease_core::{Checkpoint, Job, Stopped};
use serde::{Deserialize, Serialize};

use super::Workload;
use super::collatz::{BLOCK, Numbers, longest, numbers};
use crate::heartbeat::Heartbeat;
use crate::news::News;

/// Computes without an end, and checks before each block.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CpuChecked {
    #[serde(skip, default = "numbers")]
    numbers: Numbers,
    #[serde(skip, default = "News::heartbeat")]
    heartbeat: Heartbeat,
}

impl Workload for CpuChecked {
    const NAME: &'static str = "cpu-checked";
    const ABOUT: &'static str = "a CPU loop with a checkpoint before each block of 1024 numbers";

    type Material = Numbers;

    fn material(_input: &Path) -> Result<Numbers, String> {
        Ok(numbers())
    }

    fn new(numbers: &Numbers, heartbeat: Heartbeat) -> Self {
        Self { numbers: Arc::clone(numbers), heartbeat }
    }
}

impl Job for CpuChecked {
    type Output = Result<(), String>;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped> {
        loop {
            for block in stop.chunks(&self.numbers, BLOCK) {
                black_box(longest(block?));
                self.heartbeat.beat();
            }
        }
    }
}
