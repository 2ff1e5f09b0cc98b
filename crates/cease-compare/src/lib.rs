#![doc = include_str!("../README.md")]
#![cfg(not(any(loom, shuttle)))]

mod audit;
mod cell;
mod child;
mod cli;
mod compare;
mod exit;
mod expected;
mod heartbeat;
mod latency;
mod matrix;
mod moment;
mod news;
mod plan;
mod progress;
mod random;
mod remote;
mod report;
mod runtime;
mod spec;
mod supervisor;
mod table;
mod timed;
mod trial;
mod verdict;
mod workload;

use std::env;
use std::process::ExitCode;

use cli::Cli;

/// Does what the command line of this process asks for: the whole of the binary `cease`.
pub fn run() -> ExitCode {
    matrix::init();
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == child::MARK) {
        return child::main(arguments).into();
    }
    let code = match Cli::read() {
        Ok(Some(cli)) => compare::main(&cli),
        Ok(None) => Ok(exit::AS_EXPECTED),
        Err(failure) => Err(failure),
    };
    code.unwrap_or_else(|failure| {
        exit::complain(&failure.text);
        failure.code
    })
    .into()
}
