//! The protocol by which the state of a node changes: a request, and the end of the last source.
//!
//! A request marks the whole subtree and takes out everything that waits in it under the lock. Then, with no lock held, it
//! wakes threads and tasks and calls callbacks, in this order: a slow callback delays no thread and no task that waits.

use crate::fault::{self, Fault};
use crate::stop::due::Due;
use crate::stop::node::Node;
use crate::stop::request::{Request, RequestRef};
use crate::stop::shard::{Guard, Shard};
use crate::stop::sweep::{self, Closing, Stopping};

impl Node {
    /// Stops this node and every one below it; what is to be woken and called, when this was the first request.
    pub(crate) fn request(&self, request: Request) -> Option<Due> {
        let guard = match self.home().map(Shard::lock) {
            Some(guard) if self.is_open() => guard,
            late => {
                self.late_request(late, request);
                return None;
            }
        };
        let mut stopping = Stopping::new(self, RequestRef::new(request));
        sweep::from(self, guard, &mut stopping);
        Some(stopping.into_due())
    }

    /// Counts one source less; after the last one here and above, nobody can ask any more.
    ///
    /// `alone` says that nobody else refers to this node: then there is nobody to tell here, and what lies below is told
    /// when the node goes away, which is at once.
    pub(crate) fn drop_source(&self, alone: bool) {
        if alone || !self.remove_source() || fault::is(Fault::OrphanNotTold) {
            return;
        }
        if self.home().is_some() {
            self.close(self.lock()).settle();
        }
    }

    /// Notes that no source is left, here and for all below that have none of their own, if nobody above can ask.
    pub(super) fn close(&self, guard: Guard<'_, Node>) -> Due {
        let mut closing = Closing::new(self);
        if self.is_open() && self.is_orphan() {
            sweep::from(self, guard, &mut closing);
        }
        closing.into_due()
    }
}
