//! The article's run.
fn main() {}
