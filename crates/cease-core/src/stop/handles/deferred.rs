//! A request whose callbacks are called elsewhere.

use std::fmt;

use crate::stop::protocol::lifecycle::NodeRef;
use crate::stop::protocol::notify::Notifications;

/// The callbacks of a request that was made with [`crate::StopSource::request_deferred`], and that are still to be called.
///
/// [`DeferredCallbacks::call`] calls them, on any thread; dropping this value calls them too, so that none is lost.
/// Until then a guard can still unregister its callback, and the drop of the guard does not wait.
#[must_use = "dropping it calls the callbacks here"]
pub struct DeferredCallbacks {
    notifications: Notifications,
    /// Keeps the locks of the callbacks; dropped after them.
    _node: NodeRef,
}

impl DeferredCallbacks {
    pub(crate) const fn new(notifications: Notifications, node: NodeRef) -> Self {
        Self { notifications, _node: node }
    }

    /// Calls them on this thread, the newest first; a panic in one does not keep the others from being called
    /// ([`crate::StopSource::take_panics`]).
    pub fn call(self) {
        drop(self);
    }
}

impl Drop for DeferredCallbacks {
    fn drop(&mut self) {
        self.notifications.call();
    }
}

impl fmt::Debug for DeferredCallbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredCallbacks").field("is_empty", &!self.notifications.has_calls()).finish()
    }
}
