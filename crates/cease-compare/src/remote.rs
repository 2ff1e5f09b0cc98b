//! The strategy whose jobs run in other processes; they report from there what is measured.

use std::time::Duration;

use cease_core::{Contract, SpawnError, StopSource, Strategy, Worker};
use cease_process::ladder::GracePeriods;
use cease_process::{CONTRACT, Process, Progress};

use crate::news::News;
use crate::timed::Timed;
use crate::workload::Workload;

/// The process strategy, which records what its jobs report.
#[derive(Debug)]
pub(crate) struct InProcess {
    budgets: GracePeriods,
}

impl InProcess {
    /// Asks for so long, then sends SIGTERM, and SIGKILL after half of that time again.
    pub(crate) fn new(ask: Duration) -> Self {
        Self { budgets: GracePeriods { ask, term: ask / 2, ..GracePeriods::default() } }
    }
}

impl<W: Workload> Strategy<Timed<W>> for InProcess {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: Timed<W>, source: StopSource) -> Result<Worker<W::Output>, SpawnError<Timed<W>>> {
        let (heartbeat, noticed) = (job.heartbeat.clone(), job.noticed.clone());
        let hear = move |told: Progress<'_>| match told.decode() {
            Ok(News::Works) => heartbeat.announce(),
            Ok(News::StopObserved(at)) => noticed.note(at.into()),
            // A job sends nothing else, so an unknown message comes from no job.
            Err(_) => {}
        };
        Process::new().budgets(self.budgets).on_progress(hear).spawn_with(job, source)
    }
}
