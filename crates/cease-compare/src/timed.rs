//! A job whose checkpoints note when the stop was first seen.

use cease_core::{Checkpoint, Job, StopObserved, Stopped};
use cease_process::RemoteJob;
use serde::{Deserialize, Serialize};

use crate::pulse::Pulse;
use crate::remote::News;
use crate::workload::Workload;

/// Runs the job of a workload unchanged, with a checkpoint that is watched.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Timed<W> {
    job: W,
    /// The pulse of the job, for whoever hears of it in another way.
    #[serde(skip)]
    pub(crate) pulse: Pulse,
    /// When the job saw the stop.
    #[serde(skip)]
    pub(crate) noticed: StopObserved,
}

impl<W: Workload> Timed<W> {
    /// One job on `material`, which beats `pulse`; the moment goes to `noticed`.
    pub(crate) fn new(material: &W::Material, pulse: Pulse, noticed: StopObserved) -> Self {
        Self { job: W::new(material, pulse.clone()), pulse, noticed }
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
