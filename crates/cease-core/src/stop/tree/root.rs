//! The root of a tree: its node, its shards, and what the whole tree needs.
//!
//! # How it works
//!
//! A root has one shard, which also guards the root.
//! When threads that make children of the root have to wait for each other, the root gets more shards, and each thread
//! makes its children in another one.
//!
//! The shards of a root are made under the lock of its own shard, and only while the root is open. A request first marks
//! the root under that lock and then goes through all shards. So a thread that makes a child either finds the root marked,
//! or the request finds the child (law L12).
#![allow(unsafe_code, reason = "a shard and its root point to each other")]

use std::ptr::{self, NonNull};

use crate::fault::{self, Fault};
use crate::stop::data::attached::Attached;
use crate::stop::data::default_timer;
use crate::stop::data::state::{LINKED, ORPHAN};
use crate::stop::data::timer::{Alarm, Timer, TimerError};
use crate::stop::tree::node::Node;
use crate::stop::tree::shard::{Guard, Shard};
use crate::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::atomic::{AtomicPtr, AtomicUsize};
use crate::sync::{Shortcut, Unmodelled, slot};

/// How many shards a root gets when its own is not enough; in a model only one more.
const MORE: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };

/// The node at the top of a tree, with what the whole tree needs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Root {
    /// Comes first, so that a pointer to it is one to the root.
    pub(crate) node: Node,
    pub(crate) shard: Shard<Node>,
    more: AtomicPtr<[Padded; MORE]>,
    /// How many of these keep the root's memory: its handles, all together, and each orphaned shard that is not empty.
    keepers: AtomicUsize,
    /// Whether it ever had a child.
    pub(crate) had_children: Shortcut,
    /// Whether it ever had a clock, or was attached to other trees.
    is_equipped: Shortcut,
    /// Whether its last share is gone.
    #[cfg(debug_assertions)]
    given_back: Shortcut,
}

/// A shard on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(Shard<Node>);

impl Root {
    /// A root that no pointer leads to yet, with one handle and one source.
    pub(crate) fn allocate() -> NonNull<Self> {
        let root = NonNull::from(Box::leak(Box::<Self>::new_uninit())).cast::<Self>();
        // SAFETY: the address of a field of what is being made.
        let shard = unsafe { &raw mut (*root.as_ptr()).shard };
        let shard = NonNull::new(shard).expect("what lies inside of something has an address");
        let made = Self {
            node: Node::new(Some(shard)),
            shard: Shard::new(shard, root.cast()),
            more: AtomicPtr::new(ptr::null_mut()),
            keepers: AtomicUsize::new(1),
            had_children: Shortcut::new(),
            is_equipped: Shortcut::new(),
            #[cfg(debug_assertions)]
            given_back: Shortcut::new(),
        };
        // SAFETY: the place is big enough, and no other code has it.
        unsafe { root.write(made) };
        root
    }

    /// The shard in which the calling thread makes a child, and its lock.
    #[inline]
    pub(crate) fn child_shard(&self) -> Guard<'_, Node> {
        self.had_children.raise();
        match self.more() {
            Some(more) => slot::with(|slot| {
                let shard = &more[slot.get() % MORE].0;
                shard.try_lock().unwrap_or_else(|| {
                    slot.set(slot.get().wrapping_add(1));
                    shard.lock_waiting()
                })
            }),
            None => self.shard.try_lock().unwrap_or_else(|| self.child_shard_contended()),
        }
    }

    /// What is done when threads have to wait for each other.
    #[cold]
    fn child_shard_contended(&self) -> Guard<'_, Node> {
        let guard = self.shard.lock_waiting();
        if self.node.is_open() {
            self.grow(&guard);
        }
        guard
    }

    /// Gives the root more shards, unless it has them; `_own` is the lock of its own.
    pub(crate) fn grow(&self, _own: &Guard<'_, Node>) {
        if self.more().is_some() {
            return;
        }
        let root = NonNull::from(self);
        let more = NonNull::from(Box::leak(Box::<[Padded; MORE]>::new_uninit())).cast::<[Padded; MORE]>();
        for index in 0..MORE {
            // SAFETY: it lies inside of the array.
            let place = unsafe { more.cast::<Padded>().add(index) };
            // A padded shard begins with the shard, and a root with its node.
            let made = Padded(Shard::new(place.cast(), root.cast()));
            // SAFETY: the place is that of one element, and no other code has it.
            unsafe { place.write(made) };
        }
        let order = if fault::is(Fault::ShardsUnpublished) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire in `more`: who finds the shards finds them made.
        self.more.store(more.as_ptr(), order);
    }

    /// Whether it never had a child, nor a clock, and is attached to no other tree; called by the owner of the last handle.
    pub(crate) fn is_plain(&self) -> bool {
        !self.had_children.is_raised() && !self.is_equipped.is_raised()
    }

    /// The shards beside its own.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Shard<Node>> {
        self.more().into_iter().flatten().map(|padded| &padded.0)
    }

    fn more(&self) -> Option<&[Padded; MORE]> {
        // ORDERING: Acquire pairs with the Release in `grow`.
        let more = self.more.load(Acquire);
        // SAFETY: it is null or came from a box, and is given back with the root.
        unsafe { more.as_ref() }
    }

    /// The clock of the tree, which is made for the first deadline.
    ///
    /// # Errors
    ///
    /// When the process has no timer.
    pub(crate) fn clock(&self) -> Result<Alarm, TimerError> {
        let mut guard = self.shard.lock();
        if guard.clock().is_none() {
            guard.set_clock(Alarm::new(default_timer::of_process()?, NonNull::from(self)));
            self.is_equipped.raise();
        }
        Ok(guard.clock().cloned().expect("it was just made"))
    }

    /// Gives the tree a timer; called before anybody else has it.
    pub(crate) fn set_timer(&self, timer: Unmodelled<dyn Timer>) {
        self.shard.lock().set_clock(Alarm::new(timer, NonNull::from(self)));
        self.is_equipped.raise();
    }

    /// Attaches what stops the root from other trees; called before another thread has the root.
    pub(crate) fn attach(&self, attached: Unmodelled<dyn Attached>) {
        self.shard.lock().attach(attached);
        self.is_equipped.raise();
    }

    /// Notes that a link counts as the source of the root; called before another thread has the root.
    pub(crate) fn set_linked(&self) {
        let _guard = self.shard.lock();
        self.node.state.set(LINKED);
    }

    /// What stops the root from other trees.
    pub(crate) fn attached(&self) -> Option<Unmodelled<dyn Attached>> {
        if self.is_equipped.is_raised() { self.shard.lock().attached().cloned() } else { None }
    }

    /// Lets the alarms and what is attached know that the tree is gone, and returns what is attached, for the caller to drop
    /// once the memory is given back.
    pub(crate) fn forget(&self) -> Option<Unmodelled<dyn Attached>> {
        if !self.is_equipped.is_raised() {
            return None;
        }
        let (clock, attached) = {
            let mut guard = self.shard.lock();
            (guard.take_clock(), guard.take_attached())
        };
        if let Some(clock) = clock {
            clock.forget();
        }
        attached.inspect(|attached| attached.forget())
    }

    /// Takes a share, unless the last one is gone.
    pub(crate) fn keep(&self) -> bool {
        // ORDERING: Relaxed: only the number matters; the caller has the lock around the pointer to the root, which is
        // taken before the memory is given back.
        let more = |keepers| (keepers > 0 || fault::is(Fault::RootRevived)).then_some(keepers + 1);
        self.keepers.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Notes that no handle of the root is left: from now on each shard that is not empty keeps it.
    pub(crate) fn orphan(&self) {
        for shard in std::iter::once(&self.shard).chain(self.others()) {
            let mut guard = shard.lock();
            guard.orphan();
            if !shard.is_empty() {
                // ORDERING: Relaxed: only the number matters; the shard gives its share back under the same lock.
                self.keepers.fetch_add(1, Relaxed);
            }
        }
    }

    /// Gives one keeper's share back; true when it was the last.
    pub(crate) fn release(&self) -> bool {
        let order = if fault::is(Fault::RelaxedKeepers) { Relaxed } else { AcqRel };
        // ORDERING: AcqRel: every keeper's last touch happens before the memory is given back by the last one.
        let is_last = self.keepers.fetch_sub(1, order) == 1;
        #[cfg(debug_assertions)]
        assert!(!is_last || self.given_back.is_first(), "L18: a root is given back a second time");
        is_last
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // The lists are read once more, so that a model sees who touches one too late.
        let shards = || std::iter::once(&self.shard).chain(self.others());
        debug_assert!(shards().all(Shard::is_empty), "a root is given back while there are nodes below it (law L18)");
        // ORDERING: Relaxed: no other thread has the root any more.
        let more = self.more.load(Relaxed);
        if !more.is_null() {
            // SAFETY: it came from a box, and no other code has it any more.
            drop(unsafe { Box::from_raw(more) });
        }
    }
}

/// A node in its tree.
impl Node {
    /// The root of the tree, for as long as the node is in a list.
    pub(crate) fn root(&self) -> Option<&Root> {
        // SAFETY: `top` was made from a pointer to the whole root, whose first field is the node, and a root lives as long as
        // any node in its shards.
        self.home().map(|home| unsafe { home.top.cast::<Root>().as_ref() })
    }

    /// The root that this node is part of, if it is one.
    pub(crate) fn as_root(&self) -> Option<&Root> {
        // The node comes first in a root, so that both have the same address.
        self.root().filter(|root| ptr::eq(&raw const root.node, self))
    }

    /// Whether no source above can request a stop any more; called under the lock.
    pub(crate) fn is_orphan(&self) -> bool {
        self.as_root().is_some() || self.state.has(ORPHAN)
    }
}
