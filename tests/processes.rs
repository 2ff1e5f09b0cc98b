//! One job, written once, under a flag and in a process.
#![cfg(not(any(loom, shuttle)))]

use std::time::Duration;

use cease_core::{Checkpoint, Exit, Job, Reason, Stopped, Strategy, current};
use cease_flag::Flag;
use cease_process::{Process, RemoteJob};
use serde::{Deserialize, Serialize};

/// Counts to a number, or waits for the stop when there is none; it tells how far it is where somebody listens.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Count {
    to: Option<u64>,
}

impl Job for Count {
    type Output = Vec<u64>;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Vec<u64>, Stopped> {
        let Some(to) = self.to else {
            stop.sleep(Duration::MAX)?;
            return Ok(Vec::new());
        };
        let mut counted = Vec::new();
        for number in 0..to {
            current::check()?;
            let _ = cease_process::progress(&number);
            counted.push(number);
        }
        Ok(counted)
    }
}

impl RemoteJob for Count {
    const NAME: &'static str = "count";
}

/// The process that is started for a worker comes here.
#[test]
fn worker() {
    cease_process::init([cease_process::job::<Count>()]);
}

#[test]
fn the_same_job_ends_the_same_under_a_flag_and_in_a_process() {
    let strategies: [Box<dyn Strategy<Count>>; 2] = [Box::new(Flag::new()), Box::new(Process::in_test("worker"))];
    for strategy in strategies {
        let name = strategy.contract().strategy;
        let worker = strategy.spawn(Count { to: Some(3) }).unwrap();
        assert_eq!(worker.join().unwrap().into_finished(), Some(vec![0, 1, 2]), "{name}");

        let worker = strategy.spawn(Count { to: None }).unwrap();
        assert!(worker.stop_with("enough"), "{name}");
        let exit = worker.join().unwrap();
        assert!(
            matches!(&exit, Exit::Stopped(stopped) if stopped.reason() == &Reason::from("enough")),
            "{name}: {exit:?}"
        );
    }
}
