//! A strategy of one's own is held to every law, from outside.
//!
//! The suite itself is what is tested here, so real threads are enough.
#![cfg(not(any(loom, shuttle)))]

use cease_core::{Contract, Job, Modelled, RunsOn, SpawnError, StopSource, Strategy, ThreadBuilder, Worker};

const CONTRACT: Contract = Contract::new("own", RunsOn::Thread, Modelled::RealCode)
    .technique("what a user of the suite writes")
    .stops_at("a checkpoint")
    .cannot_stop("code without checkpoints");

struct Own;

impl<J: Job> Strategy<J> for Own {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        ThreadBuilder::new("own").spawn(source, job, |job, stop| job.run(stop))
    }
}

cease_conformance::laws!(own, crate::Own);
