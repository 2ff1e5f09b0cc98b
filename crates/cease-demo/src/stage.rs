//! What the workers and the main thread of a run share: the clock, the output, and the count of who is on time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use cease_core::{Reason, StopSource};

use crate::cli::{Options, TIE_LIMIT};
use crate::ticker::Note;

/// What the workers and the main thread of a run share.
pub(crate) struct Stage {
    /// When the first line of every worker is due.
    pub(crate) start: Instant,
    /// How many lines of each worker are due before the stop is.
    due: u64,
    workers: u64,
    /// How many workers have started all the lines that are due.
    on_time: Mutex<u64>,
    changed: Condvar,
    source: StopSource,
    asked: OnceLock<Instant>,
}

impl Stage {
    /// A run that starts now and is stopped through `source`.
    pub(crate) fn new(options: &Options, source: StopSource) -> Self {
        let due = options.stop_after.as_nanos() / options.interval.as_nanos();
        Self {
            start: Instant::now(),
            due: u64::try_from(due).unwrap_or(u64::MAX).saturating_add(1),
            workers: options.workers.get().into(),
            on_time: Mutex::new(0),
            changed: Condvar::new(),
            source,
            asked: OnceLock::new(),
        }
    }

    /// Sets the event: asks every worker to stop.
    #[track_caller]
    pub(crate) fn ask(&self, reason: impl Into<Reason>) {
        let now = Instant::now();
        if self.source.request_with(reason) {
            self.asked.set(now).expect("only one request is the first (law L1)");
        }
        self.changed.notify_all();
    }

    /// When [`Stage::ask`] asked; `None` when it did not, or when somebody else was first.
    pub(crate) fn asked(&self) -> Option<Instant> {
        self.asked.get().copied()
    }

    /// Notes that a worker starts its line `number`.
    fn line_starts(&self, number: u64) {
        if number == self.due {
            *self.on_time.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.changed.notify_all();
        }
    }

    /// Waits until every line that is due was started, somebody failed, or [`TIE_LIMIT`] is over.
    pub(crate) fn wait_for_due_lines(&self) {
        let on_time = self.on_time.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |on_time: &mut u64| *on_time < self.workers && !self.source.is_stop_requested();
        drop(self.changed.wait_timeout_while(on_time, TIE_LIMIT, late));
    }

    /// Takes down what a worker tells, in `notes`.
    pub(crate) fn hear(&self, note: Note, notes: &Notes) {
        match note {
            Note::LineStarts(number) => {
                notes.line_starts(number);
                self.line_starts(number);
            }
            Note::Noticed => notes.noticed(),
            Note::Failed => self.ask(Reason::PeerFailed),
        }
    }
}

/// What is known of a worker, for the summary.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    lines: AtomicU64,
    noticed: OnceLock<Instant>,
}

impl Notes {
    /// How many lines ran.
    pub(crate) fn lines(&self) -> u64 {
        // ORDERING: Relaxed: only the value matters; the last one is read after the worker was joined.
        self.lines.load(Ordering::Relaxed)
    }

    /// When a checkpoint first told it to stop.
    pub(crate) fn noticed_at(&self) -> Option<Instant> {
        self.noticed.get().copied()
    }

    fn line_starts(&self, number: u64) {
        // ORDERING: Relaxed: as in `lines`.
        self.lines.store(number, Ordering::Relaxed);
    }

    fn noticed(&self) {
        // It leaves at the first one.
        let _ = self.noticed.set(Instant::now());
    }
}
