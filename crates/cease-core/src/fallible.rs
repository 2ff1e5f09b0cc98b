//! Work that can be stopped and can fail.

use std::error::Error;
use std::io;

use crate::Stopped;

/// The error of a job that can fail: `?` converts any error into it, and [`Stopped`] too.
pub type JobError = Box<dyn Error + Send + Sync>;

/// Calls `work`, and tells a stop from a failure.
///
/// The outer result is that of a job, the inner one that of its work, so a failure is a value of the job.
/// A [`Stopped`] inside an [`io::Error`] counts as a stop.
/// An error that only names a [`Stopped`] as its source is a failure.
///
/// [`SpawnFn::spawn_fallible`](crate::SpawnFn::spawn_fallible) calls it for closures; a [`Job`](crate::Job) calls it itself.
///
/// ```
/// use cease_core::{Checkpoint, Job, JobError, Stopped, attempt};
///
/// struct Parse(String);
///
/// impl Job for Parse {
///     type Output = Result<i32, JobError>;
///
///     fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped> {
///         attempt(|| {
///             stop.check()?;
///             Ok(self.0.parse()?)
///         })
///     }
/// }
///
/// let source = cease_core::StopSource::new();
/// assert_eq!(Parse("7".into()).run(&source.token()).unwrap().unwrap(), 7);
/// assert!(Parse("x".into()).run(&source.token()).unwrap().is_err());
/// source.request();
/// assert!(Parse("7".into()).run(&source.token()).is_err());
/// ```
///
/// # Errors
///
/// [`Stopped`] when `work` returned it.
pub fn attempt<T>(work: impl FnOnce() -> Result<T, JobError>) -> Result<Result<T, JobError>, Stopped> {
    let error = match work() {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    let error = match error.downcast::<Stopped>() {
        Ok(stopped) => return Err(*stopped),
        Err(error) => error,
    };
    match error.downcast::<io::Error>() {
        Ok(error) => match error.downcast::<Stopped>() {
            Ok(stopped) => Err(stopped),
            Err(error) => Ok(Err(error.into())),
        },
        Err(error) => Ok(Err(error)),
    }
}
