//! The places where a job agrees to stop.

use std::time::Duration;

use crate::sync;
use crate::{StopToken, Stopped, WaitError};

/// What a job gets to ask whether it should stop; each strategy hands in its own.
///
/// Only [`Checkpoint::token`] has to be written; a strategy that stops in another way than by `Err` replaces the rest.
/// The trait can be used as `dyn Checkpoint`.
///
/// ```
/// use cease_core::{Checkpoint, StopSource, Stopped};
///
/// fn sum(numbers: &[u64], stop: &impl Checkpoint) -> Result<u64, Stopped> {
///     let mut sum = 0;
///     for block in stop.chunks(numbers, 4096) {
///         sum += block?.iter().sum::<u64>();
///     }
///     Ok(sum)
/// }
///
/// let source = StopSource::new();
/// assert_eq!(sum(&[1, 2, 3], &source.token()).unwrap(), 6);
/// source.request();
/// assert!(sum(&[1, 2, 3], &source.token()).is_err());
/// ```
pub trait Checkpoint {
    /// The token behind this checkpoint, for waits and for code that takes a token.
    fn token(&self) -> &StopToken;

    /// Leaves the job if a stop was asked for.
    ///
    /// # Errors
    ///
    /// [`Stopped`] once a stop was asked for, and at every later call.
    #[doc(alias = "ThrowIfCancellationRequested")]
    #[doc(alias = "Err")]
    #[inline]
    fn check(&self) -> Result<(), Stopped> {
        if self.is_stop_requested() { Stopped::seen_by(self.token()).map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Whether a stop was asked for: one load, and nothing else.
    #[inline]
    fn is_stop_requested(&self) -> bool {
        self.token().is_stop_requested()
    }

    /// Sleeps for `duration`, or until a stop is asked for.
    ///
    /// When the last source is gone it sleeps on to the end.
    ///
    /// # Errors
    ///
    /// [`Stopped`] as soon as a stop is asked for, also when that was before the call, or just as the time is over.
    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let deadline = sync::deadline_after(duration);
        let waited = match deadline {
            Some(deadline) => self.token().wait_deadline(deadline),
            None => self.token().wait().map_err(|_| WaitError::NeverStops),
        };
        match waited {
            Ok(stopped) => Err(stopped),
            Err(WaitError::TimedOut) => Ok(()),
            Err(WaitError::NeverStops) => {
                sync::sleep_until(deadline);
                Ok(())
            }
        }
    }

    /// Goes through `items` in blocks of `size`, with a check before each block.
    ///
    /// For loops that are too tight for a check in every round: inside a block there is no check, so the compiler is free
    /// to vectorise it, and no countdown, which would cost as much as the one load that it saves.
    ///
    /// # Panics
    ///
    /// When `size` is zero.
    fn chunks<'a, T>(&'a self, items: &'a [T], size: usize) -> Chunks<'a, Self, T>
    where
        Self: Sized,
    {
        Chunks { stop: self, blocks: items.chunks(size) }
    }
}

impl Checkpoint for StopToken {
    #[inline]
    fn token(&self) -> &StopToken {
        self
    }
}

/// The blocks of a slice with a check before each; made by [`Checkpoint::chunks`].
#[derive(Debug)]
pub struct Chunks<'a, C, T> {
    stop: &'a C,
    blocks: std::slice::Chunks<'a, T>,
}

impl<'a, C: Checkpoint, T> Iterator for Chunks<'a, C, T> {
    type Item = Result<&'a [T], Stopped>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = self.blocks.next()?;
        Some(self.stop.check().map(|()| block))
    }
}
