//! The standard output, where a failure is an error and no panic.

use std::io::{self, Write};

/// Prints what the run is asked for, and makes sure that it has left.
pub(crate) fn print_result(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
