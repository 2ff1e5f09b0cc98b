//! The strategy whose jobs run in other processes, and how they tell from there what is measured.

use std::time::Duration;

use cease_core::{Contract, SpawnError, StopSource, Strategy, Worker};
use cease_process::ladder::GracePeriods;
use cease_process::{CONTRACT, Process, Progress};
use serde::{Deserialize, Serialize};

use crate::moment::Moment;
use crate::timed::Timed;
use crate::workload::Workload;

/// What a job tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// It has done its first piece of work.
    Works,
    /// A checkpoint of it saw the stop then.
    StopObserved(Moment),
}

impl News {
    /// Tells the one who started this process; in a process that was started for no job, nothing happens.
    pub(crate) fn tell(self) {
        // When nobody listens any more, there is nobody to tell that either.
        let _ = cease_process::progress(&self);
    }
}

/// The process strategy, which hears of a job what the others see.
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
        let (pulse, noticed) = (job.pulse.clone(), job.noticed.clone());
        let hear = move |told: Progress<'_>| match told.decode() {
            Ok(News::Works) => pulse.announce(),
            Ok(News::StopObserved(at)) => noticed.note(at.into()),
            // It tells nothing else, so what is not understood was not told.
            Err(_) => {}
        };
        Process::new().budgets(self.budgets).on_progress(hear).spawn_with(job, source)
    }
}
