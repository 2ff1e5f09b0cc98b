//! What the attribute accepts, and what it refuses with which words.
#![cfg(not(any(loom, shuttle)))]

/// Both in one test, so that what the programs depend on is built once, and not checked beside that.
#[test]
fn what_is_accepted_runs_and_what_is_refused_is_said_where_it_stands() {
    let programs = trybuild::TestCases::new();
    programs.pass("tests/ui/pass/*.rs");
    programs.compile_fail("tests/ui/fail/*.rs");
}
