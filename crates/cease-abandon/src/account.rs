//! The account of what was left behind.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use cease_core::sync::{Arc, Mutex, MutexGuard, lock};
use cease_core::{CallbackGuard, Checkpoint, Exit, StopSource, Stopped, Worker};

use crate::marks::SharedMarks;

/// What was left behind, and is still there; clones are the same account.
///
/// A thread is entered when it is let go of, and takes itself off the list when its job has ended, however late.
///
/// # Examples
///
/// ```
/// use cease_abandon::{Abandon, AbandonedThreads};
/// use cease_core::{Exit, SpawnFn};
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let account = AbandonedThreads::new();
/// let abandon = Abandon::new().name("deaf").grace(Duration::ZERO).account(&account);
/// let (release, held) = mpsc::channel::<()>();
/// let worker = abandon.spawn_fn(move |_| Ok(held.recv().is_err())).unwrap();
/// worker.stop_with("enough");
/// assert!(matches!(worker.join(), Ok(Exit::Abandoned)));
///
/// assert_eq!(account.len(), 1);
/// assert!(account.to_string().starts_with("`deaf`"));
///
/// drop(release);
/// account.wait_timeout(Duration::MAX).unwrap();
/// assert_eq!((account.len(), account.total()), (0, 1));
/// ```
#[derive(Clone)]
pub struct AbandonedThreads(Arc<Mutex<List>>);

/// Threads are still left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StillLeft {
    /// How many.
    pub threads: usize,
}

impl AbandonedThreads {
    /// An account of one's own, with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        let list = List { left: BTreeMap::new(), without_room: BTreeMap::new(), queued: 0, emptied: None, total: 0 };
        Self(Arc::new(Mutex::new(list)))
    }

    /// How many threads are left now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list().left.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list().left.is_empty()
    }

    /// How many workers were ever let go of.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.list().total
    }

    /// Waits until nothing is left, for at most `limit`.
    ///
    /// A thread is off the list when its job has ended; the operating system then takes a moment to clear it away.
    ///
    /// # Errors
    ///
    /// [`StillLeft`] when `limit` is over.
    ///
    /// # Blocking
    ///
    /// Blocks the calling thread.
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), StillLeft> {
        let emptied = {
            let mut list = self.list();
            if list.left.is_empty() {
                return Ok(());
            }
            list.emptied.get_or_insert_with(StopSource::new).token()
        };
        emptied.wait_timeout(limit).map(drop).map_err(|_| StillLeft { threads: self.len() })
    }

    /// Lets go of a worker of any strategy: asks it to stop, enters it, and detaches it. The last resort.
    ///
    /// One that has ended is joined instead. One that is let go of is known by its name only, and is taken off the list by
    /// its [`cease_core::ScopedWorker::ended`].
    /// No cap holds it back, because the caller decides; it counts for the caps of others.
    /// A value that it produces just then is dropped.
    #[track_caller]
    pub fn let_go<T: Send + 'static>(&self, worker: Worker<T>) -> Exit<T> {
        worker.stop();
        let worker = match worker.join_timeout(Duration::ZERO) {
            Ok(exit) => return exit,
            Err(error) => error.into_worker(),
        };
        let asked = worker.source().token().check().expect_err("it was asked for above");
        let entry = Entry { name: worker.name().to_owned(), asked, since: Instant::now(), marks: None, on_end: None };
        let number = self.list().enter(entry);
        let account = self.clone();
        let on_end = worker.ended().on_stop(move || account.remove(number));
        if let Some(entry) = self.list().left.get_mut(&number) {
            entry.on_end = Some(on_end);
        }
        worker.detach();
        Exit::Abandoned
    }

    pub(crate) fn list(&self) -> MutexGuard<'_, List> {
        lock(&self.0)
    }

    /// Takes a thread off the list, and then lets the queued workers retry to be let go of.
    pub(crate) fn remove(&self, entry: u64) {
        let (removed, without_room) = {
            let mut list = self.list();
            (list.left.remove(&entry), list.without_room.values().cloned().collect::<Vec<_>>())
        };
        // It has a callback in it, which may be the one that calls.
        drop(removed);
        without_room.iter().for_each(|retry| retry());
        let emptied = {
            let mut list = self.list();
            if list.left.is_empty() { list.emptied.take() } else { None }
        };
        if let Some(emptied) = emptied {
            emptied.request();
        }
    }

    /// What a worker is entered in whose recipe was given no account: that of the process.
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) fn fallback() -> Self {
        Self::of_process().clone()
    }

    /// What a worker is entered in whose recipe was given no account: its own, for a model begins anew each time.
    #[cfg(any(loom, shuttle))]
    pub(crate) fn fallback() -> Self {
        Self::new()
    }
}

impl Default for AbandonedThreads {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for AbandonedThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbandonedThreads")
            .field("left", &self.len())
            .field("total", &self.total())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StillLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are = if self.threads == 1 { "thread is" } else { "threads are" };
        write!(f, "{} {are} still left", self.threads)
    }
}

impl Error for StillLeft {}

/// Tries again to let go of a worker for which the list had no room.
///
/// The box is inside the `Arc` because the `Arc` of a model checker holds sized values only.
type Retry = Arc<Box<dyn Fn() + Send + Sync>>;

/// What is behind the lock of an account.
pub(crate) struct List {
    pub(crate) left: BTreeMap<u64, Entry>,
    /// The workers that are let go of when the list has room, in the order in which they were queued.
    without_room: BTreeMap<u64, Retry>,
    /// How many workers were ever queued.
    queued: u64,
    /// Asked when the list is empty again, if somebody waits for that.
    emptied: Option<StopSource>,
    total: u64,
}

impl List {
    /// Enters a thread, and returns the number that it has here.
    pub(crate) fn enter(&mut self, entry: Entry) -> u64 {
        self.total += 1;
        self.left.insert(self.total, entry);
        self.total
    }

    /// Queues a worker for which the list has no room, and returns its number in the queue.
    ///
    /// The account calls `retry` without its lock, each time that a thread is taken off the list.
    pub(crate) fn queue(&mut self, retry: impl Fn() + Send + Sync + 'static) -> u64 {
        self.queued += 1;
        self.without_room.insert(self.queued, Arc::new(Box::new(retry)));
        self.queued
    }

    /// Takes a worker off the queue.
    pub(crate) fn unqueue(&mut self, number: u64) {
        self.without_room.remove(&number);
    }
}

/// One thread that was left behind.
#[cfg_attr(
    any(not(target_os = "linux"), loom, shuttle),
    allow(dead_code, reason = "only Linux lists the threads that are left behind")
)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) asked: Stopped,
    pub(crate) since: Instant,
    /// `None` for a worker of another strategy.
    pub(crate) marks: Option<SharedMarks>,
    /// What takes such a worker off the list.
    pub(crate) on_end: Option<CallbackGuard>,
}
