//! The strategy: what a worker's process is like, and how it is ended.

use std::ffi::OsString;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::ThreadId;
use std::time::Duration;

use cease_core::{Contract, Exit, SpawnError, StopSource, StopToken, Strategy, Worker, WorkerHandle};
use serde::de::DeserializeOwned;

use crate::containment::Containment;
use crate::frame;
use crate::ladder::GracePeriods;
use crate::options::{Listeners, OWN_PROGRAM, Options, Progress};
use crate::report::{Outcome, StartError, StopReport};
use crate::supervisor::{self, Begun, Shared, SupervisorThread};
use crate::{CONTRACT, RemoteJob};

/// Runs each job in a process of its own, and stops it by asking, by SIGTERM, and by SIGKILL, in turn.
///
/// A value of it is a recipe: every worker spawned from it gets a process, and unless it is given one, a source of its own.
/// A worker's standard output and error are those of this process.
#[derive(Debug, Clone)]
pub struct Process {
    name: String,
    options: Options,
}

impl Process {
    /// Processes of this program, called `process`, in the best containment that can be had: see [`Containment::Auto`].
    #[must_use]
    pub fn new() -> Self {
        let options = Options {
            program: OWN_PROGRAM.into(),
            args: Vec::new(),
            env: Vec::new(),
            dir: None,
            containment: Containment::Auto,
            budgets: GracePeriods::default(),
            start_limit: Duration::from_secs(10),
            listeners: Listeners::default(),
            job_name: "",
        };
        Self { name: CONTRACT.strategy.into(), options }
    }

    /// Processes of a test program whose test `test` calls [`crate::init`], and does nothing else.
    ///
    /// libtest has the `main` of a test program, so the worker comes to the line by running that one test.
    /// What libtest prints at its beginning goes to the worker's standard output.
    ///
    /// ```text
    /// #[test]
    /// fn worker() {
    ///     cease_process::init([cease_process::job::<Count>()]);
    /// }
    ///
    /// let worker = Process::in_test("worker").spawn(Count(7))?;
    /// ```
    #[must_use]
    pub fn in_test(test: &str) -> Self {
        Self::new().args(["--exact", test, "--nocapture", "--test-threads=1"])
    }

    /// Sets what the worker is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Takes another program as the worker; that it is the same build is not checked then, only that it speaks the same version.
    #[must_use]
    pub fn program(self, program: impl Into<PathBuf>) -> Self {
        self.with(|options| options.program = program.into())
    }

    /// Adds arguments, which the job does not need, and whatever stands before [`crate::init`] may.
    #[must_use]
    pub fn args<S: Into<OsString>>(self, args: impl IntoIterator<Item = S>) -> Self {
        self.with(|options| options.args.extend(args.into_iter().map(Into::into)))
    }

    /// Sets a variable of the worker's environment.
    #[must_use]
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.with(|options| options.env.push((name.into(), Some(value.into()))))
    }

    /// Takes a variable out of the worker's environment.
    #[must_use]
    pub fn env_remove(self, name: impl Into<OsString>) -> Self {
        self.with(|options| options.env.push((name.into(), None)))
    }

    /// Sets the directory that the worker starts in.
    #[must_use]
    pub fn current_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.with(|options| options.dir = Some(dir.into()))
    }

    /// Sets what keeps the worker's tree together.
    #[must_use]
    pub fn containment(self, containment: Containment) -> Self {
        self.with(|options| options.containment = containment)
    }

    /// Sets how long each stage may take once a stop was asked for.
    #[must_use]
    pub fn budgets(self, budgets: GracePeriods) -> Self {
        self.with(|options| options.budgets = budgets)
    }

    /// Sets how long a worker has until its job begins.
    #[must_use]
    pub fn start_limit(self, limit: Duration) -> Self {
        self.with(|options| options.start_limit = limit)
    }

    /// Calls `hear` with what a job tells by [`crate::progress`], on a thread that supervises the worker, which may be the one that
    /// joins it; meanwhile nothing else happens there. When it panics the worker is killed, and has panicked with that.
    #[must_use]
    pub fn on_progress(self, hear: impl Fn(Progress<'_>) + Send + Sync + 'static) -> Self {
        self.with(|options| options.listeners.progress = Some(Arc::new(hear)))
    }

    /// As [`Process::on_progress`], with what a job tells by [`crate::log`].
    #[must_use]
    pub fn on_log(self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.with(|options| options.listeners.log = Some(Arc::new(hear)))
    }

    /// As [`Strategy::spawn_with`], with somebody who watches how the process ends.
    ///
    /// # Errors
    ///
    /// [`SpawnError`], with the job in it, when the worker did not get as far as to begin; [`StartError::of`] says why, unless
    /// the operating system had no process to give. Nothing is left running.
    pub fn spawn_watched<J: RemoteJob>(
        &self,
        job: J,
        source: StopSource,
    ) -> Result<(Worker<J::Output>, Watch), SpawnError<J>> {
        let stop = source.token();
        let options = Options { job_name: J::NAME, ..self.options.clone() };
        let frame = frame::encode(frame::Kind::Job, &job).map_err(|error| io::Error::from(StartError::Frame(error)));
        match frame.and_then(|frame| supervisor::begin(&options, frame, &stop)) {
            Ok(begun) => Ok(self.worker(begun, source)),
            Err(error) => Err(SpawnError::new(self.name.clone(), error, job)),
        }
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn worker_name(&self) -> &str {
        &self.name
    }

    /// The worker, and who watches it, of what has begun.
    pub(crate) fn worker<T: DeserializeOwned + 'static>(&self, begun: Begun, source: StopSource) -> (Worker<T>, Watch) {
        let Begun { shared, sentry, on } = begun;
        let watch = Watch { shared: Arc::clone(&shared) };
        let running = RunningProcess { shared, sentry, on, yields: PhantomData };
        (Worker::new(self.name.clone(), source, Box::new(running)), watch)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}

impl<J: RemoteJob> Strategy<J> for Process {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.spawn_watched(job, source).map(|(worker, _)| worker)
    }
}

/// Watches how a worker's process ends; it outlives the worker, and keeps nothing running.
#[derive(Debug, Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

impl Watch {
    /// The number of the process, and in a PID namespace that of the first one there; once it has ended, it may be anybody's.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.shared.pid.get().copied().unwrap_or_default()
    }

    /// Goes one stage up the ladder, and makes no request at the worker's source; does nothing when the process has ended.
    ///
    /// If no stop was requested at the source when the process ends, the exit names [`crate::WatchEscalated`] as the reason, and
    /// the location of the first call.
    #[track_caller]
    pub fn escalate(&self) {
        self.shared.escalate(Location::caller());
    }

    /// How it ended; `None` while it has not.
    #[must_use]
    pub fn report(&self) -> Option<StopReport> {
        self.shared.desk.report()
    }

    /// Waits until it has ended; everybody gets the same report.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread for as long as the process runs.
    #[must_use]
    pub fn wait(&self) -> StopReport {
        self.shared.desk.wait()
    }
}

/// A worker's process, and the thread that supervises it while nobody joins.
struct RunningProcess<T> {
    shared: Arc<Shared>,
    sentry: Option<SupervisorThread>,
    on: ThreadId,
    yields: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> WorkerHandle<T> for RunningProcess<T> {
    fn ended(&self) -> &StopToken {
        self.shared.desk.over()
    }

    fn escalate(&self) -> bool {
        self.shared.desk.request()
    }

    fn is_current(&self) -> bool {
        // What the job itself runs on is elsewhere; what is called on the supervising thread may not wait for it either.
        std::thread::current().id() == self.on
    }

    fn join(self: Box<Self>) -> Exit<T> {
        let Self { shared, sentry, .. } = *self;
        let outcome = shared.take_over();
        // It was relieved, and is on its way.
        sentry.into_iter().for_each(SupervisorThread::dismiss);
        outcome.map_or_else(|| Exit::Broken("its end was not seen".into()), Outcome::exit)
    }
}
