//! The article's run; a worker that does not stop is let go of.

use std::io::{self, Write};
use std::process::ExitCode;

use cease_abandon::Abandon;

fn main() -> ExitCode {
    let abandon = Abandon::new();
    let code = cease_demo::run(&abandon);
    for left in abandon.left().left() {
        // Nobody is left to tell when this fails, and the exit code says it too.
        let _ = writeln!(io::stderr(), "cease-abandon: left behind: {left}");
    }
    code
}
