//! How a run ends: the exit codes, and the one line that says why.

use std::io::{self, Write};

/// Every verdict is as expected.
pub(crate) const AS_EXPECTED: u8 = 0;
/// A verdict differs from what is expected.
pub(crate) const DIFFERS: u8 = 1;
/// A flag, a name or the input is of no use.
pub(crate) const USAGE: u8 = 2;
/// The names select no cell.
pub(crate) const NOTHING_SELECTED: u8 = 4;
/// A cell could not be run.
pub(crate) const INTERNAL: u8 = 70;
/// The result could not be written.
pub(crate) const NOT_WRITTEN: u8 = 74;

/// Interrupted by that signal.
pub(crate) fn interrupted(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(INTERNAL)
}

/// Why a run ended without a result, and with which code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// One line.
    pub(crate) text: String,
}

impl Failure {
    /// A flag, a name or the input is of no use.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { code: USAGE, text: text.into() }
    }

    /// Something failed that is not the user's doing.
    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self { code: INTERNAL, text: text.into() }
    }

    /// The result could not be written to `target`.
    pub(crate) fn not_written(target: &str, error: &io::Error) -> Self {
        Self { code: NOT_WRITTEN, text: format!("cannot write the result to {target}: {error}") }
    }
}

/// Says one line on the standard error, and does without when nobody reads it.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "cease: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_run_ends_as_a_shell_reports_its_signal() {
        assert_eq!([1, 2, 15, 127].map(interrupted), [129, 130, 143, 255]);
        assert_eq!([128, -129].map(interrupted), [INTERNAL; 2], "no exit code is left for such a number");
    }

    #[test]
    fn each_failure_has_its_code() {
        let refused = io::Error::other("refused");
        let not_written = Failure::not_written("`a`", &refused);
        assert_eq!(Failure::usage("a").code, 2);
        assert_eq!(Failure::internal("a").code, 70);
        assert_eq!((not_written.code, not_written.text.as_str()), (74, "cannot write the result to `a`: refused"));
    }
}
