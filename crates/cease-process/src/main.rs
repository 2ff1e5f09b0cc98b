//! The article's run, stopped by ending a process.

use std::process::ExitCode;

use cease_core::{Checkpoint, Job, Stopped, Strategy};
use cease_demo::{Envelope, Unwritten};
use cease_process::{CONTRACT, Process, RemoteJob};
use serde::{Deserialize, Serialize};

/// The article's class, which travels.
#[derive(Serialize, Deserialize)]
struct Ticking(Envelope);

impl Job for Ticking {
    type Output = Unwritten;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Unwritten, Stopped> {
        self.0.run(stop, |note| drop(cease_process::progress(&note)))
    }
}

impl RemoteJob for Ticking {
    const NAME: &'static str = "ticking";
}

fn main() -> ExitCode {
    cease_process::init([cease_process::job::<Ticking>()]);
    cease_demo::run_travelling(&CONTRACT, |envelope, source, tell| {
        let hear = move |progress: cease_process::Progress<'_>| progress.decode().map_or((), &tell);
        let process = Process::new().name(envelope.name()).on_progress(hear);
        process.spawn_with(Ticking(envelope), source).map_err(|error| error.os_error().to_string())
    })
}
