//! A strategy that breaks laws and says so: the suite shows it breaking those, and keeping all others.
//!
//! The suite itself is what is tested here, so real threads are enough.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind};

use cease_core::{
    Contract, Exception, Job, Law, Modelled, RunsOn, SpawnError, StopSource, Strategy, ThreadBuilder, Worker,
};

const CONTRACT: Contract = Contract {
    strategy: "weak",
    technique: "a panic is taken for a stop, and each worker leaks",
    runs_on: RunsOn::Thread,
    stops_at: "a checkpoint",
    cannot_stop: "code without checkpoints",
    modelled: Modelled::RealCode,
    exceptions: &[
        Exception { law: Law::L9, why: "it waits for the stop and reports that instead" },
        Exception { law: Law::L18, why: "it forgets a kilobyte for each worker" },
    ],
};

struct Weak;

impl<J: Job> Strategy<J> for Weak {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        std::mem::forget(Box::new([0_u8; 1024]));
        ThreadBuilder::new("weak").spawn(source, job, |job, stop| {
            let outcome = catch_unwind(AssertUnwindSafe(|| job.run(stop)));
            outcome.unwrap_or_else(|_| Err(stop.wait().expect("the law keeps a source")))
        })
    }
}

cease_conformance::laws!(weak, crate::Weak);
