//! The article's run, stopped by a flag.

use std::process::ExitCode;

use cease_flag::Flag;

fn main() -> ExitCode {
    cease_demo::run(&Flag::new())
}
