//! What a harness sets and reads while loom runs a model.
//!
//! loom runs all threads of a model on one thread of the operating system, so all of this belongs to that thread.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use loom::thread::{self, ThreadId};

/// How many steps are kept.
const KEPT: usize = 40;

std::thread_local! {
    static SPURIOUS: Cell<bool> = const { Cell::new(false) };
    static WAITED: Cell<bool> = const { Cell::new(false) };
    static STEPS: Steps = Steps::default();
}

/// Lets the first wait on each condition variable, and the first park of each parker, end without a notification.
///
/// loom itself never wakes a thread without one, so a model finds no `if` that should be a `while`.
/// A second exploration with this finds it.
pub fn wake_spuriously(on: bool) {
    SPURIOUS.set(on);
}

/// Whether any thread has waited since the last call.
pub fn has_waited() -> bool {
    WAITED.replace(false)
}

/// Whether a wait that begins now ends at once: the first of those that share `given`, where the harness asks for it.
pub(super) fn ends_at_once(given: &AtomicBool) -> bool {
    WAITED.set(true);
    // ORDERING: Relaxed: loom runs one thread at a time.
    SPURIOUS.get() && !given.swap(true, Relaxed)
}

/// Keeps an operation as the latest step of the calling thread.
#[track_caller]
pub(super) fn note(operation: &'static str) {
    let step = Step { thread: thread::current().id(), operation, place: Location::caller() };
    STEPS.with(|steps| steps.push(step));
}

/// The steps of the model that the calling thread runs.
#[must_use]
pub fn steps() -> Steps {
    STEPS.with(Steps::clone)
}

/// The latest steps of an interleaving; as text, a line each, the latest last.
///
/// A step is an access to an atomic, a lock that is taken, a wait or a wake-up, each through [`crate::sync`].
#[derive(Debug, Clone, Default)]
pub struct Steps(Arc<Mutex<VecDeque<Step>>>);

#[derive(Debug)]
struct Step {
    thread: ThreadId,
    operation: &'static str,
    place: &'static Location<'static>,
}

impl Steps {
    /// Forgets all steps: the next interleaving begins.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn push(&self, step: Step) {
        let mut steps = self.lock();
        if steps.len() == KEPT {
            steps.pop_front();
        }
        steps.push_back(step);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Step>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Step { thread, operation, place } in self.lock().iter() {
            writeln!(f, "    {thread:?} {operation} at {place}")?;
        }
        Ok(())
    }
}
