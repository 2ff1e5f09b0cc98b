//! The state that sources and tokens share, and its place in a tree.
//!
//! # How it works
//!
//! One word says what has happened, and only the holder of the tree's lock writes it:
//!
//! | state | meaning | who may leave it |
//! |---|---|---|
//! | `OPEN` | not asked, and a source of this node or of one above it exists | the first request here or above, or the drop of the last such source |
//! | `STOPPED` | asked; the cause is set for good | nobody |
//! | `NO_SOURCE` | the last source is gone unasked | nobody |
//!
//! A request and the birth of a child both decide under the lock, so one of them sees the other (law L12).
//! A poll reads the word without the lock.
//!
//! A request marks the whole subtree and takes out everything that waits in it while it holds the lock, and then, with no
//! lock held, wakes threads and tasks and calls callbacks, in this order: a slow callback holds up nobody who waits.

use std::marker::PhantomPinned;
use std::panic::Location;

use crate::fault::{self, Fault};
use crate::stop::sweep::Due;
use crate::stop::tree::{self, Brackets};
use crate::stop::wait_list::WaitList;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicU32, AtomicUsize};
use crate::sync::{Arc, Mutex, MutexGuard, UnsafeCell, lock};
use crate::{Panic, Reason};

pub(super) const OPEN: u32 = 0;
pub(super) const STOPPED: u32 = 1;
pub(super) const NO_SOURCE: u32 = 2;

/// The winning request.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) reason: Reason,
    pub(crate) asked_at: &'static Location<'static>,
}

/// Why a node is stopped: a request, here or above.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub(crate) record: Arc<Record>,
    pub(crate) inherited: bool,
}

#[derive(Debug)]
pub(crate) struct Node {
    /// One of the three constants above.
    pub(super) state: AtomicU32,
    /// How many sources of this very node exist.
    sources: AtomicUsize,
    /// The lock of the tree, or the root that has it.
    home: Home,
    /// What belongs to whoever holds the lock of the tree.
    locked: UnsafeCell<Locked>,
    /// Written once, under the lock and before `state` becomes `STOPPED`; read only after that was seen.
    cause: UnsafeCell<Option<Cause>>,
    /// The list of the tree points here, also while the node is dropped.
    _pinned: PhantomPinned,
}

#[derive(Debug)]
enum Home {
    Root(Mutex<()>),
    Child(Arc<Node>),
}

#[derive(Debug)]
pub(super) struct Locked {
    brackets: Brackets,
    /// Whether the brackets are in the list of a root; a root itself, and who was born stopped, takes nothing out.
    listed: bool,
    /// Threads and tasks, which any end of the waiting wakes.
    pub(super) waiters: WaitList,
    /// Functions, which only a stop calls.
    pub(super) callbacks: WaitList,
    /// What callbacks panicked with that a request on this node has called.
    panics: Vec<Panic>,
}

#[allow(unsafe_code, reason = "fields are shared whose guard is not their type")]
// SAFETY: everything in a node may be used from any thread: the brackets point to nodes, and the rest is `Send`.
unsafe impl Send for Node {}

#[allow(unsafe_code, reason = "fields are shared whose guard is not their type")]
// SAFETY: two fields are not `Sync` by themselves. `locked` is reached only through `with_locked`, whose callers hold the
// lock of the tree. `cause` is written once, before the Release store of `STOPPED`, and read only after an Acquire load saw
// `STOPPED`; no reference to it exists before that, and nothing writes it afterwards.
unsafe impl Sync for Node {}

impl Node {
    /// A root with one source.
    pub(crate) fn root() -> Self {
        Self::new(Home::Root(Mutex::new(())))
    }

    /// A child of `parent` with one source, stopped when `parent` is.
    #[allow(unsafe_code, reason = "links the child")]
    pub(crate) fn child(parent: &Arc<Self>) -> Arc<Self> {
        let root = match &parent.home {
            Home::Root(_) => parent,
            Home::Child(root) => root,
        };
        let child = Arc::new(Self::new(Home::Child(Arc::clone(root))));
        let unseen = fault::is(Fault::BirthUnseen) && !parent.is_stopped();
        let tree = parent.lock_tree();
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here. Read under it, a request above
        // either is seen here, or finds the child in the list (law L12).
        if parent.state.load(Relaxed) == STOPPED && !unseen {
            let cause = parent.cause().cloned().expect("a node that is stopped has a cause");
            child.mark_stopped(&Cause { inherited: true, ..cause });
        } else {
            // SAFETY: the lock that both share is held, and the child was just made; it takes itself out when it is
            // dropped, because it is listed.
            unsafe { tree::insert(parent, &child) };
            child.with_locked(|locked| locked.listed = true);
        }
        drop(tree);
        child
    }

    fn new(home: Home) -> Self {
        let (waiters, callbacks) = (WaitList::new(), WaitList::new());
        let locked = Locked { brackets: Brackets::default(), listed: false, waiters, callbacks, panics: Vec::new() };
        Self {
            state: AtomicU32::new(OPEN),
            sources: AtomicUsize::new(1),
            home,
            locked: UnsafeCell::new(locked),
            cause: UnsafeCell::new(None),
            _pinned: PhantomPinned,
        }
    }

    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store of STOPPED in `mark_stopped`: who sees the stop sees the cause and
        // all that was written before the request (law L3).
        self.state.load(Acquire) == STOPPED
    }

    pub(crate) fn can_stop(&self) -> bool {
        // ORDERING: Acquire, as in `is_stopped`, so that "yes, it did stop" carries the same promise.
        self.state.load(Acquire) != NO_SOURCE
    }

    #[allow(unsafe_code, reason = "reads the cause without the lock")]
    pub(crate) fn cause(&self) -> Option<&Cause> {
        if !self.is_stopped() {
            return None;
        }
        // SAFETY: the pointer is that of a live field, and `is_stopped` saw STOPPED with Acquire: the one write of the
        // cause happened before, and none comes after, so a shared reference is valid for as long as the node.
        self.cause.with(|cause| unsafe { &*cause }.as_ref())
    }

    /// Stops this node and every one below it, and wakes whoever waits; true for the one call that was first.
    #[allow(unsafe_code, reason = "goes through the list of the tree")]
    pub(crate) fn request(&self, record: Record) -> bool {
        let tree = self.lock_tree();
        // ORDERING: Relaxed, because `state` changes only under the lock that is held here.
        if self.state.load(Relaxed) != OPEN {
            return self.late_request(record);
        }
        let mut due = Due::default();
        let own = Cause { record: Arc::new(record), inherited: false };
        let inherited = Cause { inherited: true, ..own.clone() };
        let mut seen = 0;
        let visit = |node: &Self| {
            seen += 1;
            // ORDERING: Relaxed, as above.
            if node.state.load(Relaxed) != STOPPED {
                node.mark_stopped(if std::ptr::eq(node, self) { &own } else { &inherited });
                node.with_locked(|locked| due.take_all(&mut locked.waiters, &mut locked.callbacks));
            }
            !(fault::is(Fault::ShallowSweep) && seen > 1)
        };
        // SAFETY: the lock is held, and nothing is linked or unlinked meanwhile.
        unsafe { tree::walk(self, visit) };
        drop(tree);
        let panics = due.settle();
        if !panics.is_empty() {
            let _tree = self.lock_tree();
            self.with_locked(|locked| locked.panics.extend(panics));
        }
        true
    }

    /// Stores the cause and then the state; called under the lock, or on a node that nobody else has.
    #[allow(unsafe_code, reason = "writes the cause that readers read without the lock")]
    fn mark_stopped(&self, cause: &Cause) {
        // SAFETY: the pointer is that of a live field. The state is not STOPPED yet, so nobody reads; and it becomes that
        // only under the lock, so nobody else writes.
        self.cause.with_mut(|slot| unsafe { *slot = Some(cause.clone()) });
        let order = if fault::is(Fault::RelaxedPublication) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire of every poll: it publishes the cause and all that the asking thread
        // wrote before.
        self.state.store(STOPPED, order);
    }

    /// What a request does that was not first: nothing.
    #[allow(unsafe_code, reason = "a seeded fault writes the cause a second time")]
    fn late_request(&self, record: Record) -> bool {
        match fault::active() {
            Some(Fault::TwoFirsts) => return true,
            // ORDERING: Relaxed: a seeded fault, wrong whatever its ordering.
            Some(Fault::Lowered) => self.state.store(OPEN, Relaxed),
            Some(Fault::ReasonOverwritten) => {
                let cause = Cause { record: Arc::new(record), inherited: false };
                // SAFETY: none; this is the fault, and it is compiled for models only.
                self.cause.with_mut(|slot| unsafe { *slot = Some(cause) });
            }
            _ => {}
        }
        false
    }

    pub(crate) fn add_source(&self) {
        // ORDERING: Relaxed: only the number matters, and the caller holds a source, so that it cannot reach zero.
        self.sources.fetch_add(1, Relaxed);
    }

    /// Counts one source less; after the last one here and above, nobody can ask any more.
    ///
    /// `alone` says that nobody else refers to this node: then there is nobody to tell here, and what lies below is told
    /// when the node goes away, which is at once.
    pub(crate) fn drop_source(&self, alone: bool) {
        // ORDERING: Relaxed, because the lock orders what matters. A request that was made through another source came
        // before that source's decrement; had `close` taken the lock before it, this decrement would come before that
        // one, and could not be the one that reaches zero.
        if alone || self.sources.fetch_sub(1, Relaxed) > 1 || fault::is(Fault::OrphanNotTold) {
            return;
        }
        let tree = self.lock_tree();
        let due = self.close();
        drop(tree);
        due.settle();
    }

    /// Notes that no source is left, here and for all below that have none of their own; called under the lock.
    #[allow(unsafe_code, reason = "goes through the list of the tree")]
    fn close(&self) -> Due {
        let mut due = Due::default();
        // ORDERING: Relaxed, here and below, because `state` changes only under the lock that is held here.
        let is_open = |node: &Self| node.state.load(Relaxed) == OPEN;
        // While the root can be asked, all below can, and nobody has to look for the parent among the siblings.
        if !is_open(self) || matches!(&self.home, Home::Child(root) if is_open(root)) {
            return due;
        }
        // SAFETY: the lock is held while the answer is used.
        if unsafe { tree::parent(self) }.is_some_and(is_open) {
            return due;
        }
        let visit = |node: &Self| {
            // ORDERING: Relaxed: who counts down to zero takes the lock afterwards, and finds what was decided here.
            let asked_for_itself = node.sources.load(Relaxed) > 0 && !std::ptr::eq(node, self);
            if asked_for_itself || !is_open(node) {
                return false;
            }
            // ORDERING: Relaxed: the word carries nothing else; "no source" publishes no data.
            node.state.store(NO_SOURCE, Relaxed);
            node.with_locked(|locked| due.take_orphans(&mut locked.waiters, &mut locked.callbacks));
            true
        };
        // SAFETY: the lock is held, and nothing is linked or unlinked meanwhile.
        unsafe { tree::walk(self, visit) };
        due
    }

    /// What callbacks have panicked with since the last call.
    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        let _tree = self.lock_tree();
        self.with_locked(|locked| std::mem::take(&mut locked.panics))
    }

    /// Calls `f` with the brackets; called by `tree` only, under the lock.
    pub(crate) fn with_brackets<R>(&self, f: impl FnOnce(&mut Brackets) -> R) -> R {
        self.with_locked(|locked| f(&mut locked.brackets))
    }

    /// Takes the lock of the tree.
    pub(super) fn lock_tree(&self) -> MutexGuard<'_, ()> {
        match &self.home {
            Home::Root(tree) => lock(tree),
            Home::Child(root) => root.lock_tree(),
        }
    }

    /// Calls `f` with what the lock protects; the caller holds the lock, or the only reference, and `f` does not come back.
    #[allow(unsafe_code, reason = "the lock lies in another node")]
    pub(super) fn with_locked<R>(&self, f: impl FnOnce(&mut Locked) -> R) -> R {
        // SAFETY: the pointer is that of a live field. Every call in this file, in `tree` and in `waiting` is made under the lock of the
        // tree, or on a node that nobody else has yet, and none calls this again for the same node from inside `f`.
        self.locked.with_mut(|locked| f(unsafe { &mut *locked }))
    }
}

impl Drop for Node {
    #[allow(unsafe_code, reason = "unlinks the node")]
    fn drop(&mut self) {
        // A root has nobody below it any more: each child keeps it alive.
        if matches!(self.home, Home::Root(_)) {
            return;
        }
        let tree = self.lock_tree();
        if !self.with_locked(|locked| locked.listed) {
            return;
        }
        let due = self.close();
        // SAFETY: the lock is held, and the node is listed.
        unsafe { tree::remove(self) };
        drop(tree);
        due.settle();
    }
}
