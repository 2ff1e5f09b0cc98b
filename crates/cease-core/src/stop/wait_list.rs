//! The list of what waits for a stop, made of their own frames: a wait allocates nothing.
//!
//! # How it works
//!
//! A waiter lives in the frame of the thread that waits, in the future that is awaited, or beside the callback that is to
//! be called, and the list holds pointers to it.
//! Whoever holds the lock of the list may link, unlink and read any waiter in it.
//! Who has taken a waiter out and is through with it stores `done` as the last touch: from that moment on the frame may be
//! gone.
#![allow(unsafe_code, reason = "an intrusive list is made of pointers")]

use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::Waker;

use crate::Panic;
use crate::apart;
use crate::fault::{self, Fault};
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Unparker, UnsafeCell};

/// What is done with a waiter that is taken out.
pub(crate) enum Wake {
    /// A thread goes on.
    Thread(Unparker),
    /// A task is polled again.
    Task(Waker),
    /// A function is called.
    Call(CallFn),
}

impl Wake {
    /// Wakes, on the calling thread and with no lock held; what is not ours may panic.
    pub(crate) fn wake(self) -> Result<(), Panic> {
        match self {
            Self::Thread(unparker) => unparker.unpark(),
            Self::Task(waker) => return apart::call_apart(|| waker.wake()),
            Self::Call(_) => unreachable!("functions are called by `due`"),
        }
        Ok(())
    }
}

/// Runs the function of a frame whose type was forgotten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallFn(pub(super) unsafe fn(NonNull<Waiter>, Run));

/// What is done with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Call,
    /// It is only dropped: nobody asked, and nobody can.
    Drop,
}

/// Who runs a function; stands in the frame of the thread that does, and is read and written under the lock.
pub(crate) struct Running {
    thread: ThreadId,
    word: UnsafeCell<Word>,
}

impl Running {
    /// The calling thread runs the function.
    pub(super) fn here() -> Self {
        Self { thread: thread::current().id(), word: UnsafeCell::new(Word::Nothing) }
    }

    /// Which thread runs the function.
    pub(super) const fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Leaves word, and returns what was left before; called under the lock.
    pub(super) fn leave_word(&self, word: Word) -> Word {
        // SAFETY: the lock is held, and no reference to the word leaves this function.
        self.word.with_mut(|old| unsafe { std::mem::replace(&mut *old, word) })
    }
}

/// What whoever drops the guard meanwhile leaves word of.
pub(super) enum Word {
    Nothing,
    Waits(Unparker),
    Left(Heir),
}

/// The frame of a callback, of which nothing is known but how it is dropped.
pub(super) trait Owned: Send + Sync {}

/// A frame in a box, on its way to whoever gives it back.
pub(super) struct Boxed(pub(super) NonNull<dyn Owned>);

/// Who gives the frame back, when it is left while its function runs.
pub(super) enum Heir {
    /// Its place is gone with whoever left it.
    Nobody,
    /// Whoever runs the function.
    Caller(Boxed),
}

/// Whoever waits.
pub(crate) struct Waiter {
    /// Set as the last touch of whoever has taken it out.
    done: AtomicBool,
    /// Everything else; belongs to whoever holds the lock of the list.
    inner: UnsafeCell<Inner>,
    /// The list points here.
    _pinned: PhantomPinned,
}

struct Inner {
    previous: Option<NonNull<Waiter>>,
    next: Option<NonNull<Waiter>>,
    /// What it waits for; none when it is in no list.
    wake: Option<Wake>,
    /// Who runs the function just now.
    running: Option<NonNull<Running>>,
}

// SAFETY: what lies behind `inner` is touched only by whoever holds the lock of the list, or by the owner while the waiter
// is in no list; all of it may be used from any thread.
unsafe impl Send for Waiter {}
// SAFETY: as above: a shared reference gives safe code nothing but `is_done`.
unsafe impl Sync for Waiter {}

impl Waiter {
    /// A waiter that is in no list.
    pub(crate) fn new() -> Self {
        Self {
            done: AtomicBool::new(false),
            inner: UnsafeCell::new(Inner { previous: None, next: None, wake: None, running: None }),
            _pinned: PhantomPinned,
        }
    }

    /// Whether somebody has taken this waiter out of the list, and will not touch it again.
    pub(crate) fn is_done(&self) -> bool {
        // ORDERING: Acquire pairs with the Release store in `finish`: the last touch of this frame happens before the frame
        // is left.
        self.done.load(Acquire)
    }

    /// Whether the waiter is in no list, as it must be when its frame is left.
    ///
    /// # Safety
    ///
    /// Nobody else reaches it: it is done, or was taken out by its owner.
    pub(crate) unsafe fn is_unlinked(&self) -> bool {
        // SAFETY: by the caller's promise it is in no list.
        unsafe { self.with_inner(|inner| inner.previous.is_none() && inner.next.is_none()) }
    }

    /// Lets go of it for good, after which its frame may be gone.
    ///
    /// # Safety
    ///
    /// The caller has taken it out.
    pub(crate) unsafe fn finish(&self) {
        let order = if fault::is(Fault::RelaxedWoken) { Relaxed } else { Release };
        // ORDERING: Release pairs with the Acquire in `is_done`: all touches before happen before the frame is left.
        self.done.store(true, order);
    }

    /// The waiter behind this one.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn next(&self) -> Option<NonNull<Self>> {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| inner.next) }
    }

    /// Whether a function is to be called when it is taken out.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn is_callback(&self) -> bool {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| matches!(inner.wake, Some(Wake::Call(_)))) }
    }

    /// Takes what it waits for, which is none when somebody has before.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn take_wake(&self) -> Option<Wake> {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| inner.wake.take()) }
    }

    /// Lets it wait for `wake` from now on, and returns what it waited for before.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn renew(&self, wake: Wake) -> Option<Wake> {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| inner.wake.replace(wake)) }
    }

    /// Who runs the function just now.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn running(&self) -> Option<NonNull<Running>> {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| inner.running) }
    }

    /// Notes who runs the function.
    ///
    /// # Safety
    ///
    /// The lock of its list is held.
    pub(crate) unsafe fn set_running(&self, running: NonNull<Running>) {
        // SAFETY: the lock is held.
        unsafe { self.with_inner(|inner| inner.running = Some(running)) };
    }

    /// Puts it behind `front`, in whatever list that is.
    ///
    /// # Safety
    ///
    /// - The lock of that list is held, and `this` is in none.
    /// - Its frame is not left before it is done or taken out.
    pub(crate) unsafe fn put_behind(this: NonNull<Self>, front: NonNull<Self>) {
        // SAFETY: who is in a list is alive.
        let next = unsafe { Self::with(front, |inner| inner.next.replace(this)) };
        let link = |inner: &mut Inner| (inner.previous, inner.next) = (Some(front), next);
        // SAFETY: by the caller's promise it is alive and in no list.
        unsafe { Self::with(this, link) };
        if let Some(next) = next {
            // SAFETY: who is in a list is alive.
            unsafe { Self::with(next, |inner| inner.previous = Some(this)) };
        }
    }

    /// Takes it out of a list in which somebody stands in front of it; else, returns what is to become the head.
    ///
    /// # Safety
    ///
    /// The lock of the list is held.
    unsafe fn unlink(&self) -> Result<(), Option<NonNull<Self>>> {
        // SAFETY: the lock is held.
        let (previous, next) = unsafe { self.with_inner(|inner| (inner.previous.take(), inner.next.take())) };
        if let Some(next) = next {
            // SAFETY: who is in a list is alive.
            unsafe { Self::with(next, |inner| inner.previous = previous) };
        }
        let Some(previous) = previous else { return Err(next) };
        // SAFETY: who is in a list is alive.
        unsafe { Self::with(previous, |inner| inner.next = next) };
        Ok(())
    }

    /// Calls `f` with everything but `done`.
    ///
    /// # Safety
    ///
    /// - The caller holds the lock of the list that `self` is in, or `self` is in none.
    /// - `f` does not reach the same waiter again.
    unsafe fn with_inner<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        // SAFETY: by the caller's promise no other reference to the inner part exists while `f` runs.
        self.inner.with_mut(|inner| f(unsafe { &mut *inner }))
    }

    /// The same for one that a list points to.
    ///
    /// # Safety
    ///
    /// It is alive, as who is in a list is; and as above.
    unsafe fn with<R>(this: NonNull<Self>, f: impl FnOnce(&mut Inner) -> R) -> R {
        // SAFETY: by the caller's promise it is alive.
        let this = unsafe { this.as_ref() };
        // SAFETY: by the caller's promise.
        unsafe { this.with_inner(f) }
    }
}

/// A list of waiters, the newest first; the lock around it is the lock of every waiter in it.
#[derive(Debug)]
pub(crate) struct WaitList {
    head: Option<NonNull<Waiter>>,
}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self { head: None }
    }

    /// Everybody in it, who from now on is in the list that is returned.
    pub(crate) const fn take(&mut self) -> Self {
        Self { head: self.head.take() }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Puts `waiter` in front, to be taken out for `wake`.
    ///
    /// # Safety
    ///
    /// - `waiter` is in no list, and does not move.
    /// - Its frame is not left before it is done or taken out.
    pub(crate) unsafe fn push(&mut self, waiter: NonNull<Waiter>, wake: Wake) {
        let next = self.head.replace(waiter);
        let link = |inner: &mut Inner| (inner.next, inner.wake) = (next, Some(wake));
        // SAFETY: `waiter` was in no list, and is now in the one whose lock is held.
        unsafe { Waiter::with(waiter, link) };
        if let Some(next) = next {
            // SAFETY: who is in a list is alive.
            unsafe { Waiter::with(next, |inner| inner.previous = Some(waiter)) };
        }
    }

    /// Takes out the newest, who is not done yet.
    pub(crate) fn pop(&mut self) -> Option<NonNull<Waiter>> {
        let head = self.head?;
        // SAFETY: it is in this list, so it is alive.
        let waiter = unsafe { head.as_ref() };
        // SAFETY: who is in a list does not move.
        let waiter = unsafe { Pin::new_unchecked(waiter) };
        // SAFETY: it is in this list, and the lock is held.
        unsafe { self.remove(waiter) };
        Some(head)
    }

    /// Takes `waiter` out of this list, or out of one in which somebody always stands in front.
    ///
    /// # Safety
    ///
    /// `waiter` is in such a list, and the lock is held.
    pub(crate) unsafe fn remove(&mut self, waiter: Pin<&Waiter>) {
        // SAFETY: by the caller's promise.
        if let Err(head) = unsafe { waiter.unlink() } {
            self.head = head;
        }
    }
}
