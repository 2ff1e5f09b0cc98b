//! The article's run; a worker that does not stop is let go of.

use std::process::ExitCode;

use cease_abandon::Abandon;

fn main() -> ExitCode {
    let abandon = Abandon::new();
    let code = cease_demo::run(&abandon);
    abandon.left().left().iter().for_each(|left| eprintln!("cease-abandon: left behind: {left}"));
    code
}
