//! The stop of the calling thread, for code that is not handed one.
//!
//! # How it works
//!
//! Each worker's thread has its token in a variable of its own, so a function deep in a call stack can ask without a
//! parameter for it: [`check`] under every strategy, and [`checkpoint`], which needs no `Result`, under those that leave a
//! job by unwinding.
//!
//! # Limits
//!
//! It is the thread's, and does not follow work to another thread: threads that a job starts by itself have none, and neither
//! do tasks. Hand them the token, and let them call [`with`], or the edge, and let them call [`UnwindBoundary::enter`].
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
//! assert!(deep().is_ok(), "nobody can stop this thread any more");
//! ```
#![allow(unsafe_code, reason = "a thread's own variable cannot hold a reference to a frame of its stack")]

use std::cell::Cell;
use std::panic::Location;
use std::ptr;

use crate::apart::Payload;
use crate::boundary;
use crate::fault::{self, Fault};
use crate::sync::thread_own;
use crate::{Checkpoint, StopToken, Stopped, UnwindBoundary};

/// Calls `f` with `token` as the calling thread's own, and restores what was there before, also when `f` panics.
///
/// A [`checkpoint`] inside `f` asks `token`, and leaves for the edge of the worker that it runs in, if that has one.
pub fn with<R>(token: &StopToken, f: impl FnOnce() -> R) -> R {
    let edge = CURRENT.with(Cell::get).edge;
    enter(Frame { token, edge }, f)
}

/// The calling thread's own token; `None` where there is none.
#[must_use]
pub fn token() -> Option<StopToken> {
    ask(|token| token.cloned())
}

/// Whether a stop was asked for at the calling thread's own token; false where there is none.
#[inline]
#[must_use]
pub fn is_stop_requested() -> bool {
    ask(|token| token.is_some_and(StopToken::is_stop_requested))
}

/// Leaves by `Err` if a stop was asked for at the calling thread's own token.
///
/// # Errors
///
/// [`Stopped`] once a stop was asked for, and at every later call; never where there is no token.
#[inline]
pub fn check() -> Result<(), Stopped> {
    ask(|token| token.map_or(Ok(()), Checkpoint::check))
}

/// Leaves the job by unwinding if a stop was asked for at the calling thread's own token, and the job can be left so.
///
/// It goes on where there is no token, or no [`UnwindBoundary`] that would catch it, and while the thread unwinds already: in a
/// destructor that runs on the way out, a second unwinding would end the process.
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
/// let edge = UnwindBoundary::new(&source.token(), |swallowed| eprintln!("{swallowed}"));
/// assert_eq!(edge.run(|| Ok(deep())).ok(), Some(1));
/// source.request();
/// assert!(edge.run(|| Ok(deep())).is_err());
/// assert_eq!(deep(), 1, "outside of an edge it goes on");
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
    // SAFETY: as in `payload_of_a_stop`.
    boundary::is_leaving(unsafe { CURRENT.with(Cell::get).edge.as_ref() }, raised)
}

/// Calls `f` with `edge` and its token as the calling thread's own.
pub(crate) fn with_boundary<R>(edge: &UnwindBoundary, f: impl FnOnce() -> R) -> R {
    enter(Frame { token: edge.token(), edge }, f)
}

thread_own! { static CURRENT: Cell<Frame> = Cell::new(Frame { token: ptr::null(), edge: ptr::null() }); }

/// What is the thread's own while a function runs; null where there is none.
#[derive(Clone, Copy)]
struct Frame {
    token: *const StopToken,
    edge: *const UnwindBoundary,
}

/// Puts back what was there before.
struct Restore(Frame);

impl Drop for Restore {
    fn drop(&mut self) {
        if fault::is(Fault::CurrentNotRestored) {
            return;
        }
        CURRENT.with(|current| current.set(self.0));
    }
}

/// Calls `f` while `frame` is the thread's own; what it points to is borrowed by the caller for as long.
fn enter<R>(frame: Frame, f: impl FnOnce() -> R) -> R {
    let _restore = Restore(CURRENT.with(|current| current.replace(frame)));
    f()
}

#[inline]
fn ask<R>(f: impl FnOnce(Option<&StopToken>) -> R) -> R {
    let token = CURRENT.with(Cell::get).token;
    // SAFETY: it is null or points to a token that a call of `enter` further up in this thread's stack borrows, because
    // each such call puts back what was there before when it ends, in whichever way; and `f` runs below it.
    f(unsafe { token.as_ref() })
}

#[cold]
#[inline(never)]
fn payload_of_a_stop(left_at: &'static Location<'static>) -> Option<Payload> {
    let edge = CURRENT.with(Cell::get).edge;
    // SAFETY: it is null or points to an edge that a call of `enter` further up in this thread's stack borrows, as in `ask`.
    let edge = unsafe { edge.as_ref() }?;
    edge.payload(check().err()?, left_at).ok()
}
