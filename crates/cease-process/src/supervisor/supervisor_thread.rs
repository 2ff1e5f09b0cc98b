//! The thread that supervises a worker while no thread joins it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle, ThreadId};

use crate::ladder::Role;

/// A worker that a thread can supervise.
pub(super) trait Supervised: fmt::Debug + Send + Sync {
    /// Supervises the worker until it has ended; a supervisor thread also returns when a joining thread takes over.
    fn supervise(&self, role: Role);
}

/// A thread that supervises the workers that it is sent, one after the other.
///
/// Dropping it closes its queue and does not wait: the thread ends after the workers that it was sent.
#[derive(Debug)]
pub(crate) struct SupervisorThread {
    /// `None` once it was sent its last worker.
    workers: Option<Sender<Arc<dyn Supervised>>>,
    thread: JoinHandle<()>,
}

impl SupervisorThread {
    /// Starts a thread that waits for workers.
    pub(super) fn new() -> io::Result<Self> {
        let (workers, queue) = channel::<Arc<dyn Supervised>>();
        let body = move || {
            while let Ok(worker) = queue.recv() {
                worker.supervise(Role::Thread);
            }
        };
        let thread = thread::Builder::new().name("cease-process".into()).spawn(body)?;
        Ok(Self { workers: Some(workers), thread })
    }

    /// Sends it `worker` as its last one: the thread ends afterwards by itself, and a joining thread does not have to wake it.
    pub(super) fn supervise_last(mut self, worker: Arc<dyn Supervised>) -> Self {
        if let Some(workers) = self.workers.take() {
            // The thread holds the receiver until the sender is dropped.
            let _ = workers.send(worker);
        }
        self
    }

    /// The queue of workers; `None` once it was sent its last one.
    pub(super) fn workers(&self) -> Option<Sender<Arc<dyn Supervised>>> {
        self.workers.clone()
    }

    /// The id of the thread.
    pub(super) fn id(&self) -> ThreadId {
        self.thread.thread().id()
    }

    /// Closes its queue, and waits until the thread has ended; called on that thread itself it does not wait.
    pub(crate) fn dismiss(self) {
        let Self { workers, thread } = self;
        drop(workers);
        if thread.thread().id() != thread::current().id() {
            // A panic of the thread was reported by the panic hook.
            let _ = thread.join();
        }
    }
}
