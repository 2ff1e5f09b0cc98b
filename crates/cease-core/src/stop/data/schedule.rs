//! The deadlines of the nodes that share one lock.
//!
//! `N` names a node: the schedule compares and returns it, and never follows it.
//!
//! # How it works
//!
//! A node that was given a deadline has an entry, and every node notes the nearest entry at or above it: its scope.
//! An entry notes the next one further up, so the effective deadline of a node is the earliest along that chain, however
//! many siblings and levels without a deadline there are.
//! A node keeps its entry for as long as it lives, and one with children lives as long as they do.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::stop::data::request::DeadlineSetting;

/// The nearest entry at or above a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(u32);

impl Scope {
    /// No deadline at or above the node.
    pub(crate) const NONE: Self = Self(0);

    const fn index(self) -> Option<usize> {
        // Entries are numbered from one, and a `usize` has at least as many bits here.
        (self.0 as usize).checked_sub(1)
    }
}

/// The entries of a shard; guarded by its lock.
#[derive(Debug)]
pub(crate) struct Schedule<N> {
    entries: Vec<Option<Entry<N>>>,
    /// Numbers that may be given away again.
    free: Vec<Scope>,
    /// Deadlines that did not pass yet, the next one first.
    armed: BTreeSet<(Instant, Scope)>,
}

#[derive(Debug)]
struct Entry<N> {
    node: N,
    at: Option<Instant>,
    setting: DeadlineSetting,
    outer: Scope,
}

impl<N> Default for Schedule<N> {
    fn default() -> Self {
        Self { entries: Vec::new(), free: Vec::new(), armed: BTreeSet::new() }
    }
}

impl<N: Copy + PartialEq> Schedule<N> {
    /// Makes an entry for `node`, below the scope that it had.
    pub(crate) fn enter(&mut self, node: N, outer: Scope, setting: DeadlineSetting) -> Scope {
        let entry = Some(Entry { node, at: None, setting, outer });
        if let Some(scope) = self.free.pop() {
            *self.slot(scope) = entry;
            return scope;
        }
        self.entries.push(entry);
        Scope(u32::try_from(self.entries.len()).expect("there is no memory for so many nodes"))
    }

    /// Whether the entry at `scope` is that of `node`, and not one further up.
    pub(crate) fn is_own(&self, scope: Scope, node: N) -> bool {
        self.get(scope).is_some_and(|entry| entry.node == node)
    }

    /// Forgets the entry of a node that goes away.
    pub(crate) fn forget(&mut self, scope: Scope) {
        self.disarm(scope);
        *self.slot(scope) = None;
        self.free.push(scope);
    }

    /// Notes that an entry that was below `before` is now below `outer`.
    pub(crate) fn put_below(&mut self, scope: Scope, before: Scope, outer: Scope) {
        if let Some(entry) = self.slot(scope)
            && entry.outer == before
            && scope != outer
        {
            entry.outer = outer;
        }
    }

    /// Moves the deadline of an entry, or lifts it; returns the one before.
    pub(crate) fn set(
        &mut self,
        scope: Scope,
        at: Option<Instant>,
        setting: DeadlineSetting,
    ) -> (Option<Instant>, DeadlineSetting) {
        self.disarm(scope);
        let entry = self.slot(scope).as_mut().expect("a node has its entry for as long as it lives");
        let before = std::mem::replace(&mut entry.at, at);
        let setting = std::mem::replace(&mut entry.setting, setting);
        self.armed.extend(at.map(|at| (at, scope)));
        (before, setting)
    }

    /// The deadline of the entry itself.
    pub(crate) fn at(&self, scope: Scope) -> Option<Instant> {
        self.get(scope)?.at
    }

    /// Whether the deadline of the entry itself has not passed yet.
    pub(crate) fn is_armed(&self, scope: Scope) -> bool {
        self.at(scope).is_some_and(|at| self.armed.contains(&(at, scope)))
    }

    /// The earliest deadline of an entry and those further up.
    pub(crate) fn effective(&self, scope: Scope) -> Option<Instant> {
        let first = self.get(scope);
        std::iter::successors(first, |entry| self.get(entry.outer)).filter_map(|entry| entry.at).min()
    }

    /// Takes out a deadline that is not after `now`, with the node and how it was set.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(N, DeadlineSetting)> {
        let (at, scope) = *self.armed.first()?;
        if at > now {
            return None;
        }
        self.armed.pop_first();
        self.get(scope).map(|entry| (entry.node, entry.setting.clone()))
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.armed.first().map(|&(at, _)| at)
    }

    fn disarm(&mut self, scope: Scope) {
        if let Some(at) = self.at(scope) {
            self.armed.remove(&(at, scope));
        }
    }

    fn get(&self, scope: Scope) -> Option<&Entry<N>> {
        self.entries.get(scope.index()?)?.as_ref()
    }

    fn slot(&mut self, scope: Scope) -> &mut Option<Entry<N>> {
        let index = scope.index().expect("only the scope of an entry is written to");
        &mut self.entries[index]
    }
}
