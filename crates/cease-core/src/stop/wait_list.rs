//! The list of what waits for a stop, made of their own frames: a wait allocates nothing.
//!
//! # How it works
//!
//! A waiter lives in the frame of the thread that waits, in the future that is awaited, or beside the callback that is to
//! be called, and the list holds pointers to it.
//! Whoever holds the lock of the list may link, unlink and read any waiter in it.
//! The waker takes a waiter out, takes what is to be done with it, and then stores `woken` as its last touch: from that
//! moment on the frame may be gone.
#![allow(unsafe_code, reason = "an intrusive list is made of pointers")]

use std::marker::PhantomPinned;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Waker;

use crate::Panic;
use crate::fault::{self, Fault};
use crate::stop::callback::Callback;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{Arc, Unparker, UnsafeCell};

/// What is done with a waiter that is taken out.
pub(crate) enum Wake {
    /// A thread goes on.
    Thread(Unparker),
    /// A task is polled again.
    Task(Waker),
    /// A function is called.
    Call(Arc<Callback>),
}

impl Wake {
    /// Does it, on the calling thread and with no lock held; what is not ours may panic.
    pub(crate) fn wake(self) -> Result<(), Panic> {
        match self {
            Self::Thread(unparker) => {
                unparker.unpark();
                Ok(())
            }
            Self::Task(waker) => catch_unwind(AssertUnwindSafe(|| waker.wake())).map_err(Panic::new),
            Self::Call(callback) => catch_unwind(AssertUnwindSafe(|| callback.call())).map_err(Panic::new),
        }
    }

    /// Does not do it, and never will.
    pub(crate) fn discard(&self) {
        if let Self::Call(callback) = self {
            callback.discard();
        }
    }
}

/// Whoever waits.
pub(crate) struct Waiter {
    /// Set by the waker as its last touch.
    woken: AtomicBool,
    /// Everything else; belongs to whoever holds the lock of the list.
    inner: UnsafeCell<Inner>,
    /// The list points here.
    _pinned: PhantomPinned,
}

struct Inner {
    previous: Option<NonNull<Waiter>>,
    next: Option<NonNull<Waiter>>,
    wake: Option<Wake>,
}

// SAFETY: what lies behind `inner` is touched only by whoever holds the lock of the list, or by the owner while the waiter
// is in no list; all of it may be used from any thread.
unsafe impl Send for Waiter {}
// SAFETY: as above: a shared reference gives safe code nothing but `is_woken`.
unsafe impl Sync for Waiter {}

impl Waiter {
    /// A waiter that is in no list.
    pub(crate) fn new() -> Self {
        Self {
            woken: AtomicBool::new(false),
            inner: UnsafeCell::new(Inner { previous: None, next: None, wake: None }),
            _pinned: PhantomPinned,
        }
    }

    /// Whether a waker has taken this waiter out of the list, and will not touch it again.
    pub(crate) fn is_woken(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `WaitList::pop`: the waker's last touch of this frame happens
        // before the frame is left.
        self.woken.load(Acquire)
    }

    /// Whether the waiter is in no list, as it must be when its frame is left.
    ///
    /// # Safety
    ///
    /// `self` was popped or removed, so that nobody else reaches it.
    pub(crate) unsafe fn is_unlinked(&self) -> bool {
        // SAFETY: by the caller's promise it is in no list.
        unsafe { self.with_inner(|inner| inner.previous.is_none() && inner.next.is_none()) }
    }

    /// Calls `f` with everything but `woken`.
    ///
    /// # Safety
    ///
    /// - The caller holds the lock of the list that `self` is in, or `self` is in none.
    /// - `f` does not reach the same waiter again.
    unsafe fn with_inner<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        // SAFETY: by the caller's promise no other reference to the inner part exists while `f` runs.
        self.inner.with_mut(|inner| f(unsafe { &mut *inner }))
    }
}

/// A list of waiters; the lock around it is the lock of every waiter in it.
#[derive(Debug)]
pub(crate) struct WaitList {
    head: Option<NonNull<Waiter>>,
}

// SAFETY: the pointers are followed only under the lock that owns the list, and what they point to, a `Wake`, which is
// `Send`, and further pointers of this kind, may be used from any thread.
unsafe impl Send for WaitList {}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self { head: None }
    }

    /// Puts `waiter` in front, to be taken out for `wake`.
    ///
    /// # Safety
    ///
    /// - `waiter` is in no list.
    /// - Its frame is not left before `is_woken` is true or `remove` was called.
    pub(crate) unsafe fn push(&mut self, waiter: Pin<&Waiter>, wake: Wake) {
        let this = Some(NonNull::from(waiter.get_ref()));
        let old = std::mem::replace(&mut self.head, this);
        // SAFETY: `waiter` was in no list, and is now in the one whose lock is held.
        unsafe {
            waiter.with_inner(|inner| {
                inner.next = old;
                inner.wake = Some(wake);
            });
        }
        if let Some(old) = old {
            // SAFETY: a waiter in the list is alive, by the promise made when it was pushed.
            let old = unsafe { old.as_ref() };
            // SAFETY: the lock is held, and `old` is not `waiter`, which was in no list.
            unsafe { old.with_inner(|inner| inner.previous = this) };
        }
    }

    /// Lets `waiter` be taken out for `wake` from now on, and returns what it was for before.
    ///
    /// # Safety
    ///
    /// `waiter` is in this list.
    pub(crate) unsafe fn renew(&mut self, waiter: Pin<&Waiter>, wake: Wake) -> Option<Wake> {
        // SAFETY: `waiter` is in the list whose lock is held.
        unsafe { waiter.with_inner(|inner| inner.wake.replace(wake)) }
    }

    /// Takes `waiter` out, and returns what would have been done with it.
    ///
    /// # Safety
    ///
    /// `waiter` is in this list.
    pub(crate) unsafe fn remove(&mut self, waiter: Pin<&Waiter>) -> Option<Wake> {
        let take = |inner: &mut Inner| (inner.previous.take(), inner.next.take(), inner.wake.take());
        // SAFETY: `waiter` is in the list whose lock is held.
        let (previous, next, wake) = unsafe { waiter.with_inner(take) };
        match previous {
            None => self.head = next,
            Some(previous) => {
                // SAFETY: a waiter in the list is alive, by the promise made when it was pushed.
                let previous = unsafe { previous.as_ref() };
                // SAFETY: the lock is held, and a neighbour is another waiter.
                unsafe { previous.with_inner(|inner| inner.next = next) };
            }
        }
        if let Some(next) = next {
            // SAFETY: a waiter in the list is alive, by the promise made when it was pushed.
            let next = unsafe { next.as_ref() };
            // SAFETY: the lock is held, and a neighbour is another waiter.
            unsafe { next.with_inner(|inner| inner.previous = previous) };
        }
        wake
    }

    /// Takes the newest waiter out for good, and returns what is to be done with it.
    pub(crate) fn pop(&mut self) -> Option<Wake> {
        let head = self.head?;
        // SAFETY: a waiter in the list is alive, by the promise made when it was pushed, until `woken` is stored below.
        let waiter = unsafe { head.as_ref() };
        // SAFETY: it was pinned when it was pushed.
        let waiter = unsafe { Pin::new_unchecked(waiter) };
        // SAFETY: it is the head of this list.
        let wake = unsafe { self.remove(waiter) };
        let order = if fault::is(Fault::RelaxedWoken) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire in `is_woken`: all touches above happen before the frame is left.
        waiter.woken.store(true, order);
        wake
    }
}
