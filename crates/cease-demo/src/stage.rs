//! What the workers and the main thread of a run share: the clock, the output, and the count of who is on time.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource};

use crate::cli::{Format, Options, TIE_LIMIT};
use crate::output::print_result;

/// What the workers and the main thread of a run share.
pub(crate) struct Stage {
    /// When the first line of every worker is due.
    pub(crate) start: Instant,
    /// How far the lines of a worker are apart.
    pub(crate) interval: Duration,
    format: Format,
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
            interval: options.interval,
            format: options.format,
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
        if self.source.request_because(reason) {
            self.asked.set(now).expect("only one request is the first (law L1)");
        }
        self.changed.notify_all();
    }

    /// When [`Stage::ask`] asked; `None` when it did not, or when somebody else was first.
    pub(crate) fn asked(&self) -> Option<Instant> {
        self.asked.get().copied()
    }

    /// Notes that a worker starts its line `number`.
    pub(crate) fn line_starts(&self, number: u64) {
        if number == self.due {
            *self.on_time.lock().unwrap_or_else(PoisonError::into_inner) += 1;
            self.changed.notify_all();
        }
    }

    /// Waits until every line that is due was started, somebody failed, or [`TIE_LIMIT`] is over.
    pub(crate) fn wait_for_due_lines(&self) {
        let on_time = self.on_time.lock().unwrap_or_else(PoisonError::into_inner);
        let late = |on_time: &mut u64| *on_time < self.workers && !self.source.is_stopped();
        drop(self.changed.wait_timeout_while(on_time, TIE_LIMIT, late));
    }

    /// Prints one line, which never mixes with the line of another thread.
    ///
    /// As text it is part of the result, and a failure asks every worker to stop; beside JSON it is progress, which nobody
    /// has to read.
    pub(crate) fn print(&self, line: fmt::Arguments<'_>) -> io::Result<()> {
        let line = format!("{line}\n");
        match self.format {
            Format::Text => print_result(&line).inspect_err(|_| self.ask(Reason::PeerFailed)),
            Format::Json => {
                let _ = io::stderr().lock().write_all(line.as_bytes());
                Ok(())
            }
        }
    }
}
