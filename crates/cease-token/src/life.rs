//! The life of a worker on a runtime: from the job that waits to be taken, to the exit that waits to be joined.
//!
//! # How it works
//!
//! The runtime is given a [`Runner`], and the job waits in a slot that both sides share.
//! Who drops the runner has shut the runtime down: while the worker is being spawned, the spawner finds the job still there
//! and hands it back; later, the runner says how the worker ended, as it does when the job has run.
//! So each worker has one end, whatever becomes of the runtime, and it is told when nothing of the job is left.

use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cease_core::sync::{Arc, Condvar, Mutex, lock};
use cease_core::{Checkpoint, Exit, Panic, Reason, StopSource, StopToken, WorkerHandle};
use tokio::runtime::{self, Handle};
use tokio::task::{self, coop};

use crate::crew::Member;

/// The reason of a worker whose runtime was shut down while it ran, if nobody had asked it to stop before.
///
/// The worker's own source is not asked, because others may share it.
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
pub(crate) type Sides<J, T> = (Spawner<J, T>, Runner<J, T>);

/// Makes the two sides of a worker that is about to be spawned.
pub(crate) fn begin<J, T>(job: J, stop: StopToken, member: Member) -> Sides<J, T> {
    let end = StopSource::new();
    let ended = end.token();
    let state = State { start: Start::Spawning(job), end: Some(end), exit: None, member: Some(member) };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
    (Spawner { shared: Arc::clone(&shared), ended }, Runner { shared, stop })
}

struct Shared<J, T> {
    state: Mutex<State<J, T>>,
    /// Told when the job is taken, or dropped by the runtime.
    changed: Condvar,
}

struct State<J, T> {
    start: Start<J>,
    /// Asked when the job has ended; `None` from then on, or when there is no end because the spawner has the job.
    end: Option<StopSource>,
    /// `None` before the end, and when it was taken by who joins.
    exit: Option<Exit<T>>,
    /// Counts the worker among those who are left. It goes just after the end was told, so that it holds nobody up, but
    /// before a join returns.
    member: Option<Member>,
}

/// Where the job is.
enum Start<J> {
    /// In the slot, and the spawner may still take it back.
    Spawning(J),
    /// In the slot, for the runtime alone.
    Spawned(J),
    /// With the task that runs it, if one does.
    Taken(Option<task::Id>),
    /// In the slot, while the spawner does not know yet that the runtime has dropped the runner.
    Refused(J),
    /// With the spawner, who hands it back.
    Withdrawn,
}

/// The side that spawns.
pub(crate) struct Spawner<J, T> {
    shared: Arc<Shared<J, T>>,
    ended: StopToken,
}

impl<J, T> Spawner<J, T> {
    /// Waits until the job is taken or refused; false when it still waits after `limit`.
    pub(crate) fn wait_until_taken(&self, limit: Duration) -> bool {
        let waits = |state: &mut State<J, T>| matches!(state.start, Start::Spawning(_));
        let waited = self.shared.changed.wait_timeout_while(lock(&self.shared.state), limit, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Takes the job back, unless it runs already.
    pub(crate) fn withdraw(&self) -> Option<J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.start, Start::Withdrawn) {
            Start::Spawning(job) | Start::Refused(job) => {
                drop((state.end.take(), state.member.take()));
                Some(job)
            }
            other => {
                state.start = other;
                None
            }
        }
    }

    /// Leaves the job to the runtime; `Err` with the job when the runtime has refused it.
    pub(crate) fn leave(&self) -> Result<(), J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.start, Start::Withdrawn) {
            Start::Spawning(job) => state.start = Start::Spawned(job),
            Start::Refused(job) => {
                drop((state.end.take(), state.member.take()));
                return Err(job);
            }
            other => state.start = other,
        }
        Ok(())
    }

    /// The worker's inside; `runtime` is whose threads run it, if they run other tasks too.
    pub(crate) fn running(self, runtime: Option<runtime::Id>) -> Box<dyn WorkerHandle<T>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        Box::new(RunningTask { shared: self.shared, ended: self.ended, runtime })
    }
}

/// The side that the runtime has; dropping it says that the job was cut off.
pub(crate) struct Runner<J, T> {
    shared: Arc<Shared<J, T>>,
    stop: StopToken,
}

impl<J, T> Runner<J, T> {
    /// What the job is stopped by.
    pub(crate) const fn stop(&self) -> &StopToken {
        &self.stop
    }

    /// Takes the job in order to run it, in this task; `None` when the spawner has taken it back.
    pub(crate) fn take(&self) -> Option<J> {
        let mut state = lock(&self.shared.state);
        match mem::replace(&mut state.start, Start::Taken(task::try_id())) {
            Start::Spawning(job) | Start::Spawned(job) => {
                self.shared.changed.notify_all();
                Some(job)
            }
            other => {
                state.start = other;
                None
            }
        }
    }

    /// Says how the worker ended, when nothing of its job is left; the first time it is said counts.
    pub(crate) fn end(&self, exit: Exit<T>) {
        let mut state = lock(&self.shared.state);
        let Some(end) = state.end.take() else { return };
        state.exit = Some(exit);
        drop(state);
        end.request();
        // Under the lock, so that who joins does not find it gone before it is.
        drop(lock(&self.shared.state).member.take());
    }

    /// The exit of a job that was cut off: the stop that was asked for, or else that the runtime was shut down.
    pub(crate) fn cut_off(&self) -> Exit<T> {
        Exit::Stopped(self.stop.check().err().unwrap_or_else(|| {
            let source = StopSource::new();
            source.request_with_location(Reason::custom(RuntimeShutDown), None);
            source.token().check().expect_err("it was asked for")
        }))
    }

    /// Whether the end is still to be told, and the job if it is to be dropped before.
    fn refuse(&self) -> (bool, Option<J>) {
        let mut state = lock(&self.shared.state);
        let job = match mem::replace(&mut state.start, Start::Taken(None)) {
            Start::Spawned(job) => Some(job),
            Start::Spawning(job) => {
                state.start = Start::Refused(job);
                self.shared.changed.notify_all();
                return (false, None);
            }
            other => {
                state.start = other;
                None
            }
        };
        (state.end.is_some(), job)
    }
}

impl<J, T> Drop for Runner<J, T> {
    fn drop(&mut self) {
        let (is_untold, job) = self.refuse();
        if is_untold {
            let exit = caught(|| drop(job)).map_or_else(Exit::Panicked, |()| self.cut_off());
            self.end(exit);
        }
    }
}

/// Calls `f`, and catches its panic.
///
/// What `f` leaves half done is the job's own, which is never looked at again.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new)
}

struct RunningTask<J, T> {
    shared: Arc<Shared<J, T>>,
    ended: StopToken,
    /// The runtime whose threads run it beside other tasks; `None` when it has a thread of its own.
    runtime: Option<runtime::Id>,
}

impl<J: Send, T: Send> WorkerHandle<T> for RunningTask<J, T> {
    fn ended(&self) -> &StopToken {
        &self.ended
    }

    fn is_current(&self) -> bool {
        let this = task::try_id();
        this.is_some() && matches!(lock(&self.shared.state).start, Start::Taken(id) if id == this)
    }

    fn needs_this_thread(&self) -> bool {
        let here = |id| Handle::try_current().is_ok_and(|here| here.id() == id);
        self.runtime.is_some_and(here) && in_async_code()
    }

    fn join(self: Box<Self>) -> Exit<T> {
        // The source of the end is with the runner, which asks it before it goes.
        let _ = self.ended.wait();
        let mut state = lock(&self.shared.state);
        drop(state.member.take());
        state.exit.take().expect("a runner stores the exit before it tells of the end (law L7)")
    }
}

/// Whether the calling thread is inside a future that tokio polls, as opposed to a thread that may block.
///
/// tokio gives such a future a budget, and a thread that may block has none to use up; what is used up here is given back.
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
    // Each gives back what there was before it.
    while used.pop().is_some() {}
    is_limited
}
