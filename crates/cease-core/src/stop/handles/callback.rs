//! Functions that a request calls.
//!
//! # How it works
//!
//! A callback is in the list of its node until a request moves it to the list of what that request has to call, under the
//! same lock: the drop of the guard removes it from either.
//! The thread that calls it records itself in `Running` under the lock and releases the lock; a guard that is dropped
//! during the call finds that record, and leaves its own state in it.
#![allow(unsafe_code, reason = "the lists point to the callbacks")]

use std::fmt;
use std::marker::PhantomPinned;
use std::mem;
#[cfg(debug_assertions)]
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;

use crate::fault::{self, Fault};
use crate::stop::data::waiter::{Boxed, CallFn, Heir, Owned, Run, Waiter, Wake, Word};
use crate::stop::protocol::lifecycle::NodeRef;
use crate::stop::tree::node::Node;
use crate::sync::thread;
use crate::sync::{Parker, Tracked, UnsafeCell};
use crate::{StopToken, apart};

impl StopToken {
    /// Registers `function` to be called once, by the request, on the requesting thread.
    ///
    /// On a token that is stopped it is called here, before this returns.
    /// A request wakes waiting threads and tasks first; then it calls callbacks, the newest first, with no lock held.
    /// A panic in one does not keep the others from being called: the panic hook reports it, and
    /// [`crate::StopSource::take_panics`] returns it.
    /// When no source is left, it is never called, and what it owns is dropped.
    /// A destructor of what it owns that panics is reported by the panic hook, and no caller of this crate sees the panic:
    /// neither the drop of the guard, nor [`CallbackGuard::unregister`], nor the drop of the last source.
    ///
    /// # Panics
    ///
    /// With what `function` panics with, when it is called here.
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use std::sync::mpsc::channel;
    ///
    /// let source = StopSource::new();
    /// let (sender, receiver) = channel();
    /// let guard = source.token().on_stop(move || sender.send("stopped").unwrap());
    ///
    /// source.request();
    /// assert_eq!(receiver.try_recv(), Ok("stopped"));
    /// drop(guard);
    /// ```
    #[doc(alias = "stop_callback")]
    #[doc(alias = "AfterFunc")]
    #[doc(alias = "register")]
    #[track_caller]
    pub fn on_stop(&self, function: impl FnOnce() + Send + 'static) -> CallbackGuard {
        CallbackGuard::register(self.node(), function)
    }

    /// Makes a callback that lives where it is pinned, and allocates nothing; it is called once it was registered.
    ///
    /// Otherwise it is as [`StopToken::on_stop`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cease_core::StopSource;
    /// use std::pin::pin;
    /// use std::sync::mpsc::channel;
    ///
    /// let source = StopSource::new();
    /// let token = source.token();
    /// let (sender, receiver) = channel();
    /// let mut callback = pin!(token.callback(move || sender.send("stopped").unwrap()));
    /// callback.as_mut().register();
    ///
    /// source.request();
    /// assert_eq!(receiver.try_recv(), Ok("stopped"));
    /// ```
    #[doc(alias = "stop_callback")]
    #[track_caller]
    pub fn callback<F: FnOnce() + Send + 'static>(&self, function: F) -> PinnedCallback<'_, F> {
        PinnedCallback::new(self, function)
    }
}

/// Keeps a callback registered; made by [`StopToken::on_stop`].
///
/// Dropping it unregisters the callback: afterwards it cannot run any more.
/// If it is running just then on another thread, the drop waits until it has returned; if it is dropped by the callback
/// itself, it does not (law L13). These are the semantics of C++20's `std::stop_callback`.
///
/// # Blocking
///
/// The drop blocks while the callback runs on another thread.
/// Dropping it while holding a lock that the callback takes is therefore a deadlock; release the lock first, or use
/// [`CallbackGuard::unregister`].
/// A debug build says so on standard error when a drop has waited for a second, with the place where the callback was
/// registered.
#[doc(alias = "stop_callback")]
#[doc(alias = "CancellationTokenRegistration")]
#[must_use = "dropping it takes the callback away"]
pub struct CallbackGuard {
    registration: Registration,
}

/// The state of a guard's callback.
enum Registration {
    /// It is in a list, or was.
    Entered(NodeRef, NonNull<dyn Registered>),
    /// It ran at once, because the stop had been requested before.
    Ran,
    /// It never runs, because no source was left.
    NeverRuns,
    /// The guard was used up by `unregister`.
    Taken,
}

// SAFETY: a frame may be dropped on any thread, for its function is `Send`.
unsafe impl Send for CallbackGuard {}
// SAFETY: a shared reference gives nothing away.
unsafe impl Sync for CallbackGuard {}

impl CallbackGuard {
    /// Registers `function`, or calls it at once on a node that is stopped.
    #[track_caller]
    fn register<F: FnOnce() + Send + 'static>(node: &NodeRef, function: F) -> Self {
        let frame = Box::new(Frame::new(function));
        if node.is_stop_requested() {
            frame.into_function()();
            return Self { registration: Registration::Ran };
        }
        let frame = NonNull::from(Box::leak(frame));
        // SAFETY: it came from a box.
        let entering = unsafe { frame.as_ref() };
        // SAFETY: the frame does not move, and is given back only when it is in no list.
        if unsafe { entering.enter(node) } {
            return Self { registration: Registration::Entered(node.clone(), frame) };
        }
        // SAFETY: it came from a box, and is in no list.
        let frame = unsafe { Box::from_raw(frame.as_ptr()) };
        if node.is_stop_requested() {
            frame.into_function()();
            return Self { registration: Registration::Ran };
        }
        drop_apart(frame);
        Self { registration: Registration::NeverRuns }
    }

    /// Unregisters the callback without waiting; true when it has not run, and never will.
    ///
    /// False says that it has run, runs, or is about to.
    /// Where the last source is gone the answer is true, whether the callback was registered before or after that.
    pub fn unregister(mut self) -> bool {
        match mem::replace(&mut self.registration, Registration::Taken) {
            Registration::Entered(node, frame) => take_away(&node, frame, false),
            Registration::NeverRuns => true,
            Registration::Ran | Registration::Taken => false,
        }
    }
}

impl Drop for CallbackGuard {
    fn drop(&mut self) {
        if let Registration::Entered(node, frame) = mem::replace(&mut self.registration, Registration::Taken) {
            take_away(&node, frame, true);
        }
    }
}

/// Takes a callback away whose frame is in a box; true when it was never called.
fn take_away(node: &NodeRef, frame: NonNull<dyn Registered>, wait: bool) -> bool {
    if fault::is(Fault::DueNotTakenBack) && node.is_stop_requested() {
        return false;
    }
    let wait = wait || fault::is(Fault::UnregisterWaits);
    // SAFETY: the frame is alive until it is given back below.
    let fate = unsafe { frame.as_ref() }.leave(node, Heir::Caller(Boxed(frame)), wait);
    if fate != Fate::Runs {
        // SAFETY: it came from a box, is in no list, and no thread runs it.
        drop_apart(unsafe { Box::from_raw(frame.as_ptr()) });
    }
    fate == Fate::Removed || !node.is_stop_requested() || fault::is(Fault::UnregisterLies)
}

impl fmt::Debug for CallbackGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackGuard")
            .field("registered", &matches!(self.registration, Registration::Entered(..)))
            .finish()
    }
}

/// Drops what a callback owns that is not called any more.
///
/// A destructor that panics there is treated as a callback that panics: the panic hook reports it, and the caller goes on.
fn drop_apart(owned: impl Sized) {
    let _ = apart::call_apart(|| drop(owned));
}

/// A callback that lives where it stands, on the stack for one, and allocates nothing; made by [`StopToken::callback`].
///
/// Otherwise it is as [`CallbackGuard`].
#[doc(alias = "stop_callback")]
#[must_use = "it is called only after `register`"]
pub struct PinnedCallback<'a, F: FnOnce() + Send + 'static> {
    token: &'a StopToken,
    frame: Frame<F>,
    registered: bool,
}

impl<'a, F: FnOnce() + Send + 'static> PinnedCallback<'a, F> {
    fn new(token: &'a StopToken, function: F) -> Self {
        Self { token, frame: Frame::new(function), registered: false }
    }

    /// Registers the function, or calls it at once on a token that is stopped; a second call changes nothing.
    ///
    /// # Panics
    ///
    /// With what the function panics with, when it is called here.
    pub fn register(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of it but the function, which is not pinned.
        let this = unsafe { self.get_unchecked_mut() };
        if this.registered {
            return;
        }
        // SAFETY: it is pinned, and its drop takes the frame out.
        this.registered = unsafe { this.frame.enter(this.token.node()) };
        if !this.registered && this.token.is_stop_requested() {
            // SAFETY: the frame is in no list, so that no other code reaches it.
            if let Some(function) = unsafe { this.frame.take_function() } {
                function();
            }
        }
    }
}

impl<F: FnOnce() + Send + 'static> Drop for PinnedCallback<'_, F> {
    fn drop(&mut self) {
        if self.registered {
            self.frame.leave(self.token.node(), Heir::Nobody, true);
        }
        // SAFETY: the frame is in no list, or this thread runs the function, which was taken out before.
        if let Some(function) = unsafe { self.frame.take_function() } {
            drop_apart(function);
        }
    }
}

impl<F: FnOnce() + Send + 'static> fmt::Debug for PinnedCallback<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedCallback").field("registered", &self.registered).finish_non_exhaustive()
    }
}

/// What a list points to, and the function beside it.
#[repr(C)]
struct Frame<F> {
    /// Comes first, so that a pointer to it is one to the frame.
    waiter: Waiter,
    /// Owned by the code that removed the waiter.
    function: UnsafeCell<Option<F>>,
    /// Where it was registered, for the warning of a drop that waits too long.
    #[cfg(debug_assertions)]
    registered_at: &'static Location<'static>,
    _tracked: Tracked,
    _pinned: PhantomPinned,
}

// SAFETY: only the code that removed the waiter reaches the function, and it is `Send`.
unsafe impl<F: Send> Send for Frame<F> {}
// SAFETY: as above.
unsafe impl<F: Send> Sync for Frame<F> {}

/// A frame whose function's type is forgotten.
trait Registered: Owned {
    fn leave(&self, node: &Node, heir: Heir, wait: bool) -> Fate;
}

/// What became of a callback that was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It was never called.
    Removed,
    /// It has returned.
    Done,
    /// It runs, and the frame was given away.
    Runs,
}

impl<F: FnOnce() + Send> Frame<F> {
    #[track_caller]
    fn new(function: F) -> Self {
        Self {
            waiter: Waiter::new(),
            function: UnsafeCell::new(Some(function)),
            #[cfg(debug_assertions)]
            registered_at: Location::caller(),
            _tracked: Tracked::new(()),
            _pinned: PhantomPinned,
        }
    }

    /// Puts the callback into the list of `node`; false, and it is in no list, when no request can come any more.
    ///
    /// # Safety
    ///
    /// The frame is in no list, does not move, and is left only with `leave`.
    unsafe fn enter(&self, node: &Node) -> bool {
        let waiter = NonNull::from(self).cast();
        // SAFETY: as the caller promises; the waiter comes first in its frame.
        unsafe { node.enter(waiter, Wake::Call(CallFn(run::<F>))) }
    }

    /// Takes the function.
    ///
    /// # Safety
    ///
    /// The caller has taken the waiter out, or it is in no list.
    unsafe fn take_function(&self) -> Option<F> {
        // SAFETY: by the caller's promise no other code reaches it.
        self.function.with_mut(|function| unsafe { (*function).take() })
    }

    fn into_function(self) -> F {
        self.function.into_inner().expect("it was not called")
    }
}

impl<F: FnOnce() + Send> Owned for Frame<F> {}

impl<F: FnOnce() + Send> Registered for Frame<F> {
    fn leave(&self, node: &Node, heir: Heir, wait: bool) -> Fate {
        // SAFETY: a frame stays where it is from its registration to this call.
        let waiter = unsafe { Pin::new_unchecked(&self.waiter) };
        if waiter.is_done() {
            return Fate::Done;
        }
        let guard = node.lock();
        // SAFETY: the lock is held.
        if unsafe { waiter.take_wake() }.is_some() {
            // SAFETY: it still waited, so it is in the list of the node, or in one of what is to be called.
            unsafe { node.take_out(waiter) };
            return Fate::Removed;
        }
        // SAFETY: the lock is held.
        let Some(running) = unsafe { waiter.running() }.filter(|_| !waiter.is_done()) else { return Fate::Done };
        // SAFETY: the thread that runs the function leaves the record in place until it has taken the lock again.
        let running = unsafe { running.as_ref() };
        let own = running.thread() == thread::current().id() && !fault::is(Fault::CallbackAwaitsItself);
        if own || !wait || fault::is(Fault::CallbackNotAwaited) {
            running.leave_word(Word::Left(heir));
            return Fate::Runs;
        }
        let parker = Parker::new();
        running.leave_word(Word::Waits(parker.unparker()));
        drop(guard);
        self.wait_for_end(&parker);
        // With a seeded fault it may still run: a model has to see the law broken, and not memory that is gone.
        if self.waiter.is_done() { Fate::Done } else { Fate::Runs }
    }
}

impl<F> Frame<F> {
    /// Blocks until the function has returned.
    fn wait_for_end(&self, parker: &Parker) {
        #[cfg(all(debug_assertions, not(any(loom, shuttle))))]
        {
            use std::io::Write;

            let deadline = crate::sync::deadline_after(SUSPICIOUS);
            while !self.waiter.is_done() {
                if parker.park_until(deadline) {
                    let _ = writeln!(
                        std::io::stderr(),
                        "cease: the drop of a callback's guard has waited for {SUSPICIOUS:?}: the callback registered at {} \
                         is still running. Is a lock held here that it takes?",
                        self.registered_at
                    );
                    break;
                }
            }
        }
        let mut again = true;
        while again && !self.waiter.is_done() {
            parker.park_until(None);
            again = !fault::is(Fault::CallbackAwaitedOnce);
        }
    }
}

/// How long a drop waits in a debug build before it says so.
#[cfg(all(debug_assertions, not(any(loom, shuttle))))]
const SUSPICIOUS: std::time::Duration = std::time::Duration::from_secs(1);

/// Takes the function out of its frame, and runs it.
///
/// # Safety
///
/// `waiter` is that of a `Frame<F>`, and the caller has taken it out.
unsafe fn run<F: FnOnce() + Send>(waiter: NonNull<Waiter>, how: Run) {
    // SAFETY: the waiter comes first in its frame.
    let frame = unsafe { waiter.cast::<Frame<F>>().as_ref() };
    // SAFETY: the caller has taken the waiter out.
    let function = unsafe { frame.take_function() };
    // From here on the frame may be gone: the function may drop its own guard.
    match function {
        Some(function) if how == Run::Call => function(),
        function => drop(function),
    }
}
