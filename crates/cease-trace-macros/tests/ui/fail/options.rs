//! Options that mean nothing.

use cease_trace::traced;

#[traced(every = 0)]
fn no_block() {}

#[traced(every = "many")]
fn no_number() {}

#[traced(every = -1)]
fn negative() {}

#[traced(every)]
fn unsaid() {}

#[traced(each = 3)]
fn unknown() {}

#[traced(3)]
fn no_name() {}

#[traced(every = 3, every = 4)]
fn twice() {}

#[traced(skip)]
fn skipped() {}

#[traced(crate = "cease::trace")]
fn quoted() {}

#[traced]
mod inner {
    #[traced(every = 0)]
    pub(crate) fn no_block() {}

    #[traced(leave)]
    pub(crate) fn unknown() {}
}

fn main() {
    no_block();
    no_number();
    negative();
    unsaid();
    unknown();
    no_name();
    twice();
    skipped();
    quoted();
    inner::no_block();
    inner::unknown();
}
