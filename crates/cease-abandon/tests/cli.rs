//! The binary is held to the cases that every strategy's binary is held to, and to what only this one does.
#![cfg(all(feature = "cli", not(any(loom, shuttle))))]

cease_demo::cases!(env!("CARGO_BIN_EXE_cease-abandon"));

#[test]
fn a_worker_that_was_let_go_of_is_named_with_exit_3() {
    cease_demo::cases::a_worker_that_was_let_go_of_is_named_with_exit_3(env!("CARGO_BIN_EXE_cease-abandon"));
}
