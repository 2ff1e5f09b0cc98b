//! How a job shows that it works: it announces its first piece of work, and counts every piece.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cease_core::{StopSource, StopToken};

use crate::remote::News;

/// The job's side: one beat for each piece of work that is done.
///
/// It does not travel: a job that arrives in another process gets one of its own, and only its first beat is told of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse {
    beats: Arc<AtomicU64>,
    /// Asked for at the first beat: an announcement is an event like any other, so the stop primitive carries it.
    working: StopSource,
}

/// The side that listens to a [`Pulse`].
#[derive(Debug)]
pub(crate) struct Listener {
    beats: Arc<AtomicU64>,
    working: StopToken,
}

/// Makes the two sides of one pulse.
pub(crate) fn pulse() -> (Pulse, Listener) {
    let pulse = Pulse::default();
    let listener = Listener { beats: Arc::clone(&pulse.beats), working: pulse.working.token() };
    (pulse, listener)
}

impl Pulse {
    /// Counts one piece of work; the first one wakes whoever waits for it.
    pub(crate) fn beat(&self) {
        // ORDERING: Relaxed: only the number matters; the first beat is announced through the stop primitive.
        if self.beats.fetch_add(1, Relaxed) == 0 {
            self.announce();
            News::Works.tell();
        }
    }

    /// Wakes whoever waits for the first beat, and counts none: they are counted elsewhere.
    pub(crate) fn announce(&self) {
        self.working.request();
    }
}

impl Listener {
    /// Waits for the first beat; false when it did not come within `limit`, or the job is gone without one.
    pub(crate) fn wait_for_first(&self, limit: Duration) -> bool {
        self.working.wait_timeout(limit).is_ok()
    }

    /// How many pieces of work were done up to now; `None` while none was counted here.
    pub(crate) fn beats(&self) -> Option<u64> {
        // ORDERING: Relaxed: a number to report, which publishes nothing.
        match self.beats.load(Relaxed) {
            0 => None,
            beats => Some(beats),
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_beat_is_announced_and_each_is_counted() {
        let (pulse, listener) = pulse();
        assert!(!listener.wait_for_first(Duration::ZERO));
        pulse.beat();
        pulse.beat();
        assert!(listener.wait_for_first(LONG));
        assert_eq!(listener.beats(), Some(2));
    }

    #[test]
    fn work_elsewhere_is_announced_and_not_counted() {
        let (pulse, listener) = pulse();
        pulse.announce();
        assert!(listener.wait_for_first(LONG));
        assert_eq!(listener.beats(), None);
    }

    #[test]
    fn a_job_that_dies_before_its_first_beat_is_not_waited_for() {
        let (pulse, listener) = pulse();
        let dying = std::thread::spawn(move || drop(pulse));
        assert!(!listener.wait_for_first(Duration::MAX), "the wait ends because nobody can beat any more");
        dying.join().unwrap();
    }
}
