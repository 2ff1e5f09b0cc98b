//! How a job shows that it works: it announces its first piece of work, and counts every piece.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use cease_core::{StopSource, StopToken};

/// The job's side: one beat for each piece of work that is done.
///
/// A heartbeat is not serialized: a job that arrives in another process gets a heartbeat of its own, whose sink sends the
/// first beat to the process that listens.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    beats: Arc<AtomicU64>,
    /// Stopped at the first beat: a waiting thread wakes through the stop primitive.
    working: StopSource,
    /// Called once, at the first beat that is counted here.
    sink: fn(),
}

/// The side that listens to a [`Heartbeat`].
#[derive(Debug)]
pub(crate) struct Listener {
    beats: Arc<AtomicU64>,
    working: StopToken,
}

/// Makes the two sides of a heartbeat of which this process alone listens.
pub(crate) fn heartbeat() -> (Heartbeat, Listener) {
    let heartbeat = Heartbeat::new(|| ());
    let listener = Listener { beats: Arc::clone(&heartbeat.beats), working: heartbeat.working.token() };
    (heartbeat, listener)
}

impl Heartbeat {
    /// A heartbeat that calls `sink` at its first beat.
    pub(crate) fn new(sink: fn()) -> Self {
        Self { beats: Arc::default(), working: StopSource::default(), sink }
    }

    /// Counts one piece of work; the first one wakes a thread that waits for it, and is passed to the sink.
    pub(crate) fn beat(&self) {
        // ORDERING: Relaxed: only the number matters; the first beat is announced through the stop primitive.
        if self.beats.fetch_add(1, Relaxed) == 0 {
            self.announce();
            (self.sink)();
        }
    }

    /// Wakes a thread that waits for the first beat, and counts none: another process counts them.
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
        let (heartbeat, listener) = heartbeat();
        assert!(!listener.wait_for_first(Duration::ZERO));
        heartbeat.beat();
        heartbeat.beat();
        assert!(listener.wait_for_first(LONG));
        assert_eq!(listener.beats(), Some(2));
    }

    #[test]
    fn the_sink_gets_the_first_beat_that_is_counted_and_no_other() {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let heartbeat = Heartbeat::new(|| {
            CALLS.fetch_add(1, Relaxed);
        });
        heartbeat.announce();
        assert_eq!(CALLS.load(Relaxed), 0);
        heartbeat.beat();
        heartbeat.beat();
        assert_eq!(CALLS.load(Relaxed), 1);
    }

    #[test]
    fn work_elsewhere_is_announced_and_not_counted() {
        let (heartbeat, listener) = heartbeat();
        heartbeat.announce();
        assert!(listener.wait_for_first(LONG));
        assert_eq!(listener.beats(), None);
    }

    #[test]
    fn a_job_that_dies_before_its_first_beat_is_not_waited_for() {
        let (heartbeat, listener) = heartbeat();
        let dying = std::thread::spawn(move || drop(heartbeat));
        assert!(!listener.wait_for_first(Duration::MAX), "the wait ends because nobody can beat any more");
        dying.join().unwrap();
    }
}
