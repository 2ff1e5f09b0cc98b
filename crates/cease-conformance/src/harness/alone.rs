//! Runs one test of this test binary in a process of its own.
//!
//! Each law runs so: one that aborts its process, or never ends, takes no other law with it, and is named.

use std::process::Command;

/// Says to the child that it runs a law that its strategy's contract excepts.
const EXCEPTED: &str = "CEASE_ALONE";
/// Says to the child that the law runs in this process.
const HERE: &str = "CEASE_HERE";

/// What became of the child.
pub(super) struct Output {
    pub(super) success: bool,
    /// How it ended, as text.
    pub(super) end: String,
    pub(super) text: String,
}

/// Whether this process shows that a law is not kept.
pub(super) fn is_excepted() -> bool {
    std::env::var_os(EXCEPTED).is_some()
}

/// Whether this process was started for a single test.
pub(super) fn is_alone() -> bool {
    is_excepted() || std::env::var_os(HERE).is_some()
}

/// Runs the test called `test`, of a law that is not kept, in a process of its own, and waits for it.
pub(super) fn run_excepted(test: &str) -> Output {
    run(test, &[(EXCEPTED, "1")])
}

/// Runs the test called `test` in a process of its own.
///
/// # Panics
///
/// When the test fails, with all that it printed and the way in which its process ended.
pub(super) fn hold(test: &str) {
    let Output { success, end, text } = run(test, &[(HERE, "1")]);
    assert!(success, "{test}: the law's own process ended with {end}, after:\n{text}");
    // What the law says about itself is passed on, and what the test runner says is not.
    let said = format!("{test}: ");
    text.lines().filter_map(|line| line.find(&said).map(|at| &line[at..])).for_each(|line| println!("{line}"));
}

/// Runs the test called `test` in a process of its own, with `env`, and waits for it.
pub(super) fn run(test: &str, env: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().expect("a test knows its own program");
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .envs(env.iter().copied())
        .output()
        .expect("a test can start its own program");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(text.contains("running 1 test"), "{test} is not the path of one test:\n{text}");
    Output { success: output.status.success(), end: output.status.to_string(), text }
}
