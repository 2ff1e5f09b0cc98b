//! What the attribute accepts, and what it refuses with which words.
#![cfg(not(any(loom, shuttle)))]

#[test]
fn what_is_accepted_compiles_without_a_warning_and_runs() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn what_is_refused_is_said_where_it_stands() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
