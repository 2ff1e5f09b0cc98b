//! A job whose checkpoints note when the stop was first seen.

use cease_core::{Checkpoint, Job, StopObserved, Stopped};
use cease_process::RemoteJob;
use serde::{Deserialize, Serialize};

use crate::heartbeat::Heartbeat;
use crate::news::News;
use crate::workload::Workload;

/// Runs the job of a workload unchanged, with a checkpoint that is watched.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timed<W> {
    job: W,
    /// The heartbeat of the job; a strategy whose job runs in another process announces its first beat.
    #[serde(skip, default = "News::heartbeat")]
    pub(crate) heartbeat: Heartbeat,
    /// When the job saw the stop.
    #[serde(skip)]
    pub(crate) noticed: StopObserved,
}

impl<W: Workload> Timed<W> {
    /// One job on `material`, which beats `heartbeat`; the moment goes to `noticed`.
    pub(crate) fn new(material: &W::Material, heartbeat: Heartbeat, noticed: StopObserved) -> Self {
        Self { job: W::new(material, heartbeat.clone()), heartbeat, noticed }
    }
}

impl<W: Workload> Job for Timed<W> {
    type Output = W::Output;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<W::Output, Stopped> {
        let ended = self.job.run(&self.noticed.watch(stop));
        if let Some(at) = self.noticed.at() {
            News::StopObserved(at.into()).tell();
        }
        ended
    }
}

impl<W: Workload> RemoteJob for Timed<W> {
    const NAME: &'static str = W::NAME;
}
