#![doc = include_str!("../README.md")]
#![cfg(not(any(loom, shuttle)))]

mod cli;
mod contender;
mod counting;
mod cpp;
mod cpu;
mod report;
mod rounds;
mod rows;

pub use cli::run;
