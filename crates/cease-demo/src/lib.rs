#![doc = include_str!("../README.md")]

pub mod cases;

mod cli;
mod failure;
mod output;
mod report;
mod run;
mod stage;
mod ticker;

pub use run::{run, run_travelling};
pub use ticker::{Envelope, Note, Ticker, Unwritten};
