#![doc = include_str!("../README.md")]

mod blocks;

use cease_core::{Contract, Modelled, RunsOn, StopToken, Stopped, Technique, ThreadStrategy, UnwindBoundary};

pub use cease_core::Swallowed;
pub use cease_core::current::checkpoint;
pub use cease_trace_macros::traced;

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("trace", RunsOn::Thread, Modelled::RealCode)
    .technique("an attribute puts checkpoints into code that has none; they leave by unwinding")
    .stops_at("the entry and every loop of a traced function, a checkpoint, or a wait on the token")
    .cannot_stop(
        "code that is not traced and has no checkpoints, and blocking calls that do not wait on the token; a \
                  destructor that panics on the way out ends the process; with `panic = \"abort\"` nothing is started",
    );

/// Runs each job on a thread of its own, and stops it at the checkpoints of traced code.
///
/// A value of it is a set of options: each worker spawned from it gets a thread and, unless the caller passes a source, a
/// source of its own. It is a [`ThreadStrategy`], whose page lists the methods:
///
/// ```
/// use cease_core::SpawnFn;
/// use cease_trace::{Trace, traced};
///
/// #[traced]
/// fn count() {
///     loop {}
/// }
///
/// let trace = Trace::new().name("counter").on_swallowed(|worker, swallowed| swallowed.print(worker));
/// let worker = trace.spawn_fn(|_stop| Ok(count())).unwrap();
/// worker.stop();
/// assert!(worker.join().unwrap().as_stopped().is_some());
/// ```
pub type Trace = ThreadStrategy<ByTrace>;

/// The technique of [`Trace`]: a checkpoint in traced code unwinds the job, and the [`StopToken`] of the job returns.
#[derive(Debug)]
pub enum ByTrace {}

impl Technique for ByTrace {
    type Boundary = UnwindBoundary;
    type Checkpoint = StopToken;
    const CONTRACT: &'static Contract = &CONTRACT;

    fn run<T>(boundary: &UnwindBoundary, job: impl FnOnce(&StopToken) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(boundary.token())
    }
}

/// What the attribute writes; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::blocks::{Count, Cut, Probe};

    /// Has the checkpoint as a method, because the place of a method's call is that of its name, whatever stands before.
    #[derive(Debug, Clone, Copy)]
    pub struct Here;

    impl Here {
        /// A checkpoint.
        #[inline(always)]
        #[track_caller]
        pub fn checkpoint(self) {
            crate::checkpoint();
        }
    }
}
