//! The article's run; a worker that does not stop is let go of.

use std::process::ExitCode;

use cease_abandon::Abandon;

fn main() -> ExitCode {
    let abandon = Abandon::new();
    let code = cease_demo::run(&abandon);
    tell(&abandon);
    code
}

/// Says what was left behind.
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
fn tell(abandon: &Abandon) {
    use std::io::{self, Write};

    for left in abandon.abandoned().abandoned() {
        // Nobody is left to tell when this fails, and the exit code says it too.
        let _ = writeln!(io::stderr(), "cease-abandon: left behind: {left}");
    }
}

/// Outside Linux, and in a model, the account does not list its threads.
#[cfg(any(not(target_os = "linux"), loom, shuttle))]
fn tell(_abandon: &Abandon) {}
