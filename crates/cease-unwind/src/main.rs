//! The article's run, stopped by unwinding.

use std::process::ExitCode;

use cease_unwind::Unwind;

fn main() -> ExitCode {
    cease_demo::run(&Unwind::new())
}
