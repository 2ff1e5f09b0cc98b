//! The binary is held to the cases of the strategies' binaries; its jobs wait for a thread of a pool.
#![cfg(all(feature = "cli", not(any(loom, shuttle))))]

cease_demo::pooled_cases!(env!("CARGO_BIN_EXE_cease-token"));
