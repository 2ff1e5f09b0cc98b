//! The stop of the calling thread, for code that has no token as a parameter.
//!
//! # How it works
//!
//! The thread of a worker keeps its token in a thread-local variable, so a function deep in a call stack can poll it.
//! [`check`] works under every strategy. [`checkpoint`] needs no `Result` and works under the strategies that leave a job by
//! unwinding.
//!
//! # Limits
//!
//! The variable does not follow work to another thread: threads and tasks that a job starts have no current token.
//! Such a thread gets one from [`with`] and the job's token, or from [`UnwindBoundary::enter`].
//!
//! # Examples
//!
//! ```
//! use cease_core::{StopSource, Stopped, current};
//!
//! fn deep() -> Result<(), Stopped> {
//!     current::check()
//! }
//!
//! let source = StopSource::new();
//! current::with(&source.token(), || {
//!     assert!(deep().is_ok());
//!     source.request();
//!     assert!(deep().is_err());
//! });
//! assert!(deep().is_ok(), "the thread has no token here");
//! ```
#![allow(unsafe_code, reason = "a thread-local variable cannot hold a reference to a frame of the stack")]

use std::cell::Cell;
use std::panic::Location;
use std::ptr;

use crate::apart::Payload;
use crate::boundary;
use crate::fault::{self, Fault};
use crate::sync::thread_own;
use crate::{Checkpoint, StopToken, Stopped, UnwindBoundary};

/// Calls `f` with `token` as the current one of the calling thread, and restores the one before, also when `f` panics.
///
/// A [`checkpoint`] inside `f` polls `token`, and unwinds to the current boundary of the thread, if it has one.
pub fn with<R>(token: &StopToken, f: impl FnOnce() -> R) -> R {
    let boundary = CURRENT.with(Cell::get).boundary;
    enter(Frame { token, boundary }, f)
}

/// The current token of the calling thread; `None` if it has none.
#[must_use]
pub fn token() -> Option<StopToken> {
    ask(|token| token.cloned())
}

/// Whether a stop was requested on the current token of the calling thread; `false` if it has none.
#[inline]
#[must_use]
pub fn is_stop_requested() -> bool {
    ask(|token| token.is_some_and(StopToken::is_stop_requested))
}

/// Returns an error if a stop was requested on the current token of the calling thread.
///
/// # Errors
///
/// [`Stopped`] once a stop was requested, also at every later call; never on a thread without a token.
#[inline]
pub fn check() -> Result<(), Stopped> {
    ask(|token| token.map_or(Ok(()), Checkpoint::check))
}

/// Leaves the job by unwinding if a stop was requested on the current token of the calling thread.
///
/// It returns on a thread without a token or without an [`UnwindBoundary`] that catches the stop.
/// It also returns while the thread is already unwinding, because a second unwinding out of a destructor would end the
/// process.
///
/// ```
/// use cease_core::{UnwindBoundary, StopSource, current};
///
/// fn deep() -> u32 {
///     current::checkpoint();
///     1
/// }
///
/// let source = StopSource::new();
/// let boundary = UnwindBoundary::new(&source.token(), |swallowed| eprintln!("{swallowed}"));
/// assert_eq!(boundary.run(|| Ok(deep())).ok(), Some(1));
/// source.request();
/// assert!(boundary.run(|| Ok(deep())).is_err());
/// assert_eq!(deep(), 1, "outside of a boundary it returns");
/// ```
#[inline]
#[track_caller]
pub fn checkpoint() {
    if is_stop_requested()
        && let Some(payload) = payload_of_a_stop(Location::caller())
    {
        boundary::raise(payload);
    }
}

/// Whether the calling thread, if it unwinds, may unwind with a stop that was raised after so many others.
pub(crate) fn is_leaving(raised: u64) -> bool {
    // SAFETY: as in `ask`, for the boundary of the frame; the reference is not used after this call.
    boundary::is_leaving(unsafe { CURRENT.with(Cell::get).boundary.as_ref() }, raised)
}

/// Calls `f` with `boundary` and its token as the current ones of the calling thread.
pub(crate) fn with_boundary<R>(boundary: &UnwindBoundary, f: impl FnOnce() -> R) -> R {
    enter(Frame { token: boundary.token(), boundary }, f)
}

thread_own! { static CURRENT: Cell<Frame> = Cell::new(Frame { token: ptr::null(), boundary: ptr::null() }); }

/// The current token and boundary of a thread while a function runs; null where it has none.
#[derive(Clone, Copy)]
struct Frame {
    token: *const StopToken,
    boundary: *const UnwindBoundary,
}

/// Restores the frame before.
struct Restore(Frame);

impl Drop for Restore {
    fn drop(&mut self) {
        if fault::is(Fault::CurrentNotRestored) {
            return;
        }
        CURRENT.with(|current| current.set(self.0));
    }
}

/// Calls `f` while `frame` is the current one; the caller borrows what `frame` points to until `f` has returned.
fn enter<R>(frame: Frame, f: impl FnOnce() -> R) -> R {
    let _restore = Restore(CURRENT.with(|current| current.replace(frame)));
    f()
}

#[inline]
fn ask<R>(f: impl FnOnce(Option<&StopToken>) -> R) -> R {
    let token = CURRENT.with(Cell::get).token;
    // SAFETY: the pointer is null, or it points to a token that a caller of `enter` further up in the stack of this thread
    // borrows. Each call of `enter` restores the frame before when it returns or unwinds, so the borrow lasts; `f` runs below
    // that call, so the reference does not outlive the borrow.
    f(unsafe { token.as_ref() })
}

#[cold]
#[inline(never)]
fn payload_of_a_stop(left_at: &'static Location<'static>) -> Option<Payload> {
    let boundary = CURRENT.with(Cell::get).boundary;
    // SAFETY: as in `ask`, for the boundary of the frame; the reference is not used after this call.
    let boundary = unsafe { boundary.as_ref() }?;
    boundary.payload(check().err()?, left_at).ok()
}
