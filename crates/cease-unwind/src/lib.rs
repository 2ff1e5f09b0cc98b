#![doc = include_str!("../README.md")]

use cease_core::{Contract, Modelled, RunsOn, Stopped, Technique, ThreadStrategy, current};

pub use cease_core::Swallowed;

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("unwind", RunsOn::Thread, Modelled::RealCode)
    .technique("a checkpoint raises the stop like a panic, and it is caught where the job began")
    .stops_at("a checkpoint, also one in a plain function, or a wait on the token")
    .cannot_stop("code without checkpoints, and blocking calls that do not wait on the token; a destructor that panics on \
                  the way out, or a frame of `extern \"C\"`, ends the process; with `panic = \"abort\"` nothing is started");

/// Runs each job on a thread of its own, and stops it by unwinding it from a checkpoint.
///
/// A value of it is a set of options: each worker spawned from it gets a thread and, unless the caller passes a source, a
/// source of its own. It is a [`ThreadStrategy`], whose page lists the methods.
/// [`on_swallowed`](ThreadStrategy::on_swallowed) sets the function that is called when a `catch_unwind` in the job drops a
/// stop:
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
pub type Unwind = ThreadStrategy<ByUnwinding>;

/// The technique of [`Unwind`]: the checkpoint is the [`UnwindStop`].
#[derive(Debug)]
pub enum ByUnwinding {}

impl Technique for ByUnwinding {
    type Boundary = UnwindStop;
    type Checkpoint = UnwindStop;
    const CONTRACT: &'static Contract = &CONTRACT;

    fn run<T>(stop: &UnwindStop, job: impl FnOnce(&UnwindStop) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(stop)
    }
}

/// A checkpoint that leaves the job by unwinding; [`Unwind`] hands it in.
///
/// `check()` and `sleep()` do not return once a stop was asked for: every destructor between them and where the job began
/// runs, and the exit is [`cease_core::Exit::Stopped`].
/// They return `Err` only while the thread unwinds already, so a destructor may call them.
/// `is_stop_requested()` only tells.
///
/// [`enter`](cease_core::UnwindBoundary::enter) gives it to a thread that the job starts itself.
/// A checkpoint there unwinds that thread, and the caller of its `join` gets the payload: `resume_unwind` with it, as rayon
/// does, stops the job; dropping it swallows the stop.
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
