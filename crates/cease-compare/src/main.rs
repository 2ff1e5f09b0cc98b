//! The binary `cease`; its crate says what it compares.

use std::process::ExitCode;

#[cfg(not(any(loom, shuttle)))]
fn main() -> ExitCode {
    cease_compare::run()
}

#[cfg(any(loom, shuttle))]
fn main() -> ExitCode {
    eprintln!("cease: there is nothing to compare under a model checker");
    ExitCode::from(70)
}
