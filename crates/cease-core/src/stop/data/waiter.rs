//! A waiter: what a waiting thread, a pending future or a callback links into the list of its node.
//!
//! # How it works
//!
//! A waiter lives in the frame of the waiting thread, in the future, or beside the callback, so a wait allocates nothing;
//! the list ([`crate::stop::data::list`]) holds pointers to it.
//! A thread that holds the lock of the list may link, unlink and read any waiter in it.
//! A thread that has taken a waiter out stores `done` as its last touch: from that moment on the frame may be gone.
#![allow(unsafe_code, reason = "what a waiter holds is guarded by the lock of its list")]

use std::marker::PhantomPinned;
use std::ptr::NonNull;
use std::task::Waker;

use crate::Panic;
use crate::apart;
use crate::fault::{self, Fault};
use crate::stop::data::list::{Linked, Links, List};
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
            Self::Call(_) => unreachable!("functions are called by `notify`"),
        }
        Ok(())
    }
}

/// Runs the function of a frame whose type was forgotten.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallFn(pub(crate) unsafe fn(NonNull<Waiter>, Run));

/// What is done with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    Call,
    /// It is only dropped: no stop was requested, and no request can come.
    Drop,
}

/// Who runs a function; stands in the frame of the thread that does, and is read and written under the lock.
pub(crate) struct Running {
    thread: ThreadId,
    word: UnsafeCell<Word>,
}

impl Running {
    /// The calling thread runs the function.
    pub(crate) fn here() -> Self {
        Self { thread: thread::current().id(), word: UnsafeCell::new(Word::Nothing) }
    }

    /// Which thread runs the function.
    pub(crate) const fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Leaves word, and returns what was left before; called under the lock.
    pub(crate) fn leave_word(&self, word: Word) -> Word {
        // SAFETY: the lock is held, and no reference to the word leaves this function.
        self.word.with_mut(|old| unsafe { std::mem::replace(&mut *old, word) })
    }
}

/// What a guard that is dropped during the call records.
pub(crate) enum Word {
    Nothing,
    Waits(Unparker),
    Left(Heir),
}

/// The frame of a callback, of which nothing is known but how it is dropped.
pub(crate) trait Owned: Send + Sync {}

/// A frame in a box, on its way to the code that frees it.
pub(crate) struct Boxed(pub(crate) NonNull<dyn Owned>);

/// Who gives the frame back, when it is left while its function runs.
pub(crate) enum Heir {
    /// Its place is gone with the frame that was left.
    Nobody,
    /// The thread that runs the function.
    Caller(Boxed),
}

/// What waits for a stop.
pub(crate) struct Waiter {
    /// Set as the last touch of the thread that has taken it out.
    done: AtomicBool,
    /// Its neighbours in the list; belong to the thread that holds the lock of the list.
    links: UnsafeCell<Links<Self>>,
    /// Everything else; belongs to the thread that holds the lock of the list.
    inner: UnsafeCell<Inner>,
    /// The list points here.
    _pinned: PhantomPinned,
}

struct Inner {
    /// What it waits for; none when it is in no list.
    wake: Option<Wake>,
    /// Who runs the function just now.
    running: Option<NonNull<Running>>,
}

// SAFETY: what lies behind `links` and `inner` is touched only by the thread that holds the lock of the list, or by the owner while the waiter
// is in no list; all of it may be used from any thread.
unsafe impl Send for Waiter {}
// SAFETY: as above: a shared reference gives safe code nothing but `is_done`.
unsafe impl Sync for Waiter {}

// SAFETY: `links` is a field.
unsafe impl Linked for Waiter {
    #[inline]
    fn links(&self) -> &UnsafeCell<Links<Self>> {
        &self.links
    }
}

/// The waiters of a node, the newest first.
pub(crate) type WaitList = List<Waiter>;

impl Waiter {
    /// A waiter that is in no list.
    pub(crate) fn new() -> Self {
        Self {
            done: AtomicBool::new(false),
            links: UnsafeCell::new(Links::new()),
            inner: UnsafeCell::new(Inner { wake: None, running: None }),
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
    /// No other code reaches it: it is done, or was taken out by its owner.
    pub(crate) unsafe fn is_unlinked(&self) -> bool {
        // SAFETY: by the caller's promise no other thread reaches it.
        self.links.with(|links| unsafe { (*links).is_empty() })
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

    /// Calls `f` with what the waiter waits for.
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
