//! The binary `cease-bench`; its crate says what it measures.

use std::process::ExitCode;

#[cfg(not(any(loom, shuttle)))]
fn main() -> ExitCode {
    cease_bench::run()
}

#[cfg(any(loom, shuttle))]
fn main() -> ExitCode {
    eprintln!("cease-bench: there is nothing to measure under a model checker");
    ExitCode::from(70)
}
