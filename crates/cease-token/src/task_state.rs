//! The state of a worker on a runtime: from the job that waits for the runtime, to the exit that waits for a join.
//!
//! # How it works
//!
//! The job waits in a slot that both sides share; the runtime has the [`RunSide`], the caller of the spawn the [`SpawnSide`].
//! A runtime that is shut down drops the run side. During the spawn, the spawn side then finds the job in the slot and
//! returns it in the error; later, the run side stores the exit, as it does when the job has run.
//! So each worker ends exactly once, after everything of the job was dropped, whatever becomes of the runtime.

use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use cease_core::sync::{Arc, Mutex, lock};
use cease_core::{Checkpoint, Exit, Panic, Reason, StopSource, StopToken, WorkerHandle};
use tokio::runtime::{self, Handle};
use tokio::task::{self, coop};

use crate::task_registry::Registration;

/// The reason of a worker whose runtime was shut down before it ended, unless a stop was requested before.
///
/// No request is made at the source of the worker, because other workers may share it.
///
/// ```
/// use cease_core::Exit;
/// use cease_token::{RuntimeShutDown, SpawnTask, Token};
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// let worker = Token::new(runtime.handle().clone())
///     .spawn_task(|_stop| async { Ok(std::future::pending::<()>().await) })
///     .unwrap();
/// drop(runtime);
/// let Exit::Stopped(stopped) = worker.join().unwrap() else { panic!("it was dropped") };
/// assert!(stopped.reason().downcast_ref::<RuntimeShutDown>().is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuntimeShutDown;

impl fmt::Display for RuntimeShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tokio runtime was shut down")
    }
}

impl Error for RuntimeShutDown {}

/// The two sides of a worker.
pub(crate) type Sides<J, T> = (SpawnSide<J, T>, RunSide<J, T>);

/// Makes the two sides of a worker that is about to be spawned.
pub(crate) fn sides<J, T>(job: J, stop: StopToken, registration: Registration) -> Sides<J, T> {
    let end = StopSource::new();
    let ended = end.token();
    let slot = Slot::Spawning(job);
    let state = State { slot, end: Some(end), exit: None, registration: Some(registration) };
    let shared = Arc::new(Shared { state: Mutex::new(state), stop });
    (SpawnSide { shared: Arc::clone(&shared), ended }, RunSide { shared })
}

struct Shared<J, T> {
    state: Mutex<State<J, T>>,
    stop: StopToken,
}

struct State<J, T> {
    slot: Slot<J>,
    /// Requested when the worker has ended; `None` from then on, and when the spawn failed.
    end: Option<StopSource>,
    /// `None` before the end, and after the join.
    exit: Option<Exit<T>>,
    /// Dropped just after the request of `end`, so that it delays no waiting thread, but before a join returns.
    registration: Option<Registration>,
}

/// Where the job is.
enum Slot<J> {
    /// In the slot during the spawn; the spawn side can still take it back.
    Spawning(J),
    /// In the slot after the spawn.
    Waiting(J),
    /// With the run side, in this task.
    Running(Option<task::Id>),
    /// In the slot during the spawn, after the runtime has dropped the run side.
    Refused(J),
    /// With the spawn side, whose error returns it.
    Withdrawn,
}

impl<J, T> Shared<J, T> {
    /// Ends the worker, when everything of its job was dropped; only the first call has an effect.
    fn end(&self, exit: Exit<T>) {
        let mut state = lock(&self.state);
        let Some(end) = state.end.take() else { return };
        state.exit = Some(exit);
        drop(state);
        end.request();
        // Under the lock, so that a join does not return between its take and its drop.
        drop(lock(&self.state).registration.take());
    }

    /// The exit of a job that has no result: the stop that was requested, or else [`RuntimeShutDown`].
    fn unfinished(&self) -> Exit<T> {
        Exit::Stopped(self.stop.check().err().unwrap_or_else(|| {
            let source = StopSource::new();
            source.request_with_location(Reason::custom(RuntimeShutDown), None);
            source.token().check().expect_err("it was requested in the line above")
        }))
    }
}

/// The side of the caller of the spawn.
pub(crate) struct SpawnSide<J, T> {
    shared: Arc<Shared<J, T>>,
    ended: StopToken,
}

impl<J, T> SpawnSide<J, T> {
    /// Takes the job back, unless it runs already.
    pub(crate) fn withdraw(&self) -> Option<J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.slot, Slot::Withdrawn) {
            Slot::Spawning(job) | Slot::Refused(job) => {
                drop((state.end.take(), state.registration.take()));
                Some(job)
            }
            other => {
                state.slot = other;
                None
            }
        }
    }

    /// Leaves the job to the runtime; `Err` with the job when the runtime has refused it.
    pub(crate) fn leave(&self) -> Result<(), J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.slot, Slot::Withdrawn) {
            Slot::Spawning(job) => state.slot = Slot::Waiting(job),
            Slot::Refused(job) => {
                drop((state.end.take(), state.registration.take()));
                return Err(job);
            }
            other => state.slot = other,
        }
        Ok(())
    }

    /// The handle of the worker; `runtime` is the one whose threads run it, if they run other tasks too.
    pub(crate) fn into_handle(self, runtime: Option<runtime::Id>) -> Box<dyn WorkerHandle<T>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        Box::new(TaskHandle { shared: self.shared, ended: self.ended, runtime })
    }
}

/// The side of the runtime; dropping it ends the worker, unless it has ended.
pub(crate) struct RunSide<J, T> {
    shared: Arc<Shared<J, T>>,
}

impl<J, T> RunSide<J, T> {
    /// The stop of the job.
    pub(crate) fn stop(&self) -> &StopToken {
        &self.shared.stop
    }

    /// Takes the job in order to run it in the current task; `None` when the spawn side has taken it back.
    pub(crate) fn take(&self) -> Option<J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.slot, Slot::Running(task::try_id())) {
            Slot::Spawning(job) | Slot::Waiting(job) => Some(job),
            other => {
                state.slot = other;
                None
            }
        }
    }

    /// Ends the worker, when everything of its job was dropped; only the first call has an effect.
    pub(crate) fn end(&self, exit: Exit<T>) {
        self.shared.end(exit);
    }

    /// The exit of a job that has no result: the stop that was requested, or else [`RuntimeShutDown`].
    pub(crate) fn unfinished(&self) -> Exit<T> {
        self.shared.unfinished()
    }
}

impl<J, T> Drop for RunSide<J, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.slot, Slot::Withdrawn) {
            // The spawn side returns it in its error.
            Slot::Spawning(job) => state.slot = Slot::Refused(job),
            Slot::Waiting(job) => {
                drop(state);
                let exit = caught(|| drop(job)).map_or_else(Exit::Panicked, |()| self.unfinished());
                self.end(exit);
            }
            Slot::Running(task) => {
                state.slot = Slot::Running(task);
                let has_ended = state.end.is_none();
                drop(state);
                if !has_ended {
                    self.end(self.unfinished());
                }
            }
            other => state.slot = other,
        }
    }
}

/// Calls `f`, and catches its panic.
///
/// What `f` leaves half done belongs to the job, and no code looks at it again.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new)
}

struct TaskHandle<J, T> {
    shared: Arc<Shared<J, T>>,
    ended: StopToken,
    /// The runtime whose threads run it beside other tasks; `None` when it has a thread to itself.
    runtime: Option<runtime::Id>,
}

impl<J: Send, T: Send> WorkerHandle<T> for TaskHandle<J, T> {
    fn ended(&self) -> &StopToken {
        &self.ended
    }

    fn is_current(&self) -> bool {
        let this = task::try_id();
        this.is_some() && matches!(lock(&self.shared.state).slot, Slot::Running(id) if id == this)
    }

    fn needs_this_thread(&self) -> bool {
        let here = |id| Handle::try_current().is_ok_and(|here| here.id() == id);
        self.runtime.is_some_and(here) && in_async_code()
    }

    fn join(self: Box<Self>) -> Exit<T> {
        // The source of the end lives until it is requested, so this wait ends.
        let _ = self.ended.wait();
        let mut state = lock(&self.shared.state);
        drop(state.registration.take());
        state.exit.take().expect("the exit is stored before the end is requested (law L7)")
    }
}

/// Whether the calling thread is inside a future that tokio polls, as opposed to a thread that may block.
///
/// tokio gives such a future a budget, and gives none to a thread that may block; this function returns what it uses up.
fn in_async_code() -> bool {
    /// More than the budget of any future.
    const MOST: usize = 1024;
    let mut context = Context::from_waker(Waker::noop());
    let mut used = Vec::new();
    while used.len() < MOST {
        match coop::poll_proceed(&mut context) {
            Poll::Ready(one) => used.push(one),
            Poll::Pending => break,
        }
    }
    let is_limited = used.len() < MOST;
    // Each drop restores the budget from before its use, so the last one goes first.
    while used.pop().is_some() {}
    is_limited
}
