//! Runs one test of this test binary in a process of its own.

use std::process::Command;

/// Says to the child that it is one.
const ALONE: &str = "CEASE_ALONE";

/// What became of the child.
pub(super) struct Output {
    pub(super) success: bool,
    pub(super) text: String,
}

/// Whether this process runs a single test on behalf of another one.
pub(super) fn is_alone() -> bool {
    std::env::var_os(ALONE).is_some()
}

/// Runs the test called `test` in a process of its own, and waits for it.
pub(super) fn run(test: &str) -> Output {
    let program = std::env::current_exe().expect("a test knows its own program");
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("a test can start its own program");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(text.contains("running 1 test"), "{test} is not the path of one test:\n{text}");
    Output { success: output.status.success(), text }
}
