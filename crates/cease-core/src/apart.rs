//! Calls of code that is no part of a job, and the payload by which a stop leaves a job.
//!
//! The lists of what waits call functions and wakers of others, and a checkpoint in one of them may raise a stop.
//! So the outer type of the payload is here, below the lists; what it carries is known to the boundary, above them.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Panic;

/// What is raised, with its type taken away.
pub(crate) type Payload = Box<dyn Any + Send>;

/// The payload of a stop that leaves a job by unwinding.
pub(crate) struct Raised(Box<dyn Any + Send>);

impl Raised {
    /// The payload that carries `leaving`.
    pub(crate) fn payload(leaving: Box<dyn Any + Send>) -> Payload {
        Box::new(Self(leaving))
    }

    /// What it carries, if that is a `T`.
    pub(crate) fn peek<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }

    /// Returns what it carries, if that is a `T`; otherwise drops it.
    pub(crate) fn take<T: 'static>(self) -> Option<Box<T>> {
        self.0.downcast().ok()
    }
}

/// Calls `call`, which is no part of a job, though it may run on a job's thread.
///
/// A panic of `call` is returned. A stop that `call` raises would leave that job, so its payload is dropped here, and the
/// boundary reports it as swallowed.
pub(crate) fn call_apart(call: impl FnOnce()) -> Result<(), Panic> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Err(payload) if payload.is::<Raised>() => drop(payload),
        Err(payload) => return Err(Panic::new(payload)),
        Ok(()) => {}
    }
    Ok(())
}
