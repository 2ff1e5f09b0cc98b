//! The checkpoint of a job that may be left behind: it notes that it was passed.

use std::time::Duration;

use cease_core::{Checkpoint, StopToken, Stopped};

use crate::marks::SharedMarks;

/// A checkpoint that notes how often it was passed, and when last, for the account.
///
/// That costs two stores and a look at the kernel's coarse clock, which is a few milliseconds behind: about four nanoseconds.
/// A job that waits on [`Checkpoint::token`] itself is seen only at its next checkpoint.
#[derive(Debug)]
pub struct Noting {
    token: StopToken,
    marks: SharedMarks,
}

impl Noting {
    pub(crate) fn new(token: &StopToken, marks: &SharedMarks) -> Self {
        Self { token: token.clone(), marks: marks.clone() }
    }
}

impl Checkpoint for Noting {
    fn token(&self) -> &StopToken {
        &self.token
    }

    #[inline]
    fn is_stop_requested(&self) -> bool {
        Lent { token: &self.token, marks: &self.marks }.is_stop_requested()
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        Lent { token: &self.token, marks: &self.marks }.sleep(duration)
    }
}

/// The same, for a job that takes any checkpoint: it copies no token.
pub(crate) struct Lent<'a> {
    pub(crate) token: &'a StopToken,
    pub(crate) marks: &'a SharedMarks,
}

impl Checkpoint for Lent<'_> {
    fn token(&self) -> &StopToken {
        self.token
    }

    #[inline]
    fn is_stop_requested(&self) -> bool {
        let stopped = self.token.is_stop_requested();
        if !stopped {
            self.marks.passed();
        }
        stopped
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.token.sleep(duration).inspect(|()| self.marks.passed())
    }
}
