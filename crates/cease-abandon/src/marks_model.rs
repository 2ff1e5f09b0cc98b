//! What a thread leaves for the account: nothing, in a model, which has neither a clock nor a system to ask.

/// What a thread leaves for the account.
#[derive(Debug, Default)]
pub(crate) struct Marks;

impl Marks {
    pub(crate) fn arrived(&self) {}

    pub(crate) fn passed(&self) {}
}
