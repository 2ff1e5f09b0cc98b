//! The article's run, stopped as a traced thread is.

use std::process::ExitCode;

use cease_trace::Trace;

fn main() -> ExitCode {
    cease_demo::run(&Trace::new())
}
