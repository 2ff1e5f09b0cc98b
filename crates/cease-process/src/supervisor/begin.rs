//! Starts a worker of one job.

use std::io;
use std::sync::Arc;
use std::thread::ThreadId;

use cease_core::StopToken;

use super::os_backend::OsBackend;
use super::shared::Shared;
use super::start;
use super::supervisor_thread::SupervisorThread;
use crate::options::Options;

/// A worker that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) shared: Arc<Shared>,
    /// The supervisor thread, unless it belongs to a pool.
    pub(crate) sentry: Option<SupervisorThread>,
    /// The id of the supervisor thread.
    pub(crate) on: ThreadId,
}

/// Starts a worker, sends it the frame `job`, and waits until the job has begun.
pub(crate) fn begin(options: &Options, job: Vec<u8>, stop: &StopToken) -> io::Result<Begun> {
    let (shared, wake) = Shared::new()?;
    // Each early return drops `launched`, which kills and reaps the process.
    let launched = start::launch(options, Some((job, stop)))?;
    // The thread starts while the program is loaded, so that it can supervise the worker at once.
    let thread = SupervisorThread::new()?;
    let started = match launched.greet(options) {
        Ok(started) => started,
        Err(error) => {
            thread.dismiss();
            return Err(error);
        }
    };
    let asking = shared.asking(stop);
    let backend = OsBackend::new(started, wake, asking, stop.clone(), None);
    shared.open(options, backend);
    let on = thread.id();
    let thread = thread.supervise_last(Arc::clone(&shared) as _);
    Ok(Begun { shared, sentry: Some(thread), on })
}
