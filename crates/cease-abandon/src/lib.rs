#![doc = include_str!("../README.md")]

mod account;
mod checkpoint;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod left;
#[cfg_attr(any(not(target_os = "linux"), loom, shuttle), path = "marks_model.rs")]
mod marks;
#[cfg(not(any(loom, shuttle)))]
mod process_account;
mod thread;

use std::io;
use std::time::Duration;

use cease_core::sync::Arc;
use cease_core::{
    Contract, Exception, Job, Law, Modelled, RunsOn, SpawnError, SpawnFn, StopSource, StopToken, Stopped, Strategy,
    ThreadBuilder, Worker,
};

pub use account::{AbandonedThreads, StillLeft};
pub use checkpoint::Noting;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub use left::{AbandonedThread, Passed};
pub use thread::{LateEnd, LateExit};

use checkpoint::Lent;
use marks::SharedMarks;
use thread::{Handle, LateReport, LetGo, Terms};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("abandon", RunsOn::Thread, Modelled::RealCode)
    .technique("the job is asked as by a flag; once its grace is over it is let go of, and entered in an account")
    .stops_at("a checkpoint, or a wait on the token; elsewhere nothing stops, only the waiting for it")
    .cannot_stop("code without checkpoints: it is left running, with everything that it holds")
    .exceptions(&[
        Exception::new(Law::L8, "what outlasts its grace runs on after the join, and its destructors with it"),
        Exception::new(Law::L10, "dropping waits for the grace and then lets go"),
    ]);

/// Runs each job on a thread of its own, asks it to stop, and lets go of it when its grace is over.
///
/// A value of it is a recipe: every worker spawned from it gets a thread, and unless it is given one, a source of its own.
/// The grace counts from the stop; whoever joins, drops or waits for the end waits no longer than that, and is told
/// [`cease_core::Exit::Abandoned`] when the job is let go of.
/// Without a stop nobody is let go of.
#[derive(Debug, Clone)]
pub struct Abandon {
    name: String,
    thread: ThreadBuilder,
    grace: Duration,
    cap: usize,
    /// `None` is the one of the process.
    account: Option<AbandonedThreads>,
    late: Option<Arc<LateReport>>,
}

impl Abandon {
    /// A second, in which a job that checks comes to its next checkpoint, and which is little of the ten or thirty seconds
    /// that supervisors leave a whole process to end.
    pub const GRACE: Duration = Duration::from_secs(1);

    /// Threads called `abandon`, of the standard library's stack size, with [`Abandon::GRACE`], no cap, and the account of
    /// the process.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: CONTRACT.strategy.to_owned(),
            thread: ThreadBuilder::new(CONTRACT.strategy),
            grace: Self::GRACE,
            cap: usize::MAX,
            account: None,
            late: None,
        }
    }

    /// Sets what the thread, and the worker, is called; Linux shows the first 15 bytes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        Self { thread: self.thread.name(name.clone()), name, ..self }
    }

    /// Sets the stack size in bytes.
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Self {
        Self { thread: self.thread.stack_size(bytes), ..self }
    }

    /// Sets how long a job may take to end once it was asked to stop.
    ///
    /// With zero the handle says that it is over as soon as the stop was asked for: the article's `_stop()`.
    /// A grace that is further ahead than the clock can count never ends, and the worker is that of a flag.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Sets how many threads may be left behind in the account.
    ///
    /// When there are so many, the next worker is not let go of but waited for, until it ends or there is room: somebody
    /// who leaks without bound is better off blocked, where it is seen, than out of memory.
    #[must_use]
    pub fn cap(self, threads: usize) -> Self {
        Self { cap: threads, ..self }
    }

    /// Sets the account in which what is left behind is entered.
    #[must_use]
    pub fn account(self, account: &AbandonedThreads) -> Self {
        Self { account: Some(account.clone()), ..self }
    }

    /// Has `report` told when a thread that was left behind has ended after all, and how.
    ///
    /// It runs on that thread, which is off the list by then; a panic of it is dropped.
    #[must_use]
    pub fn on_late_end(self, report: impl Fn(LateEnd) + Send + Sync + 'static) -> Self {
        Self { late: Some(Arc::new(LateReport::new(report))), ..self }
    }

    /// The account in which what is left behind is entered.
    #[cfg(not(any(loom, shuttle)))]
    #[must_use]
    pub fn abandoned(&self) -> &AbandonedThreads {
        match &self.account {
            Some(account) => account,
            None => AbandonedThreads::of_process(),
        }
    }

    fn start<J, T, R>(&self, source: StopSource, job: J, run: R) -> Result<Worker<T>, SpawnError<J>>
    where
        J: Send + 'static,
        T: Send + 'static,
        R: FnOnce(J, &StopToken, &SharedMarks) -> Result<T, Stopped> + Send + 'static,
    {
        if thread::is_endless(self.grace) {
            let marks = SharedMarks::default();
            return self.thread.spawn(source, job, move |job, stop| run(job, stop, &marks));
        }
        if let Err(error) = thread::prepare_for(self.grace) {
            return Err(SpawnError::new(&*self.name, io::Error::other(error), job));
        }
        let terms = Terms {
            name: self.name.clone(),
            grace: self.grace,
            cap: self.cap,
            account: self.account.clone().unwrap_or_else(AbandonedThreads::fallback),
            late: self.late.clone(),
        };
        let handle = Arc::new(Handle::new(terms, &source));
        let own = Arc::clone(&handle);
        let inner = self.thread.spawn(source.clone(), job, move |job, stop| Handle::live(&own, job, stop, run))?;
        Handle::watch(&handle);
        Ok(Worker::new(&*self.name, source, Box::new(LetGo::new(inner, handle))))
    }
}

impl Default for Abandon {
    fn default() -> Self {
        Self::new()
    }
}

impl<J: Job> Strategy<J> for Abandon {
    fn contract(&self) -> &'static Contract {
        &CONTRACT
    }

    fn spawn_with(&self, job: J, source: StopSource) -> Result<Worker<J::Output>, SpawnError<J>> {
        self.start(source, job, |job, token, marks| job.run(&Lent { token, marks }))
    }
}

impl SpawnFn for Abandon {
    type Checkpoint = Noting;

    fn spawn_fn_with<T, F>(&self, job: F, source: StopSource) -> Result<Worker<T>, SpawnError<F>>
    where
        F: FnOnce(&Noting) -> Result<T, Stopped> + Send + 'static,
        T: Send + 'static,
    {
        self.start(source, job, |job, token, marks| job(&Noting::new(token, marks)))
    }
}
