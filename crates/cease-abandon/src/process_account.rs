//! The account of the process; a model has none, because it begins anew each time.

use std::sync::OnceLock;

use crate::AbandonedThreads;

impl AbandonedThreads {
    /// The account of the process, which lists the threads that an [`Abandon`](crate::Abandon) without an account of its own
    /// leaves behind.
    #[must_use]
    pub fn of_process() -> &'static Self {
        static ACCOUNT: OnceLock<AbandonedThreads> = OnceLock::new();
        ACCOUNT.get_or_init(Self::new)
    }
}
