//! What a request has to do once the tree is marked: wake, and call.

use crate::Panic;
use crate::fault::{self, Fault};
use crate::stop::wait_list::{WaitList, Wake};

/// What was taken out of the lists under the lock, and is to be done without it.
#[derive(Default)]
pub(crate) struct Due {
    wakes: Vec<Wake>,
    /// Callbacks that are never called.
    discards: Vec<Wake>,
    /// In the order of the walk, each node's callbacks from the oldest to the newest.
    calls: Vec<Wake>,
}

impl Due {
    /// Takes out everything that waits at one node.
    pub(crate) fn take_all(&mut self, waiters: &mut WaitList, callbacks: &mut WaitList) {
        self.take_waiters(waiters);
        let first = self.calls.len();
        self.calls.extend(std::iter::from_fn(|| callbacks.pop()));
        self.calls[first..].reverse();
    }

    /// Takes out everything that waits at one node where nobody can ask any more.
    pub(crate) fn take_orphans(&mut self, waiters: &mut WaitList, callbacks: &mut WaitList) {
        self.take_waiters(waiters);
        self.discards.extend(std::iter::from_fn(|| callbacks.pop()));
    }

    fn take_waiters(&mut self, waiters: &mut WaitList) {
        self.wakes.extend(std::iter::from_fn(|| waiters.pop()));
    }

    /// Wakes whoever waits, then calls the callbacks, what is deeper in the tree and newer first, or drops them.
    ///
    /// One that panics loses no other; what they panicked with is returned.
    pub(crate) fn settle(self) -> Vec<Panic> {
        let mut panics = Vec::new();
        for wake in self.wakes.into_iter().chain(self.calls.into_iter().rev()) {
            panics.extend(wake.wake().err());
            if fault::is(Fault::OneWoken) || fault::is(Fault::PanicEndsSweep) && !panics.is_empty() {
                break;
            }
        }
        for discard in &self.discards {
            discard.discard();
        }
        panics
    }
}
