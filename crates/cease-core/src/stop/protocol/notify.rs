//! What a request has to do once the tree is marked: wake, and call.
#![allow(unsafe_code, reason = "the list of what is to be called is intrusive")]

use std::pin::Pin;
use std::ptr::NonNull;

use crate::Panic;
use crate::apart;
use crate::fault::{self, Fault};
use crate::stop::data::list;
use crate::stop::data::request::RequestRef;
use crate::stop::data::waiter::{Boxed, CallFn, Heir, Run, Running, WaitList, Waiter, Wake, Word};
use crate::stop::tree::node::Node;
use crate::stop::tree::shard::Shard;

/// What was taken out of the nodes under their locks, and is to be done without.
///
/// The caller of [`Notifications::settle`] keeps the node at the top, and with it the shards.
#[derive(Default)]
pub(crate) struct Notifications {
    /// Most often there is one, for which nothing is allocated on the way to the wake-up.
    first_wake: Option<Wake>,
    more_wakes: Vec<Wake>,
    /// One list for each shard, in the order of the sweep.
    calls: Vec<Pin<Box<Calls>>>,
    /// The request that calls; `None` when no request can come any more: callbacks are then only dropped.
    request: Option<RequestRef>,
}

/// Callbacks in the order in which they are called: what is deeper in the tree and newer first.
struct Calls {
    /// Guards the list.
    shard: NonNull<Shard<Node>>,
    /// The front of the list, so that each waiter that leaves it has an element before it.
    front: Waiter,
}

// SAFETY: the list is followed only under the lock of the shard, and what it holds may be called on any thread.
unsafe impl Send for Calls {}
// SAFETY: as above.
unsafe impl Sync for Calls {}

impl Notifications {
    /// Says whose request calls the callbacks.
    pub(crate) fn of_request(self, request: RequestRef) -> Self {
        Self { request: Some(request), ..self }
    }

    /// Takes over `waiters`, who waited at `node`; called under its lock, once the node is marked.
    #[inline]
    pub(crate) fn take(&mut self, node: &Node, waiters: WaitList) {
        if !waiters.is_empty() {
            self.take_some(node, waiters);
        }
    }

    #[cold]
    fn take_some(&mut self, node: &Node, mut waiters: WaitList) {
        let mut last_call = None;
        while let Some(waiter) = waiters.pop() {
            // SAFETY: it was in the list, so it is alive until it is done.
            let this = unsafe { waiter.as_ref() };
            // SAFETY: the lock is held.
            if unsafe { this.is_callback() } {
                let front = last_call.filter(|_| !fault::is(Fault::OldestFirst)).unwrap_or_else(|| self.front(node));
                // SAFETY: the lock guards both lists, and it was just taken out of the other one.
                unsafe { list::insert_behind(front, waiter) };
                last_call = Some(waiter);
                continue;
            }
            // SAFETY: the lock is held.
            let wake = unsafe { this.take_wake() };
            if self.first_wake.is_none() {
                self.first_wake = wake;
            } else {
                self.more_wakes.extend(wake);
            }
            // SAFETY: it was taken out, and is not touched again.
            unsafe { this.finish() };
        }
    }

    /// The front of the list for callbacks in the shard of `node`.
    fn front(&mut self, node: &Node) -> NonNull<Waiter> {
        let shard = node.home.expect("a node that was created stopped has no waiters");
        if self.calls.last().is_none_or(|calls| calls.shard != shard) {
            self.calls.push(Box::pin(Calls { shard, front: Waiter::new() }));
        }
        NonNull::from(&self.calls.last().expect("it was just pushed").front)
    }

    /// Wakes threads and tasks, and then calls the callbacks; without a request, it drops the callbacks.
    pub(crate) fn settle(mut self) {
        self.wake();
        self.call();
    }

    /// Wakes the threads and tasks.
    pub(crate) fn wake(&mut self) {
        if fault::is(Fault::OneWoken) {
            self.more_wakes.clear();
        }
        let wakes = self.first_wake.take().into_iter().chain(self.more_wakes.drain(..));
        let panics: Vec<_> = wakes.filter_map(|wake| wake.wake().err()).collect();
        self.note(panics);
    }

    /// Calls the callbacks, or drops them when there is no request; a callback that panics loses no other.
    pub(crate) fn call(&mut self) {
        let mut panics = Vec::new();
        if fault::is(Fault::ShallowFirst) {
            self.calls.reverse();
        }
        for calls in self.calls.drain(..).rev() {
            // SAFETY: the shard outlives the node at the top, which the caller keeps.
            let shard = unsafe { calls.shard.as_ref() };
            let run = |failed| if self.request.is_none() || failed { Run::Drop } else { Run::Call };
            let failed = |panics: &[Panic]| fault::is(Fault::PanicEndsSweep) && !panics.is_empty();
            while let Some(result) = run_next(shard, &calls.front, run(failed(&panics))) {
                panics.extend(result.err());
            }
        }
        self.note(panics);
    }

    /// Whether callbacks are left to be called.
    pub(crate) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Keeps the panics of callbacks and wakers for `StopSource::take_panics`.
    fn note(&self, panics: Vec<Panic>) {
        if let Some(request) = &self.request {
            request.add_panics(panics);
        }
    }
}

/// Runs the first callback behind `front`, if there is one; `shard` has the lock of the list.
fn run_next(shard: &Shard<Node>, front: &Waiter, how: Run) -> Option<Result<(), Panic>> {
    let guard = shard.lock();
    // SAFETY: the lock is held.
    let next = unsafe { list::next(NonNull::from(front)) }?;
    // SAFETY: it is in the list, so it is alive.
    let waiter = unsafe { next.as_ref() };
    // SAFETY: it is in a list that begins with `front`, and the lock is held.
    unsafe { list::remove_behind_front(next) };
    // SAFETY: the lock is held.
    let wake = unsafe { waiter.take_wake() };
    let Some(Wake::Call(CallFn(run))) = wake else { unreachable!("only callbacks are to be called") };
    let running = Running::here();
    // SAFETY: the lock is held.
    unsafe { waiter.set_running(NonNull::from(&running)) };
    drop(guard);
    // SAFETY: this thread has taken the waiter out, and its frame is not left before the waiter is done.
    let result = apart::call_apart(|| unsafe { run(next, how) });
    let guard = shard.lock();
    let word = running.leave_word(Word::Nothing);
    if !matches!(word, Word::Left(_)) {
        // SAFETY: this thread has taken it out, and does not touch it again.
        unsafe { waiter.finish() };
    }
    drop(guard);
    match word {
        Word::Waits(unparker) => unparker.unpark(),
        Word::Left(Heir::Caller(_)) if fault::is(Fault::RunningFrameLeaked) => {}
        // SAFETY: it came from a box, is in no list, and its guard is gone.
        Word::Left(Heir::Caller(Boxed(frame))) => drop(unsafe { Box::from_raw(frame.as_ptr()) }),
        Word::Left(Heir::Nobody) | Word::Nothing => {}
    }
    Some(result)
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications")
            .field("has_wakes", &self.first_wake.is_some())
            .field("has_calls", &self.has_calls())
            .finish()
    }
}
