//! The work of the run: a numbered line each interval.

use std::fmt;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Job, Stopped};
use serde::{Deserialize, Serialize};

use crate::cli::Format;
use crate::output::print_result;

/// Prints a numbered line at once, and one more each interval, until it is stopped.
///
/// It is the article's class; the article's function is a closure around the same body.
pub struct Ticker {
    /// What the worker is called in the output.
    pub(crate) name: String,
    /// When the first line is due.
    pub(crate) start: Instant,
    /// How far the lines are apart.
    pub(crate) interval: Duration,
    pub(crate) format: Format,
    /// Told of everything that the main thread has to know.
    pub(crate) tell: Box<dyn Fn(Note) + Send>,
}

/// What a worker tells the main thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// It starts its line of this number.
    LineStarts(u64),
    /// A checkpoint told it to stop.
    Noticed,
    /// It cannot print a line.
    Failed,
}

/// A [`Ticker`] on its way to another process, for strategies whose jobs travel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub(crate) name: String,
    /// How long ago its first line was due when it was sent.
    pub(crate) late: Duration,
    pub(crate) interval: Duration,
    pub(crate) format: Format,
}

/// Why a line could not be printed, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwritten {
    os_error: Option<i32>,
    text: String,
}

impl Job for Ticker {
    /// Why a line could not be printed.
    type Output = io::Error;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<io::Error, Stopped> {
        tick(&self, stop)
    }
}

impl Envelope {
    /// What the worker is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does the work where it has arrived; `tell` brings a note to the main thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`], passed on from a checkpoint.
    pub fn run<C: Checkpoint>(self, stop: &C, tell: impl Fn(Note) + Send + 'static) -> Result<Unwritten, Stopped> {
        let Self { name, late, interval, format } = self;
        let now = Instant::now();
        let start = now.checked_sub(late).unwrap_or(now);
        tick(&Ticker { name, start, interval, format, tell: Box::new(tell) }, stop).map(Unwritten::from)
    }
}

/// The body of the class and of the function; leaves with an error only when a line cannot be printed.
pub(crate) fn tick<C: Checkpoint>(ticker: &Ticker, stop: &C) -> Result<io::Error, Stopped> {
    let Ticker { name, start, interval, tell, .. } = ticker;
    if let Err(error) = ticker.print(format_args!("{name}: started")) {
        return Ok(error);
    }
    let mut due = Some(*start);
    let mut number = 0;
    loop {
        let until_due = due.map_or(Duration::MAX, |due| due.saturating_duration_since(Instant::now()));
        let leaving = Leaving(tell);
        stop.sleep(until_due)?;
        std::mem::forget(leaving);
        number += 1;
        tell(Note::LineStarts(number));
        if let Err(error) = ticker.print(format_args!("{name}: #{number}")) {
            return Ok(error);
        }
        // Counted from the start and not from this line, so that a late line delays no other.
        due = due.and_then(|due| due.checked_add(*interval));
    }
}

/// Tells that a checkpoint did not let the job go on, in whichever way it left: by `Err`, or by unwinding.
struct Leaving<'a>(&'a dyn Fn(Note));

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        (self.0)(Note::Noticed);
    }
}

impl Ticker {
    /// Prints one line, which never mixes with the line of another worker.
    ///
    /// As text it is part of the result, and a failure is told; beside JSON it is progress, which nobody has to read.
    fn print(&self, line: fmt::Arguments<'_>) -> io::Result<()> {
        let line = format!("{line}\n");
        match self.format {
            Format::Text => print_result(&line).inspect_err(|_| (self.tell)(Note::Failed)),
            Format::Json => {
                let _ = io::stderr().lock().write_all(line.as_bytes());
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("name", &self.name).finish_non_exhaustive()
    }
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self { os_error: error.raw_os_error(), text: error.to_string() }
    }
}

impl From<Unwritten> for io::Error {
    fn from(unwritten: Unwritten) -> Self {
        unwritten.os_error.map_or_else(|| Self::other(unwritten.text), Self::from_raw_os_error)
    }
}
