#![doc = include_str!("../README.md")]

use cease_core::{Contract, Modelled, RunsOn, StopToken, Stopped, Technique, ThreadStrategy};

/// What this strategy promises.
pub const CONTRACT: Contract = Contract::new("flag", RunsOn::Thread, Modelled::RealCode)
    .technique("a flag is raised; the job polls it, or waits for it")
    .stops_at("a checkpoint, or a wait on the token")
    .cannot_stop("code without checkpoints, and blocking calls that do not wait on the token");

/// Runs each job on a thread of its own, and stops it by raising a flag.
///
/// A value of it is a set of options: each worker spawned from it gets a thread and, unless the caller passes a source, a
/// source of its own. It is a [`ThreadStrategy`], whose page lists the methods:
///
/// ```
/// use cease_core::{Checkpoint, SpawnFn, StopSource};
/// use cease_flag::Flag;
///
/// let flag = Flag::new().name("parser").stack_size(1 << 20);
/// let source = StopSource::new();
/// let workers = [1, 2].map(|part| flag.spawn_fn_with(move |stop| stop.check().map(|()| part), source.clone()).unwrap());
///
/// let lines = vec!["a", "b"];
/// let count = std::thread::scope(|scope| {
///     let worker = flag.spawn_scoped(scope, |_stop| Ok(lines.len())).unwrap();
///     worker.join().unwrap().into_finished()
/// });
/// assert_eq!(count, Some(2));
/// # assert_eq!(workers.map(|worker| worker.join().unwrap().into_finished()), [Some(1), Some(2)]);
/// ```
pub type Flag = ThreadStrategy<ByFlag>;

/// The technique of [`Flag`]: the checkpoint is the [`StopToken`].
#[derive(Debug)]
pub enum ByFlag {}

impl Technique for ByFlag {
    type Boundary = StopToken;
    type Checkpoint = StopToken;
    const CONTRACT: &'static Contract = &CONTRACT;

    fn run<T>(stop: &StopToken, job: impl FnOnce(&StopToken) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(stop)
    }
}
