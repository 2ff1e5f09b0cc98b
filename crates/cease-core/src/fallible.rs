//! Work that can be stopped and can fail.

use std::error::Error;
use std::io;

use crate::Stopped;

/// The error of a job that can fail: `?` converts any error into it, and [`Stopped`] too.
pub type JobError = Box<dyn Error + Send + Sync>;

/// Calls `work`, and tells a stop from a failure.
///
/// The outer result is that of a job, the inner one that of its work, so a failure is a value of the job.
/// An error counts as a stop if it is a [`Stopped`], if a [`Stopped`] is in its chain of
/// [sources](std::error::Error::source), or if one of them is an [`io::Error`] that carries a [`Stopped`].
/// So context that code adds to a stop leaves it a stop. Any other error is returned as it is.
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
/// [`Stopped`] when `work` returned it, also as the source of another error.
pub fn attempt<T>(work: impl FnOnce() -> Result<T, JobError>) -> Result<Result<T, JobError>, Stopped> {
    match work() {
        Ok(value) => Ok(Ok(value)),
        Err(error) => stopped_in(&*error).map_or(Ok(Err(error)), Err),
    }
}

/// The first stop in the chain of `error`.
fn stopped_in(error: &(dyn Error + 'static)) -> Option<Stopped> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(stopped) = error.downcast_ref::<Stopped>() {
            return Some(stopped.clone());
        }
        // The source of such an error is that of what it carries, so what it carries is looked at here.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => error.source(),
        };
    }
    None
}
