//! A strategy that breaks laws and says so: the suite shows it breaking those, and keeping all others.
//!
//! It breaks them only where it is careless, so it is given twice. One law of it has two checks, of which one holds all the
//! same; and what is no breach of the law itself is not taken for one.
//!
//! The suite itself is what is tested here, so real threads are enough.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use cease_conformance::Act;
use cease_core::{
    Contract, Exception, Exit, Job, Law, Modelled, Reason, RunsOn, SpawnError, StopSource, StopToken, Strategy,
    ThreadBuilder, Worker, WorkerHandle,
};

const CONTRACT: Contract = Contract::new("weak", RunsOn::Thread, Modelled::RealCode)
    .technique("a panic is taken for a stop, each worker leaks, and dropping one lets go of it")
    .stops_at("a checkpoint")
    .cannot_stop("code without checkpoints")
    .exceptions(&[
        Exception::new(Law::L9, "it waits for the stop and reports that instead"),
        Exception::new(Law::L10, "dropping lets go, and only detaching is as promised"),
        Exception::new(Law::L18, "it forgets a kilobyte for each worker"),
    ]);

/// Breaks its laws when it is careless.
struct Weak {
    careless: bool,
}

impl<J: Job> Strategy<J> for Weak {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        let builder = ThreadBuilder::new("weak");
        if !self.careless {
            return builder.spawn(source, job, |job, stop| job.run(stop));
        }
        std::mem::forget(Box::new([0_u8; 1024]));
        let worker = builder.spawn(source.clone(), job, |job, stop| {
            let outcome = catch_unwind(AssertUnwindSafe(|| job.run(stop)));
            outcome.unwrap_or_else(|_| Err(stop.wait().expect("the law keeps a source")))
        })?;
        Ok(Worker::new("weak", source, Box::new(Loose { worker: Some(worker), ended: StopSource::new().token() })))
    }
}

/// A worker that is let go of when it is joined after it was dropped.
struct Loose<T> {
    worker: Option<Worker<T>>,
    ended: StopToken,
}

impl<T: Send> WorkerHandle<T> for Loose<T> {
    fn ended(&self) -> &StopToken {
        self.worker.as_ref().map_or(&self.ended, Worker::ended)
    }

    fn is_current(&self) -> bool {
        self.worker.as_ref().is_some_and(Worker::is_current)
    }

    fn join(mut self: Box<Self>) -> Exit<T> {
        let worker = self.worker.take().expect("it is taken once");
        if worker.source().token().reason() == Some(&Reason::OwnerDropped) {
            worker.detach();
            return Exit::Abandoned;
        }
        worker.join().expect("joined from outside")
    }
}

impl<T> Drop for Loose<T> {
    fn drop(&mut self) {
        self.worker.take().into_iter().for_each(Worker::detach);
    }
}

cease_conformance::laws!(weak, crate::Weak { careless: false }, excepted: crate::Weak { careless: true });

/// Holds the careful strategy to a check of a law that its contract excepts, and expects that this is refused.
fn refused(path: &'static str, law: fn(&dyn Strategy<Act>), said: &str) {
    let careful = || -> Box<dyn Strategy<Act>> { Box::new(Weak { careless: false }) };
    let held = catch_unwind(|| cease_conformance::harness::hold(path, careful, careful, law));
    if std::env::var_os("CEASE_ALONE").is_some() {
        return held.unwrap_or_else(|payload| resume_unwind(payload));
    }
    let payload = held.unwrap_err();
    let message = payload.downcast_ref::<String>().unwrap();
    assert!(message.contains(said), "{message}");
}

/// A test of `refused` for each check, which also runs it alone.
macro_rules! refused {
    ($($name:ident: $law:expr, $said:literal;)*) => {
        $(
            mod $name {
                #[test]
                fn weak() {
                    crate::refused(concat!(module_path!(), "::weak"), $law, $said);
                }
            }
        )*
    };
}

refused! {
    l9_a_panic_is_reported_with_a_contract_that_lies:
        cease_conformance::laws::l9_a_panic_is_reported, "the contract says that L9 is not kept";
    l9_a_panic_is_reported_by_another_failure:
        |_| panic!("the disk is full"), "fails, but not as L9 does when it is broken";
    l10_drop_stops_and_joins_with_a_contract_that_lies:
        cease_conformance::laws::l10_drop_stops_and_joins, "the contract says that L10 is not kept";
    l10_only_detach_lets_go_with_a_contract_that_lies:
        cease_conformance::laws::l10_only_detach_lets_go, "the contract says that L10 is not kept";
}
