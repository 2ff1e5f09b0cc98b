#![doc = include_str!("../README.md")]

use std::fmt;
use std::sync::Arc;

use cease_core::{
    Contract, Job, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, Stopped, Strategy, ThreadBuilder, Worker, current,
};

pub use cease_core::Swallowed;

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("unwind", RunsOn::Thread, Modelled::RealCode)
    .technique("a checkpoint raises the stop like a panic, and it is caught where the job began")
    .stops_at("a checkpoint, also one in a plain function, or a wait on the token")
    .cannot_stop("code without checkpoints, and blocking calls that do not wait on the token; a destructor that panics on \
                  the way out, or a frame of `extern \"C\"`, ends the process; with `panic = \"abort\"` nothing is started");

/// Runs each job on a thread of its own, and stops it by unwinding it from a checkpoint.
///
/// A value of it is a recipe: every worker spawned from it gets a thread, and unless it is given one, a source of its own.
#[derive(Clone)]
pub struct Unwind {
    thread: ThreadBuilder,
    tell: Arc<Tell>,
}

/// Is told which worker swallowed which stop.
type Tell = dyn Fn(&str, &Swallowed) + Send + Sync;

impl Unwind {
    /// Threads called `unwind`, of the standard library's stack size.
    #[must_use]
    pub fn new() -> Self {
        let tell = Arc::new(|worker: &str, swallowed: &Swallowed| swallowed.print(worker));
        Self { thread: ThreadBuilder::new(CONTRACT.strategy), tell }
    }

    /// Sets what the thread, and the worker, is called; Linux shows the first 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { thread: self.thread.name(name), ..self }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { thread: self.thread.stack_size(bytes), ..self }
    }

    /// Sets who is told when a `catch_unwind` of the job swallows its stop, and by which worker; else a line on standard
    /// error says so.
    ///
    /// The job goes on then, and its next checkpoint leaves again.
    /// `tell` runs where the payload is dropped: on any thread of the job, in the middle of another panic, or after the job
    /// has ended. When it panics, the panic hook says so, and nothing else comes of it.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// use std::sync::mpsc::channel;
    ///
    /// use cease_core::{Checkpoint, SpawnFn};
    /// use cease_unwind::Unwind;
    ///
    /// let (tell, told) = channel();
    /// let unwind = Unwind::new().on_swallowed(move |worker, swallowed| {
    ///     let _ = tell.send((worker.to_owned(), swallowed.stopped.reason().to_string()));
    /// });
    /// let worker = unwind.name("plugin").spawn_fn(|stop| -> Result<(), _> {
    ///     loop {
    ///         let _ = catch_unwind(|| stop.check());
    ///         stop.check()?;
    ///     }
    /// })?;
    /// worker.stop_with("unplugged");
    /// assert!(worker.join()?.as_stopped().is_some());
    /// assert!(told.iter().all(|told| told == ("plugin".into(), "requested: unplugged".into())));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_swallowed(self, tell: impl Fn(&str, &Swallowed) + Send + Sync + 'static) -> Self {
        Self { tell: Arc::new(tell), ..self }
    }

    /// Starts `job`, unless this program cannot unwind.
    fn start<J, T>(
        &self,
        source: StopSource,
        job: J,
        run: impl FnOnce(J, &UnwindStop) -> Result<T, Stopped> + Send + 'static,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
    {
        let tell = Arc::clone(&self.tell);
        self.thread.spawn_at_boundary(source, job, move |worker, swallowed| tell(worker, swallowed), run)
    }
}

impl Default for Unwind {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Unwind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unwind").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl<J: Job> Strategy<J> for Unwind {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.start(source, job, |job, stop| job.run(stop))
    }
}

impl SpawnFn for Unwind {
    type Checkpoint = UnwindStop;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&UnwindStop) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.start(source, job, |job, stop| job(stop))
    }
}

/// A checkpoint that leaves the job by unwinding; [`Unwind`] hands it in.
///
/// `check()` and `sleep()` do not return once a stop was asked for: every destructor between them and where the job began
/// runs, and the exit is [`cease_core::Exit::Stopped`].
/// They return `Err` only while the thread unwinds already, so a destructor may call them.
/// `is_stop_requested()` only tells.
///
/// [`lend`](cease_core::UnwindBoundary::enter) gives it to a thread that the job starts itself.
/// A checkpoint there unwinds that thread, and whoever joins it gets the payload: passed on with `resume_unwind`, as rayon
/// does by itself, it stops the job; dropped, it was swallowed.
///
/// ```
/// use std::panic::resume_unwind;
/// use std::thread;
///
/// use cease_core::SpawnFn;
/// use cease_unwind::Unwind;
///
/// let worker = Unwind::new().spawn_fn(|stop| {
///     thread::scope(|scope| {
///         let half = scope.spawn(|| stop.enter(|| (0..).for_each(|_| cease_unwind::check())));
///         half.join().map_err(|payload| resume_unwind(payload))
///     })
/// })?;
/// worker.stop();
/// assert!(worker.join()?.as_stopped().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type UnwindStop = cease_core::UnwindBoundary;

/// Leaves the job that the calling thread runs, by unwinding, if a stop was asked for.
///
/// For a plain function deep in a call stack: it needs neither a parameter nor a `Result`.
/// It goes on where the thread has no job that can be left so, and while the thread unwinds already.
///
/// ```
/// use cease_core::SpawnFn;
/// use cease_unwind::Unwind;
///
/// fn count() -> u64 {
///     (0..).inspect(|_| cease_unwind::check()).fold(0, u64::wrapping_add)
/// }
///
/// let worker = Unwind::new().spawn_fn(|_| Ok(count()))?;
/// worker.stop_with("enough");
/// assert_eq!(worker.join()?.as_stopped().unwrap().reason().to_string(), "requested: enough");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
#[track_caller]
pub fn check() {
    current::checkpoint();
}
