//! The article's run, stopped by a channel that is disconnected.

use std::process::ExitCode;

use cease_channel::Channel;

fn main() -> ExitCode {
    cease_demo::run(&Channel::new())
}
