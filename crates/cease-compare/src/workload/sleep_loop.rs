//! The article's sleep loop: starts something, then sleeps for three seconds, again and again.

use std::path::Path;
use std::time::Duration;

use cease_core::{Checkpoint, Job, Stopped};
use serde::{Deserialize, Serialize};

use super::Workload;
use crate::heartbeat::Heartbeat;
use crate::news::News;

const INTERVAL: Duration = Duration::from_secs(3);

/// Starts something, then sleeps; the stop finds it asleep.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SleepLoop {
    #[serde(skip, default = "News::heartbeat")]
    heartbeat: Heartbeat,
}

impl Workload for SleepLoop {
    const NAME: &'static str = "sleep-loop";
    const ABOUT: &'static str = "the article's loop: starts something, then sleeps for three seconds";

    type Material = ();

    fn material(_input: &Path) -> Result<(), String> {
        Ok(())
    }

    fn new((): &(), heartbeat: Heartbeat) -> Self {
        Self { heartbeat }
    }
}

impl Job for SleepLoop {
    type Output = Result<(), String>;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped> {
        loop {
            self.heartbeat.beat();
            stop.sleep(INTERVAL)?;
        }
    }
}
