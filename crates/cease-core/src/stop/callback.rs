//! Functions that a request calls.

use std::fmt;
use std::pin::Pin;

use crate::fault::{self, Fault};
use crate::stop::node::Node;
use crate::stop::wait_list::{Waiter, Wake};
use crate::stop::waiting::Queue;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Arc, Mutex, Parker, Unparker, lock};

/// Keeps a callback registered; made by [`crate::StopToken::on_stop`].
///
/// Dropping it takes the callback away: afterwards it cannot run any more.
/// If it is running just then on another thread, the drop waits until it has returned; if it is dropped by the callback
/// itself, it does not (law L13). These are the semantics of C++20's `std::stop_callback`.
///
/// # Blocking
///
/// The drop blocks while the callback runs on another thread.
/// Dropping it while holding a lock that the callback takes is therefore a deadlock; let go of the lock first, or use
/// [`OnStop::unregister`].
#[must_use = "dropping it takes the callback away"]
pub struct OnStop {
    /// `None` when the callback ran at once, because the stop had come before.
    registered: Option<Registered>,
}

struct Registered {
    node: Arc<Node>,
    callback: Arc<Callback>,
}

impl OnStop {
    /// Registers `function`, or calls it at once on a node that is stopped.
    pub(crate) fn register(node: &Arc<Node>, function: impl FnOnce() + Send + 'static) -> Self {
        let callback = Arc::new(Callback::new(Box::new(function)));
        if node.enter_callback(&callback) {
            return Self { registered: Some(Registered { node: Arc::clone(node), callback }) };
        }
        if node.is_stopped() {
            callback.call();
        }
        Self { registered: None }
    }

    /// Takes the callback away without waiting; true when it has not run, and never will.
    ///
    /// False says that it has run, runs, or is about to.
    pub fn unregister(mut self) -> bool {
        self.registered.take().is_some_and(|registered| registered.take_away())
    }
}

impl Drop for OnStop {
    fn drop(&mut self) {
        let Some(registered) = self.registered.take() else { return };
        if !registered.take_away() && !fault::is(Fault::CallbackNotAwaited) {
            registered.callback.wait_for_end();
        }
    }
}

impl Registered {
    /// Makes sure that the function is not called any more; false when it was, or is being, called.
    fn take_away(&self) -> bool {
        if self.node.leave_callback(&self.callback) {
            return true;
        }
        // It was taken out of the list, but whoever did may not have come to it yet.
        let mut progress = lock(&self.callback.progress);
        let function = progress.function.take();
        let never_called = function.is_some() || progress.discarded;
        drop(progress);
        never_called
    }
}

impl fmt::Debug for OnStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnStop").field("registered", &self.registered.is_some()).finish()
    }
}

/// A function that is called once, and who waits for its end.
pub(crate) struct Callback {
    /// What the list of the node points to; the list holds a reference to this callback for as long as it does.
    waiter: Waiter,
    progress: Mutex<Progress>,
}

struct Progress {
    function: Option<Box<dyn FnOnce() + Send>>,
    /// The thread that calls the function, from just before the call until it has returned.
    caller: Option<ThreadId>,
    ended: bool,
    /// Whether nobody can ask any more, so that the function is never called.
    discarded: bool,
    /// Whoever waits for the end.
    dropper: Option<Unparker>,
}

impl Callback {
    fn new(function: Box<dyn FnOnce() + Send>) -> Self {
        let progress =
            Progress { function: Some(function), caller: None, ended: false, discarded: false, dropper: None };
        Self { waiter: Waiter::new(), progress: Mutex::new(progress) }
    }

    /// Calls the function, and tells whoever waits for its end, also when it panics.
    pub(crate) fn call(&self) {
        let function = {
            let mut progress = lock(&self.progress);
            progress.caller = Some(thread::current().id());
            // A guard that was dropped meanwhile has taken it away.
            let Some(function) = progress.function.take() else { return };
            function
        };
        let _end = TellEnd(self);
        function();
    }

    /// Drops the function, which nobody can ask for any more, with no lock held.
    pub(crate) fn discard(&self) {
        let mut progress = lock(&self.progress);
        let function = progress.function.take();
        progress.discarded = function.is_some();
        drop(progress);
        drop(function);
    }

    /// Blocks until the function has returned, unless the calling thread is in the middle of it.
    fn wait_for_end(&self) {
        let parker = Parker::new();
        {
            let mut progress = lock(&self.progress);
            let own = progress.caller == Some(thread::current().id()) && !fault::is(Fault::CallbackAwaitsItself);
            if progress.ended || own {
                return;
            }
            progress.dropper = Some(parker.unparker());
        }
        while !lock(&self.progress).ended {
            parker.park_until(None);
        }
    }
}

/// Tells the end of a call when it is dropped.
struct TellEnd<'a>(&'a Callback);

impl Drop for TellEnd<'_> {
    fn drop(&mut self) {
        let mut progress = lock(&self.0.progress);
        progress.caller = None;
        progress.ended = true;
        let dropper = progress.dropper.take();
        drop(progress);
        if let Some(dropper) = dropper {
            dropper.unpark();
        }
    }
}

#[allow(unsafe_code, reason = "the list of the node points to the callback")]
impl Node {
    /// Puts `callback` into the list; false when the state is not open, and it is in no list.
    fn enter_callback(&self, callback: &Arc<Callback>) -> bool {
        let wake = Wake::Call(Arc::clone(callback));
        // SAFETY: the callback was just made, so its waiter is in no list; the list holds a reference to the callback
        // until the waiter is taken out.
        unsafe { self.enter(callback.pinned(), Queue::Callbacks, wake) }
    }

    /// Takes `callback` out of the list; false when a request has done so before, and calls it.
    fn leave_callback(&self, callback: &Arc<Callback>) -> bool {
        // SAFETY: a callback is registered with one node only, in that queue, and only once.
        unsafe { self.leave(callback.pinned(), Queue::Callbacks) }
    }
}

impl Callback {
    #[allow(unsafe_code, reason = "what lies behind a reference count does not move")]
    fn pinned(&self) -> Pin<&Waiter> {
        // SAFETY: callbacks live behind an `Arc` only, are never moved out of it, and are dropped in place.
        unsafe { Pin::new_unchecked(&self.waiter) }
    }
}
