//! A checkpoint that notes when the stop was first noticed.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, StopToken, Stopped};

/// Passes everything on to another checkpoint, and notes the first time that it did not let the job go on.
///
/// A strategy may leave a checkpoint by `Err` or by unwinding; both are noted.
pub(crate) struct Noticing<'a, C> {
    inner: &'a C,
    noticed: &'a OnceLock<Instant>,
}

impl<'a, C: Checkpoint> Noticing<'a, C> {
    /// Watches `inner`, and keeps the moment in `noticed`.
    pub(crate) fn new(inner: &'a C, noticed: &'a OnceLock<Instant>) -> Self {
        Self { inner, noticed }
    }

    fn watch(&self, ask: impl FnOnce(&C) -> Result<(), Stopped>) -> Result<(), Stopped> {
        let note = Note(self.noticed);
        ask(self.inner)?;
        std::mem::forget(note);
        Ok(())
    }
}

impl<C: Checkpoint> Checkpoint for Noticing<'_, C> {
    fn token(&self) -> &StopToken {
        self.inner.token()
    }

    fn check(&self) -> Result<(), Stopped> {
        self.watch(C::check)
    }

    fn is_stopped(&self) -> bool {
        let stopped = self.inner.is_stopped();
        if stopped {
            drop(Note(self.noticed));
        }
        stopped
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        self.watch(|inner| inner.sleep(duration))
    }
}

/// Notes the moment in which it is dropped, unless one is noted already.
struct Note<'a>(&'a OnceLock<Instant>);

impl Drop for Note<'_> {
    fn drop(&mut self) {
        // A later notice changes nothing.
        let _ = self.0.set(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use cease_core::StopSource;

    use super::*;

    struct Unwinds(StopToken);

    impl Checkpoint for Unwinds {
        fn token(&self) -> &StopToken {
            &self.0
        }

        fn check(&self) -> Result<(), Stopped> {
            resume_unwind(Box::new("stopped"))
        }
    }

    #[test]
    fn nothing_is_noted_while_the_job_may_go_on() {
        let source = StopSource::new();
        let (token, noticed) = (source.token(), OnceLock::new());
        let stop = Noticing::new(&token, &noticed);
        stop.check().unwrap();
        stop.sleep(Duration::ZERO).unwrap();
        assert!(!stop.is_stopped());
        assert_eq!(noticed.get(), None);
    }

    #[test]
    fn the_first_notice_stays() {
        let source = StopSource::new();
        let (token, noticed) = (source.token(), OnceLock::new());
        let stop = Noticing::new(&token, &noticed);
        let before = Instant::now();
        source.request();
        stop.sleep(Duration::MAX).unwrap_err();
        let first = *noticed.get().unwrap();
        assert!(first >= before);
        stop.check().unwrap_err();
        assert!(stop.is_stopped());
        assert_eq!(noticed.get(), Some(&first));
    }

    #[test]
    fn a_checkpoint_that_unwinds_is_noted() {
        let noticed = OnceLock::new();
        let inner = Unwinds(StopSource::new().token());
        let stop = Noticing::new(&inner, &noticed);
        assert!(catch_unwind(AssertUnwindSafe(|| stop.check())).is_err());
        assert!(noticed.get().is_some());
    }
}
