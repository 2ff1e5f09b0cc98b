//! Items that have no code to trace.

use cease_trace::traced;

#[traced]
struct Structure;

#[traced]
enum Choice {
    One,
}

#[traced]
static NUMBER: u32 = 3;

#[traced]
use std::fmt::Debug as _;

fn main() {
    let _ = (Structure, Choice::One, NUMBER);
}
