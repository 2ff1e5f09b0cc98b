//! The threads that call the callbacks of deadlines: at most [`LIMIT`], however many deadlines pass.
//!
//! # How it works
//!
//! Callbacks wait in one queue, in the order in which their deadlines passed.
//! A thread is started when something is queued and fewer than the limit run; it ends when the queue is empty, so a process
//! in which no callback is due has none of these threads.
//!
//! # Limits
//!
//! A callback that does not return holds its thread for good. When such callbacks hold all threads, the rest of the queue
//! waits. The timer thread marks and wakes without them, so no stop waits for a callback.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{mem, thread};

/// How many threads call callbacks at the same time.
pub(crate) const LIMIT: usize = 4;

type Call = Box<dyn FnOnce() + Send>;

/// The queue and its threads; lives as long as the process.
#[derive(Debug)]
pub(crate) struct CallbackThreads(Mutex<State>);

struct State {
    queue: VecDeque<Call>,
    threads: usize,
}

impl CallbackThreads {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(State { queue: VecDeque::new(), threads: 0 }))
    }

    /// Queues `call`, and starts a thread for it when fewer than [`LIMIT`] run.
    pub(crate) fn call(&'static self, call: Call) {
        self.lock().queue.push_back(call);
        self.start();
    }

    /// Starts a thread when something is queued and fewer than [`LIMIT`] run.
    pub(crate) fn start(&'static self) {
        let mut state = self.lock();
        if state.queue.is_empty() || state.threads == LIMIT {
            return;
        }
        state.threads += 1;
        drop(state);
        if thread::Builder::new().name("cease-callbacks".to_owned()).spawn(|| self.run()).is_err() {
            self.lock().threads -= 1;
        }
    }

    /// Whether something is queued and no thread is there to call it, because none could be started.
    pub(crate) fn is_stalled(&self) -> bool {
        let state = self.lock();
        state.threads == 0 && !state.queue.is_empty()
    }

    /// Takes the queue of the parent process; leaves it where a thread held its lock during the fork.
    pub(crate) fn take_over(&'static self, parent: &Self) {
        let Some(mut before) = try_lock(&parent.0) else { return };
        let queue = mem::take(&mut before.queue);
        drop(before);
        self.lock().queue.extend(queue);
        self.start();
    }

    fn run(&self) {
        loop {
            let mut state = self.lock();
            let Some(call) = state.queue.pop_front() else {
                state.threads -= 1;
                return;
            };
            drop(state);
            // A panic of a callback is kept by its request; whatever else panics must not end the thread uncounted.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(call)) {
                // Dropping it could panic again.
                mem::forget(payload);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("queued", &self.queue.len()).field("threads", &self.threads).finish()
    }
}

/// Takes a lock of the parent process; `None` where a thread that does not exist here holds it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(std::sync::TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}
