//! `cease-timeout` beside GNU's `timeout`, against everything that tries to outlive it, and from every state it may be started in.
#![cfg(not(any(loom, shuttle)))]

mod common;
mod gnu;
mod report;
mod reuse;
mod runs;
mod start;
mod stop;
#[path = "../stranger/mod.rs"]
mod stranger;
mod terminal;
mod tree;
