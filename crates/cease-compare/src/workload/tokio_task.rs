//! A task of tokio: computes a little, then sleeps a little, again and again.

use std::hint::black_box;
use std::time::Duration;

use cease_core::{Checkpoint, StopObserved, Stopped};
use cease_token::{AsyncJob, TaskStop};

use super::TaskWorkload;
use super::collatz::{BLOCK, Numbers, longest, numbers};
use crate::heartbeat::Heartbeat;

const INTERVAL: Duration = Duration::from_millis(1);

/// Computes and awaits by turns; the stop finds it at either.
#[derive(Debug)]
pub(crate) struct TokioTask {
    numbers: Numbers,
    heartbeat: Heartbeat,
    noticed: StopObserved,
}

impl TaskWorkload for TokioTask {
    const NAME: &'static str = "tokio-task";
    const ABOUT: &'static str = "a task of tokio: a block of numbers, then an await of a millisecond";

    fn new(heartbeat: Heartbeat, noticed: StopObserved) -> Self {
        Self { numbers: numbers(), heartbeat, noticed }
    }
}

impl AsyncJob for TokioTask {
    type Output = Result<(), String>;

    async fn run(self, stop: TaskStop) -> Result<Self::Output, Stopped> {
        loop {
            for block in self.numbers.chunks(BLOCK) {
                black_box(longest(block));
                self.heartbeat.beat();
                if stop.sleep(INTERVAL).await.is_err() {
                    self.noticed.watch(&stop).check()?;
                }
            }
        }
    }
}
