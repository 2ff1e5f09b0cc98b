//! The binary is held to the cases that every strategy's binary is held to, but for the one about a closure.
#![cfg(all(feature = "cli", not(any(loom, shuttle))))]

cease_demo::travelling_cases!(env!("CARGO_BIN_EXE_cease-process"));
