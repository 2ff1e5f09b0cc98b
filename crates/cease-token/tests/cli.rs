//! The binary is held to the cases that every strategy's binary is held to.
#![cfg(all(feature = "cli", not(any(loom, shuttle))))]

cease_demo::cases!(env!("CARGO_BIN_EXE_cease-token"));
