//! The article's run, stopped by a flag.

fn main() {}
