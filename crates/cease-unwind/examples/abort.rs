//! A job that is refused, because the program was built with `panic = "abort"`.
//!
//! `cargo run -p cease-unwind --example abort --config 'profile.dev.panic="abort"'`

use cease_core::{Checkpoint, Job, StopSource, Stopped, Strategy, UnwindBoundary};
use cease_unwind::Unwind;

struct Parcel(String);

impl Job for Parcel {
    type Output = String;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<String, Stopped> {
        stop.check()?;
        Ok(self.0)
    }
}

fn main() {
    match Unwind::new().name("post").spawn(Parcel("precious".into())) {
        Ok(worker) => println!("started: {:?}", worker.join()),
        Err(error) => {
            println!("{error}");
            println!("{:?}", error.os_error().kind());
            println!("handed back: {}", error.into_job().0);
        }
    }
    // Whoever makes an edge by hand is not refused; its checkpoints return then, and `?` passes the stop on.
    let source = StopSource::new();
    source.request_with("enough");
    let edge = UnwindBoundary::new(&source.token(), |_| ());
    println!("{:?}", edge.run(|| edge.check()).map_err(|stopped| stopped.reason().to_string()));
}
