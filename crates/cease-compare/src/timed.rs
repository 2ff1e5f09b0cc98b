//! A job whose checkpoints note when the stop was first seen.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Job, StopToken, Stopped};

/// Runs a job unchanged, and notes the moment at which its first checkpoint saw the stop.
///
/// A job that waits on [`Checkpoint::token`] itself is seen only at its next checkpoint.
#[derive(Debug)]
pub(crate) struct Timed<J> {
    job: J,
    noticed: Noticed,
}

/// When the stop was first seen, if it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Noticed(Arc<OnceLock<Instant>>);

impl<J> Timed<J> {
    /// Wraps `job`; the moment goes to `noticed`.
    pub(crate) const fn new(job: J, noticed: Noticed) -> Self {
        Self { job, noticed }
    }
}

impl Noticed {
    /// The moment, if there was one.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.0.get().copied()
    }

    fn now(&self) {
        self.0.get_or_init(Instant::now);
    }
}

impl<J: Job> Job for Timed<J> {
    type Output = J::Output;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<J::Output, Stopped> {
        self.job.run(&Watched { stop, noticed: &self.noticed })
    }
}

/// The strategy's own checkpoint, watched.
struct Watched<'a, C> {
    stop: &'a C,
    noticed: &'a Noticed,
}

impl<C: Checkpoint> Checkpoint for Watched<'_, C> {
    fn token(&self) -> &StopToken {
        self.stop.token()
    }

    #[inline]
    fn is_stopped(&self) -> bool {
        let stopped = self.stop.is_stopped();
        if stopped {
            self.noticed.now();
        }
        stopped
    }

    #[inline]
    fn check(&self) -> Result<(), Stopped> {
        // Noted before the strategy's own check, which may leave by other ways than returning.
        if self.is_stopped() { self.stop.check() } else { Ok(()) }
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let _note = NoteOnLeaving(self);
        self.stop.sleep(duration)
    }
}

/// Notes a stop on the way out of a wait, however that is left.
struct NoteOnLeaving<'a, C: Checkpoint>(&'a Watched<'a, C>);

impl<C: Checkpoint> Drop for NoteOnLeaving<'_, C> {
    fn drop(&mut self) {
        self.0.is_stopped();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cease_core::StopSource;

    /// Leaves at a checkpoint of the given kind.
    struct Leave(Kind);

    type Kind = fn(&dyn Checkpoint) -> Result<(), Stopped>;

    impl Job for Leave {
        type Output = ();

        fn run<C: Checkpoint>(self, stop: &C) -> Result<(), Stopped> {
            (self.0)(stop)
        }
    }

    #[test]
    fn each_kind_of_checkpoint_notes_the_stop_and_only_the_stop() {
        let kinds: [Kind; 3] = [
            |stop| stop.check(),
            |stop| stop.sleep(Duration::ZERO),
            |stop| if stop.is_stopped() { stop.token().check() } else { Ok(()) },
        ];
        for kind in kinds {
            let source = StopSource::new();
            let noticed = Noticed::default();
            assert!(Timed::new(Leave(kind), noticed.clone()).run(&source.token()).is_ok());
            assert_eq!(noticed.at(), None);

            let asked = Instant::now();
            source.request();
            assert!(Timed::new(Leave(kind), noticed.clone()).run(&source.token()).is_err());
            let first = noticed.at().unwrap();
            assert!(first >= asked);

            assert!(Timed::new(Leave(kind), noticed.clone()).run(&source.token()).is_err());
            assert_eq!(noticed.at(), Some(first), "only the first is noted");
        }
    }
}
