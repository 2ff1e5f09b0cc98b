//! The thread that stands sentry while nobody joins.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle, ThreadId};

use super::Shared;
use crate::ladder::Role;

/// A thread that stands at the posts that it is sent to, one after the other; dropping it sends it home without waiting for that.
#[derive(Debug)]
pub(crate) struct SupervisorThread {
    /// `None` once it was sent to its last post.
    posts: Option<Sender<Arc<Shared>>>,
    thread: JoinHandle<()>,
}

impl SupervisorThread {
    /// One that waits to be sent somewhere.
    pub(super) fn new() -> io::Result<Self> {
        let (posts, sent_to) = channel::<Arc<Shared>>();
        let body = move || {
            while let Ok(shared) = sent_to.recv() {
                shared.supervise(Role::Thread);
            }
        };
        let thread = thread::Builder::new().name("cease-process".into()).spawn(body)?;
        Ok(Self { posts: Some(posts), thread })
    }

    /// Sends it to the post of `shared`, from where it goes home: whoever joins does not have to wake it for that.
    pub(super) fn stand_last(mut self, shared: &Arc<Shared>) -> Self {
        if let Some(posts) = self.posts.take() {
            // It waits for nothing else.
            let _ = posts.send(Arc::clone(shared));
        }
        self
    }

    /// What sends it to a post, where it stays until that is over or it is relieved; `None` when it was at its last.
    pub(super) fn posts(&self) -> Option<Sender<Arc<Shared>>> {
        self.posts.clone()
    }

    /// Which thread it is.
    pub(super) fn id(&self) -> ThreadId {
        self.thread.thread().id()
    }

    /// Sends it home, and waits until it is gone, unless it is the one who calls.
    pub(crate) fn dismiss(self) {
        let Self { posts, thread } = self;
        drop(posts);
        if thread.thread().id() != thread::current().id() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
