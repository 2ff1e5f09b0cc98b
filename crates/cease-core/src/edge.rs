//! Leaving a job by unwinding: a payload of its own, caught at one edge.
//!
//! # How it works
//!
//! A checkpoint that sees the stop raises a private payload with `resume_unwind`, which calls no panic hook and takes no
//! backtrace.
//! The payload runs every destructor on its way, and the edge turns it into [`Stopped`]; any other panic goes on as it was.
//! A payload that is dropped before it came to its edge was swallowed by a `catch_unwind` in between, and says so.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};

use crate::sync::{self, Unmodelled};
use crate::{Checkpoint, StopToken, Stopped, ambient};

/// Where a stop that leaves a job by unwinding is caught.
///
/// ```
/// use cease_core::{Edge, StopSource};
///
/// let source = StopSource::new();
/// let edge = Edge::new(&source.token(), |swallowed| eprintln!("{swallowed}"));
/// source.request_because("enough");
/// let left = edge.run(|| -> Result<(), _> {
///     let _ = edge.check();
///     unreachable!("the check has left");
/// });
/// assert_eq!(left.unwrap_err().reason().to_string(), "requested: enough");
/// ```
pub struct Edge {
    token: StopToken,
    watch: Unmodelled<Watch>,
}

/// A stop that was on its way out of a job and was swallowed by a `catch_unwind`.
///
/// The job goes on; the stop is as it was, and the next checkpoint leaves again.
#[derive(Debug, Clone)]
pub struct Swallowed {
    /// The stop.
    pub stopped: Stopped,
    /// The checkpoint that had left.
    pub left_at: &'static Location<'static>,
}

impl Edge {
    /// Whether this program can unwind at all; one that was built with `panic = "abort"` cannot.
    #[must_use]
    pub const fn is_possible() -> bool {
        cfg!(panic = "unwind")
    }

    /// An edge for a job that is stopped at `token`; `report` is told of each stop that was swallowed on its way here.
    ///
    /// `report` runs where the payload is dropped, which may be another thread of the job, and must not panic.
    pub fn new(token: &StopToken, report: impl Fn(&Swallowed) + Send + Sync + 'static) -> Self {
        Self { token: token.clone(), watch: Unmodelled::new(Watch { report: Box::new(report) }) }
    }

    /// The token that its checkpoints ask.
    #[must_use]
    pub const fn token(&self) -> &StopToken {
        &self.token
    }

    /// Leaves for [`Edge::run`] by unwinding if a stop was asked for.
    ///
    /// # Errors
    ///
    /// [`Stopped`], instead of leaving, while the thread unwinds already: a second unwinding would end the process.
    #[inline]
    #[track_caller]
    pub fn check(&self) -> Result<(), Stopped> {
        if self.token.is_stopped() { self.leave_if_stopped(Location::caller()) } else { Ok(()) }
    }

    /// Calls `job` with the token as the thread's own, and turns a stop that leaves by unwinding into `Err`.
    ///
    /// # Errors
    ///
    /// [`Stopped`]: the job returned it, or a checkpoint left for this edge.
    ///
    /// # Panics
    ///
    /// With whatever else `job` panics with; the panic hook is not called a second time.
    pub fn run<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> Result<T, Stopped> {
        // What the job leaves half done is the job's own: it was moved in, and what it shares it shares as any thread does.
        let outcome = catch_unwind(AssertUnwindSafe(|| ambient::with_edge(self, job)));
        outcome.unwrap_or_else(|payload| match payload.downcast::<Leaving>() {
            Ok(mut leaving) if leaving.is_for(self) => Err(leaving.arrive()),
            Ok(for_another) => resume_unwind(for_another),
            Err(foreign) => resume_unwind(foreign),
        })
    }

    /// Leaves for [`Edge::run`]; returns only while the thread unwinds already.
    pub(crate) fn leave(&self, stopped: Stopped, left_at: &'static Location<'static>) {
        if !sync::is_unwinding() {
            let watch = Some(Unmodelled::clone(&self.watch));
            resume_unwind(Box::new(Leaving { swallowed: Swallowed { stopped, left_at }, watch }));
        }
    }

    #[cold]
    fn leave_if_stopped(&self, at: &'static Location<'static>) -> Result<(), Stopped> {
        let Err(stopped) = self.token.check() else { return Ok(()) };
        self.leave(stopped.clone(), at);
        Err(stopped)
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").field("token", &self.token).finish_non_exhaustive()
    }
}

impl fmt::Display for Swallowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a catch_unwind swallowed the stop that left at {}: {}", self.left_at, self.stopped)
    }
}

/// Who is told of what was swallowed; its address tells edges apart.
struct Watch {
    report: Box<dyn Fn(&Swallowed) + Send + Sync>,
}

/// The payload.
struct Leaving {
    swallowed: Swallowed,
    /// `None` once it has arrived.
    watch: Option<Unmodelled<Watch>>,
}

impl Leaving {
    fn is_for(&self, edge: &Edge) -> bool {
        self.watch.as_ref().is_some_and(|watch| Unmodelled::ptr_eq(watch, &edge.watch))
    }

    fn arrive(&mut self) -> Stopped {
        self.watch = None;
        self.swallowed.stopped.clone()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            (watch.report)(&self.swallowed);
        }
    }
}
