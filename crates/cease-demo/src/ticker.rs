//! The work of the run: a numbered line each interval.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Job, Noticed, Stopped};

use crate::stage::Stage;

/// Prints a numbered line at once, and one more each interval, until it is stopped.
///
/// It is the article's class; the article's function is a closure around the same body.
pub struct Ticker {
    /// What the worker is called in the output.
    pub(crate) name: String,
    pub(crate) stage: Arc<Stage>,
    pub(crate) notes: Arc<Notes>,
}

/// What a worker leaves behind for the summary.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    lines: AtomicU64,
    /// When a checkpoint first told it to stop.
    pub(crate) noticed: Noticed,
}

impl Notes {
    /// How many lines ran.
    pub(crate) fn lines(&self) -> u64 {
        // ORDERING: Relaxed: only the value matters; the last one is read after the worker was joined.
        self.lines.load(Ordering::Relaxed)
    }
}

impl Job for Ticker {
    /// Why a line could not be printed.
    type Output = io::Error;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<io::Error, Stopped> {
        tick(&self, stop)
    }
}

/// The body of the class and of the function; leaves with an error only when a line cannot be printed.
pub(crate) fn tick<C: Checkpoint>(ticker: &Ticker, stop: &C) -> Result<io::Error, Stopped> {
    let Ticker { name, stage, notes } = ticker;
    let stop = notes.noticed.watch(stop);
    if let Err(error) = stage.print(format_args!("{name}: started")) {
        return Ok(error);
    }
    let mut due = Some(stage.start);
    let mut number = 0;
    loop {
        stop.sleep(due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now())))?;
        number += 1;
        // ORDERING: Relaxed: as in `Notes::lines`.
        notes.lines.store(number, Ordering::Relaxed);
        stage.line_starts(number);
        if let Err(error) = stage.print(format_args!("{name}: #{number}")) {
            return Ok(error);
        }
        // Counted from the start and not from this line, so that a late line delays no other.
        due = due.and_then(|due| due.checked_add(stage.interval));
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("name", &self.name).field("notes", &self.notes).finish_non_exhaustive()
    }
}
