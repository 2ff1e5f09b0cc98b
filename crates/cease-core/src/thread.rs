//! Workers that are threads, for every strategy that runs its jobs on one.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::fault::{self, Fault};
use crate::sync::{Arc, Mutex, lock, thread};
use crate::{
    Exit, Panic, SpawnError, StopSource, StopToken, Stopped, Swallowed, UnwindBoundary, Worker, WorkerHandle, current,
};

/// What a worker's thread is called, and how large its stack is.
///
/// ```
/// use cease_core::{Checkpoint, Exit, StopSource, ThreadBuilder};
///
/// let builder = ThreadBuilder::new("counter");
/// let worker = builder.spawn(StopSource::new(), 20, |start: i32, _stop| Ok(start + 1)).unwrap();
/// assert_eq!(worker.join().unwrap().into_finished(), Some(21));
/// ```
#[derive(Debug, Clone)]
pub struct ThreadBuilder {
    name: String,
    stack_size: Option<usize>,
}

impl ThreadBuilder {
    /// Threads of the standard library's stack size, called `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), stack_size: None }
    }

    /// Sets what the thread, and the worker, is called; Linux shows the first 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { stack_size: Some(bytes), ..self }
    }

    /// Starts a thread that calls `run` with `job`, and catches its panic.
    ///
    /// `run` gets the token of `source`, which is also the thread's own: see [`crate::current`].
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it: the operating system has no thread to give, or the name has a NUL in it.
    pub fn spawn<J, T, R>(&self, source: StopSource, job: J, run: R) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &StopToken) -> Result<T, Stopped> + Send + 'static,
    {
        self.start(source, job, |stop| stop, run)
    }

    /// As [`ThreadBuilder::spawn`], for jobs that are left by unwinding: `run` gets the [`UnwindBoundary`] where its stop is caught.
    ///
    /// `report` is told, with the name of the worker, of each stop that was swallowed; see [`UnwindBoundary::new`].
    ///
    /// ```
    /// use cease_core::{StopSource, ThreadBuilder, current};
    ///
    /// let count = |start: u64| (start..).inspect(|_| current::checkpoint()).fold(0, u64::wrapping_add);
    /// let report = |worker: &str, swallowed: &cease_core::Swallowed| swallowed.print(worker);
    /// let worker = ThreadBuilder::new("counter")
    ///     .spawn_at_boundary(StopSource::new(), 20, report, move |start, _edge| Ok(count(start)))
    ///     .unwrap();
    /// worker.stop();
    /// assert!(worker.join().unwrap().as_stopped().is_some());
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`ThreadBuilder::spawn`], and with [`io::ErrorKind::Unsupported`] in a program that cannot unwind.
    pub fn spawn_at_boundary<J, T, R>(
        &self,
        source: StopSource,
        job: J,
        report: impl Fn(&str, &Swallowed) + Send + Sync + 'static,
        run: R,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &UnwindBoundary) -> Result<T, Stopped> + Send + 'static,
    {
        if !UnwindBoundary::is_possible() {
            let why = "a job that is stopped by unwinding needs a program that was built with panic = \"unwind\"";
            let error = io::Error::new(io::ErrorKind::Unsupported, why);
            return Err(SpawnError::new(self.name.clone(), error, job));
        }
        let name = self.name.clone();
        self.start(source, job, |stop| UnwindBoundary::at(stop, move |swallowed| report(&name, swallowed)), run)
    }

    /// Starts a thread in `scope` that calls `run` with `job`, both of which may borrow what outlives the scope.
    ///
    /// # Errors
    ///
    /// As for [`ThreadBuilder::spawn`].
    #[cfg(not(any(loom, shuttle)))]
    pub fn spawn_scoped<'scope, J, T, R>(
        &self,
        scope: &'scope thread::Scope<'scope, '_>,
        source: StopSource,
        job: J,
        run: R,
    ) -> Result<crate::ScopedWorker<'scope, T>, SpawnError<J>>
    where
        J: Send + 'scope,
        T: Send + 'scope,
        R: FnOnce(J, &StopToken) -> Result<T, Stopped> + Send + 'scope,
    {
        let (parts, body) = prepare(&source, job, |stop| stop, run);
        match self.os_builder().and_then(|builder| builder.spawn_scoped(scope, body)) {
            Ok(handle) => {
                Ok(crate::ScopedWorker::new(self.name.clone(), source, parts.running(handle.thread().id(), handle)))
            }
            Err(error) => Err(SpawnError::new(self.name.clone(), error, parts.into_job())),
        }
    }

    fn start<J, T, P, R>(
        &self,
        source: StopSource,
        job: J,
        place: impl FnOnce(StopToken) -> P + Send + 'static,
        run: R,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        P: Place + 'static,
        R: FnOnce(J, &P) -> Result<T, Stopped> + Send + 'static,
    {
        let (parts, body) = prepare(&source, job, place, run);
        match self.os_builder().and_then(|builder| builder.spawn(body)) {
            Ok(handle) => Ok(Worker::new(self.name.clone(), source, parts.running(handle.thread().id(), handle))),
            Err(error) => Err(SpawnError::new(self.name.clone(), error, parts.into_job())),
        }
    }

    fn os_builder(&self) -> io::Result<thread::Builder> {
        if self.name.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name has a NUL byte in it"));
        }
        let builder = thread::Builder::new().name(self.name.clone());
        Ok(match self.stack_size {
            Some(bytes) => builder.stack_size(bytes),
            None => builder,
        })
    }
}

/// What stays with the spawner: the way to take the job back, and to hear of the end.
struct Parts<J> {
    slot: Arc<Mutex<Option<J>>>,
    stop: StopToken,
    finished: StopToken,
}

impl<J> Parts<J> {
    fn into_job(self) -> J {
        lock(&self.slot).take().expect("a thread that was not started took nothing")
    }

    fn running<'scope, H, T>(self, id: thread::ThreadId, handle: H) -> Box<dyn WorkerHandle<T> + 'scope>
    where
        H: OsHandle<Exit<T>> + 'scope,
        T: 'scope,
    {
        Box::new(RunningThread { id, handle, stop: self.stop, finished: self.finished })
    }
}

/// Where a job runs, and what its panic comes to.
trait Place {
    fn token(&self) -> &StopToken;

    /// Calls `job` with the token as the thread's own; `Err` is its panic.
    fn catch<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> std::thread::Result<Result<T, Stopped>>;
}

impl Place for StopToken {
    fn token(&self) -> &StopToken {
        self
    }

    fn catch<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> std::thread::Result<Result<T, Stopped>> {
        // Unwinding leaves nothing behind that can be seen half done: the job was moved in, and what it shares with
        // others it shares as any thread of the standard library does.
        catch_unwind(AssertUnwindSafe(|| current::with(self, job)))
    }
}

impl Place for UnwindBoundary {
    fn token(&self) -> &StopToken {
        self.token()
    }

    fn catch<T>(&self, job: impl FnOnce() -> Result<T, Stopped>) -> std::thread::Result<Result<T, Stopped>> {
        self.catch(job)
    }
}

/// Splits a spawn into what stays here and what runs on the thread, at the place that is made for its stop.
///
/// The job waits in a slot, because a spawn that fails drops what it was given.
/// The end of the job is an event like any other, so the stop primitive carries it.
fn prepare<J, T, P, M, R>(
    source: &StopSource,
    job: J,
    place: M,
    run: R,
) -> (Parts<J>, impl FnOnce() -> Exit<T> + use<J, T, P, M, R>)
where
    P: Place,
    M: FnOnce(StopToken) -> P,
    R: FnOnce(J, &P) -> Result<T, Stopped>,
{
    let lost = fault::is(Fault::StopBeforeStartLost) && source.is_stop_requested();
    let stop = if lost { StopSource::new().token() } else { source.token() };
    let slot = Arc::new(Mutex::new(Some(job)));
    let finished = StopSource::new();
    let parts = Parts { slot: Arc::clone(&slot), stop: stop.clone(), finished: finished.token() };
    let body = move || {
        let job = lock(&slot).take().expect("only a spawn that failed takes the job back");
        drop(slot);
        let place = place(stop);
        let exit = match place.catch(|| run(job, &place)) {
            Ok(Ok(_)) if fault::is(Fault::LostValue) && place.token().is_stop_requested() => Exit::Abandoned,
            Ok(Ok(value)) => Exit::Finished(value),
            Ok(Err(stopped)) => Exit::Stopped(stopped),
            Err(_) if fault::is(Fault::SwallowedPanic) => Exit::Abandoned,
            Err(payload) => Exit::Panicked(Panic::new(payload)),
        };
        drop(place);
        finished.request();
        exit
    };
    (parts, body)
}

struct RunningThread<H> {
    id: thread::ThreadId,
    handle: H,
    stop: StopToken,
    finished: StopToken,
}

impl<T, H: OsHandle<Exit<T>>> WorkerHandle<T> for RunningThread<H> {
    fn ended(&self) -> &StopToken {
        &self.finished
    }

    fn is_current(&self) -> bool {
        thread::current().id() == self.id
    }

    fn join(self: Box<Self>) -> Exit<T> {
        if fault::is(Fault::EarlyJoin) && self.stop.is_stop_requested() {
            return Exit::Abandoned;
        }
        // The body catches the job's panic; what is left is one from dropping what the body owned.
        self.handle.join_os().unwrap_or_else(|payload| Exit::Panicked(Panic::new(payload)))
    }
}

/// What the thread of a worker and the thread of a scoped worker have in common.
trait OsHandle<R>: Send + Sync {
    fn join_os(self) -> std::thread::Result<R>;
}

impl<R: Send> OsHandle<R> for thread::JoinHandle<R> {
    fn join_os(self) -> std::thread::Result<R> {
        self.join()
    }
}

#[cfg(not(any(loom, shuttle)))]
impl<R: Send> OsHandle<R> for thread::ScopedJoinHandle<'_, R> {
    fn join_os(self) -> std::thread::Result<R> {
        self.join()
    }
}
