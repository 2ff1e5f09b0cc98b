#![doc = include_str!("../README.md")]

pub mod cases;

mod cli;
mod failure;
mod output;
mod report;
mod run;
mod stage;
mod ticker;

pub use run::run;
pub use ticker::Ticker;
