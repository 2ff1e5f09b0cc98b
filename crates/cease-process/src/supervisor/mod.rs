//! The side of the parent: starts a worker's process, speaks with it, and ends it.
//!
//! # How it works
//!
//! The thread that spawns does all of the start itself: while the new program is loaded, its containment is prepared, and what
//! it has to do is written to its socket.
//! A thread of its own then stands sentry; whoever joins the worker takes its place, see [`crate::ladder::Post`].

mod conversation;
mod launch;
mod office;
mod start;

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use cease_core::StopToken;
use rustix::event::{EventfdFlags, eventfd};

use crate::ladder::{Desk, Duty, Ladder, Post, Summary};
use crate::process::Options;
use crate::report::{Remains, StopReport};
use office::Office;

/// What the worker, its sentry and those who watch it share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) desk: Desk<StopReport>,
    post: OnceLock<Post<Office>>,
    remains: Mutex<Option<Remains>>,
    /// The number of the process, once it has begun.
    pub(crate) pid: OnceLock<u32>,
}

impl Shared {
    /// Ends what is left of the worker as those at the desk ask, until that is done, or a sentry is relieved.
    fn supervise(&self, duty: Duty) {
        let Some(post) = self.post.get() else { return };
        post.supervise(duty, &self.desk, |office: &mut Office, summary: &Summary| {
            let remains = office.remains(summary);
            let report = remains.report.clone();
            *self.remains.lock().unwrap_or_else(PoisonError::into_inner) = Some(remains);
            report
        });
    }

    /// Takes the sentry's place, waits until it is over, and says what is left.
    pub(crate) fn take_over(&self) -> Option<Remains> {
        self.desk.relieve();
        self.supervise(Duty::Relief);
        // The sentry may be the one who has just seen the end.
        let _ = self.desk.wait();
        self.remains.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A worker that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sentry: JoinHandle<()>,
}

/// Starts a worker that is sent the frame `job`, and waits until it has begun.
pub(crate) fn begin(options: &Options, job: Vec<u8>, stop: &StopToken) -> io::Result<Begun> {
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let waking = Arc::clone(&wake);
    // A count that is full is not read yet, so whoever reads it will be woken.
    let desk = Desk::new(move || _ = rustix::io::write(&waking, &1_u64.to_ne_bytes()));
    let shared = Arc::new(Shared { desk, post: OnceLock::new(), remains: Mutex::new(None), pid: OnceLock::new() });

    // What was started is killed and reaped on the way out, wherever that is.
    let launched = start::launch(options, job, stop)?;
    // It takes as long to start a thread as the program takes to load, and then somebody has to be there at once.
    let (sentry, go) = station(&shared)?;
    let started = match launched.greet(options) {
        Ok(started) => started,
        Err(error) => {
            drop(go);
            let _ = sentry.join();
            return Err(error);
        }
    };
    let pid = started.tree.leader().pid();
    let asked = Arc::clone(&shared);
    // It is called at once when the stop was asked for meanwhile.
    let asking = stop.on_stop(move || asked.desk.request());
    let office = Office::new(started, wake, asking, stop.clone());
    let _ = shared.pid.set(pid);
    let _ = shared.post.set(Post::new(Ladder::new(options.budgets), office));
    // It waits for nothing else.
    let _ = go.send(());
    Ok(Begun { shared, sentry })
}

/// Starts a sentry that stands at the post as soon as it is told to; when it is not, it ends.
fn station(shared: &Arc<Shared>) -> io::Result<(JoinHandle<()>, SyncSender<()>)> {
    let (go, told) = sync_channel(1);
    let theirs = Arc::clone(shared);
    let body = move || {
        if told.recv().is_ok() {
            theirs.supervise(Duty::Sentry);
        }
    };
    let sentry = thread::Builder::new().name("cease-process".into()).spawn(body)?;
    Ok((sentry, go))
}
