//! Strategies that run each job on a thread of its own: one builder, with the technique as its parameter.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};

use crate::sync::Unmodelled;
use crate::{
    Checkpoint, Contract, Job, SpawnError, SpawnFn, StopSource, StopToken, Stopped, Strategy, Swallowed, ThreadBuilder,
    UnwindBoundary, Worker,
};
#[cfg(not(any(loom, shuttle)))]
use crate::{ScopedWorker, sync::thread::Scope};

/// How a request reaches a job that has a thread of its own; the parameter of [`ThreadStrategy`].
///
/// ```
/// use cease_core::{Checkpoint, Contract, Modelled, RunsOn, SpawnFn, StopToken, Stopped, Technique, ThreadStrategy};
///
/// /// Jobs that poll a flag.
/// pub enum ByPolling {}
///
/// impl Technique for ByPolling {
///     type Boundary = StopToken;
///     type Checkpoint = StopToken;
///     const CONTRACT: &'static Contract = &Contract::new("polling", RunsOn::Thread, Modelled::RealCode)
///         .technique("the job polls a flag")
///         .stops_at("a checkpoint")
///         .cannot_stop("code without checkpoints");
///
///     fn run<T>(stop: &StopToken, job: impl FnOnce(&StopToken) -> Result<T, Stopped>) -> Result<T, Stopped> {
///         job(stop)
///     }
/// }
///
/// type Polling = ThreadStrategy<ByPolling>;
///
/// let worker = Polling::new().name("counter").spawn_fn(|stop| stop.check().map(|()| 7)).unwrap();
/// assert_eq!(worker.join().unwrap().into_finished(), Some(7));
/// ```
pub trait Technique: 'static {
    /// How a stop leaves the job: [`StopToken`] when the job returns it, [`UnwindBoundary`] when it unwinds the job.
    type Boundary: JobBoundary;
    /// What a job gets to ask whether it should stop.
    type Checkpoint: Checkpoint;
    /// What the strategy promises; its threads and workers have the name of the strategy unless they are given another.
    const CONTRACT: &'static Contract;

    /// Calls `job` with its checkpoint, on the thread of the job.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when `job` returned it.
    fn run<T>(
        boundary: &Self::Boundary,
        job: impl FnOnce(&Self::Checkpoint) -> Result<T, Stopped>,
    ) -> Result<T, Stopped>;
}

/// Where a stop leaves a job: [`StopToken`] or [`UnwindBoundary`], and no other type.
pub trait JobBoundary: sealed::Boundary {}

impl JobBoundary for StopToken {}
impl JobBoundary for UnwindBoundary {}

mod sealed {
    use crate::{SpawnError, StopSource, Stopped, ThreadBuilder, Worker};

    /// What [`super::ThreadStrategy`] does with a boundary.
    pub trait Boundary: Sized + 'static {
        /// What the builder keeps for it.
        type Settings: Clone + Default;

        /// Starts a thread that calls `run` with `job` inside this boundary.
        fn spawn<J, T, R>(
            thread: &ThreadBuilder,
            settings: &Self::Settings,
            source: StopSource,
            job: J,
            run: R,
        ) -> Result<Worker<T>, SpawnError<J>>
        where
            J: Send + 'static,
            T: Send + 'static,
            R: FnOnce(J, &Self) -> Result<T, Stopped> + Send + 'static;
    }
}

impl sealed::Boundary for StopToken {
    type Settings = ();

    fn spawn<J, T, R>(
        thread: &ThreadBuilder,
        (): &(),
        source: StopSource,
        job: J,
        run: R,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &Self) -> Result<T, Stopped> + Send + 'static,
    {
        thread.spawn(source, job, run)
    }
}

impl sealed::Boundary for UnwindBoundary {
    type Settings = SwallowedReport;

    fn spawn<J, T, R>(
        thread: &ThreadBuilder,
        settings: &SwallowedReport,
        source: StopSource,
        job: J,
        run: R,
    ) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &Self) -> Result<T, Stopped> + Send + 'static,
    {
        let SwallowedReport(report) = settings.clone();
        thread.spawn_at_boundary(source, job, move |worker, swallowed| report(worker, swallowed), run)
    }
}

/// The function that is called with the name of a worker and a stop that its job swallowed.
#[derive(Clone)]
pub struct SwallowedReport(Unmodelled<Report>);

type Report = dyn Fn(&str, &Swallowed) + Send + Sync;

impl Default for SwallowedReport {
    fn default() -> Self {
        Self(Unmodelled::new(|worker: &str, swallowed: &Swallowed| swallowed.print(worker)))
    }
}

// The report is called on threads that unwind, so it has to cope with whatever an unwinding leaves.
impl UnwindSafe for SwallowedReport {}
impl RefUnwindSafe for SwallowedReport {}

impl fmt::Debug for SwallowedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwallowedReport").finish_non_exhaustive()
    }
}

/// Runs each job on a thread of its own, and stops it by the technique `M`.
///
/// A value of it is a set of options: each worker spawned from it gets a thread and, unless the caller passes a source, a
/// source of its own.
/// The aliases of the strategies' crates, such as `cease_flag::Flag`, name it with their technique.
///
/// | to spawn | call |
/// |---|---|
/// | a closure | [`spawn_fn`](SpawnFn::spawn_fn), [`spawn_fn_with`](SpawnFn::spawn_fn_with) |
/// | a closure that can fail | [`spawn_fallible`](SpawnFn::spawn_fallible) |
/// | a [`Job`] | [`spawn`](Strategy::spawn), [`spawn_with`](Strategy::spawn_with) |
/// | a closure that borrows from the stack | [`spawn_scoped`](Self::spawn_scoped) |
pub struct ThreadStrategy<M: Technique> {
    thread: ThreadBuilder,
    settings: <M::Boundary as sealed::Boundary>::Settings,
    technique: PhantomData<fn() -> M>,
}

impl<M: Technique> ThreadStrategy<M> {
    /// Threads with the name of the strategy and the stack size of the standard library.
    #[must_use]
    pub fn new() -> Self {
        let thread = ThreadBuilder::new(M::CONTRACT.strategy);
        Self { thread, settings: Default::default(), technique: PhantomData }
    }

    /// Sets the name of the threads and their workers; Linux shows the first 15 bytes.
    ///
    /// A name with a NUL byte makes each spawn fail with [`std::io::ErrorKind::InvalidInput`].
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { thread: self.thread.name(name), ..self }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { thread: self.thread.stack_size(bytes), ..self }
    }

    /// Starts a thread that calls `run` with `job` and the checkpoint of the strategy.
    ///
    /// For work that neither is a [`Job`] nor fits into one closure: when no thread could be started, the error has `job`.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it: the operating system refused a thread, the name has a NUL byte, or the
    /// technique unwinds and this program cannot.
    pub fn start<J, T, R>(&self, source: StopSource, job: J, run: R) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &M::Checkpoint) -> Result<T, Stopped> + Send + 'static,
    {
        let run = |job, boundary: &M::Boundary| M::run(boundary, |checkpoint| run(job, checkpoint));
        sealed::Boundary::spawn(&self.thread, &self.settings, source, job, run)
    }
}

/// For techniques that leave a job by unwinding.
impl<M: Technique<Boundary = UnwindBoundary>> ThreadStrategy<M> {
    /// Sets the function that is called when a `catch_unwind` in the job catches a stop and drops it; the default prints a
    /// line to standard error.
    ///
    /// `report` gets the name of the worker and the stop. The job goes on, and its next checkpoint leaves again.
    ///
    /// `report` runs where the payload is dropped: on any thread of the job, possibly while that thread unwinds, and
    /// possibly after the job has ended. If it panics, the panic hook is called, and the panic goes no further.
    #[must_use]
    pub fn on_swallowed(self, report: impl Fn(&str, &Swallowed) + Send + Sync + 'static) -> Self {
        Self { settings: SwallowedReport(Unmodelled::new(report)), ..self }
    }
}

/// Workers that borrow from the stack, inside a [`std::thread::scope`]; not under a model checker, whose scoped threads
/// cannot be joined early.
#[cfg(not(any(loom, shuttle)))]
impl<M: Technique<Boundary = StopToken>> ThreadStrategy<M> {
    /// Starts `job`, which may borrow everything that outlives `scope`, as a worker with a source of its own.
    ///
    /// Every worker of a scope has ended when [`std::thread::scope`] returns.
    /// Dropping a worker, also because the scope's closure panics, stops and joins it.
    /// The end of the scope joins a detached worker, and does not stop it.
    /// A panic of the job is an [`Exit::Panicked`](crate::Exit::Panicked), and never a panic of the scope.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the closure in it, when no thread could be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::Checkpoint;
    /// # use cease_core::{Contract, Modelled, RunsOn, StopToken, Stopped, Technique, ThreadStrategy};
    /// # enum ByFlag {}
    /// # impl Technique for ByFlag {
    /// #     type Boundary = StopToken;
    /// #     type Checkpoint = StopToken;
    /// #     const CONTRACT: &'static Contract = &Contract::new("flag", RunsOn::Thread, Modelled::RealCode);
    /// #     fn run<T>(stop: &StopToken, job: impl FnOnce(&StopToken) -> Result<T, Stopped>) -> Result<T, Stopped> {
    /// #         job(stop)
    /// #     }
    /// # }
    /// # type Flag = ThreadStrategy<ByFlag>;
    ///
    /// let numbers = vec![1, 2, 3];
    /// let sum = std::thread::scope(|scope| {
    ///     let worker = Flag::new().spawn_scoped(scope, |stop| {
    ///         stop.check()?;
    ///         Ok(numbers.iter().sum::<i32>())
    ///     });
    ///     worker.unwrap().join().unwrap().into_finished()
    /// });
    /// assert_eq!(sum, Some(6));
    /// ```
    pub fn spawn_scoped<'scope, T, F>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        job: F,
    ) -> Result<ScopedWorker<'scope, T>, SpawnError<F>>
    where
        F: FnOnce(&M::Checkpoint) -> Result<T, Stopped> + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_scoped_with(scope, job, StopSource::new())
    }

    /// Starts `job` as a worker of `scope` that is stopped through `source`.
    ///
    /// # Errors
    ///
    /// As for [`ThreadStrategy::spawn_scoped`].
    pub fn spawn_scoped_with<'scope, T, F>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        job: F,
        source: StopSource,
    ) -> Result<ScopedWorker<'scope, T>, SpawnError<F>>
    where
        F: FnOnce(&M::Checkpoint) -> Result<T, Stopped> + Send + 'scope,
        T: Send + 'scope,
    {
        self.thread.spawn_scoped(scope, source, job, |job, stop| M::run(stop, job))
    }
}

impl<M: Technique> Clone for ThreadStrategy<M> {
    fn clone(&self) -> Self {
        Self { thread: self.thread.clone(), settings: self.settings.clone(), technique: PhantomData }
    }
}

impl<M: Technique> Default for ThreadStrategy<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Technique> fmt::Debug for ThreadStrategy<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strategy = M::CONTRACT.strategy;
        f.debug_struct("ThreadStrategy")
            .field("strategy", &strategy)
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

impl<M: Technique, J: Job> Strategy<J> for ThreadStrategy<M> {
    fn contract(&self) -> &'static Contract {
        M::CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.start(source, job, |job, stop| job.run(stop))
    }
}

impl<M: Technique> SpawnFn for ThreadStrategy<M> {
    type Checkpoint = M::Checkpoint;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&M::Checkpoint) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.start(source, job, |job, stop| job(stop))
    }
}
