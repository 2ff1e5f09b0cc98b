//! Work that can be stopped.

use crate::{Checkpoint, Stopped};

/// Work that can be stopped, written once and run by any strategy.
///
/// A job is a struct with what the work needs; a strategy that implements [`crate::SpawnFn`] also takes a closure.
/// It is moved into the worker, so "started twice" cannot be written.
/// An error of the work itself is a value: make it part of `Output`.
///
/// ```
/// use cease_core::{Checkpoint, Job, StopSource, Stopped};
///
/// struct Count(u64);
///
/// impl Job for Count {
///     type Output = u64;
///
///     fn run<C: Checkpoint>(self, stop: &C) -> Result<u64, Stopped> {
///         let mut sum = 0;
///         for number in 0..self.0 {
///             stop.check()?;
///             sum += number;
///         }
///         Ok(sum)
///     }
/// }
///
/// let source = StopSource::new();
/// assert_eq!(Count(4).run(&source.token()).unwrap(), 6);
/// ```
pub trait Job: Send + 'static {
    /// What the work yields when it is not stopped.
    type Output: Send + 'static;

    /// Does the work, and leaves it by `stop.check()?` when a stop was asked for.
    ///
    /// # Errors
    ///
    /// [`Stopped`], passed on from a checkpoint.
    fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped>;
}
