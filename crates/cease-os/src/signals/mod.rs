//! OS signals as stop requests: the first one asks, the next ones insist.
//!
//! # How it works
//!
//! The handler notes a signal in atomics and wakes a thread, which makes the request: so what a request calls may lock,
//! allocate and print. What the next signal does is done in the handler itself when it is to leave the process, so it works
//! when that thread is stuck, in a callback of the request for instance.
//!
//! # Guarantees
//!
//! The first signal that the operating system hands over is the reason of the stop, whatever else arrives with it; of
//! different ones that wait at the same moment it can hand over any first.
//! A signal that was ignored when the process was started (`nohup`, a background job of a shell) stays ignored, unless
//! [`SignalOptions::also_ignored`] says otherwise.
//! No signal falls between two stools: one that arrives before the drop asks or insists, and one that arrives later has the
//! effect that it had before.
//! A handler that was there before is still called, after this one, and when [`StopOnSignals`] is dropped the very same
//! comes back: the default effect, being ignored, or that handler.
//! tokio's signals and everything else of `signal-hook` go on working before, beside and after.
//!
//! # Limits
//!
//! Signals are the process's, so only one [`StopOnSignals`] can exist at a time.
//! The operating system merges equal signals that arrive before the first of them is handled: two Ctrl-C in a hurry can be
//! one.
//! When somebody installs a handler while a [`StopOnSignals`] lives, it cannot be taken out from beneath: that handler
//! keeps the signal after the drop, and what stays beneath does nothing but call what was there before. tokio does so when
//! it is first asked for a signal then, and so keeps getting it; the default effect does not come back in that case.
//!
//! # Memory ordering
//!
//! What the thread reads of a signal was written before it was woken; nothing else is ordered by a signal.
//!
//! # Examples
//!
//! ```
//! use cease_core::{Reason, StopSource};
//! use cease_os::signals::StopOnSignals;
//! use signal_hook::consts::SIGHUP;
//!
//! let source = StopSource::new();
//! let stop = source.token();
//! // SIGINT, SIGTERM and SIGHUP ask; the next one leaves the process with 128 and its number.
//! let signals = StopOnSignals::options().install(source)?;
//!
//! signal_hook::low_level::raise(SIGHUP)?;
//! # if !signals.signals().contains(&SIGHUP) { return Ok(()); }
//! assert_eq!(stop.wait().unwrap().reason(), &Reason::Signal(SIGHUP));
//! drop(signals);
//! # Ok::<(), std::io::Error>(())
//! ```

mod handler;
mod options;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use cease_core::{Reason, StopSource};

use handler::Handlers;
use options::Next;
pub use options::SignalOptions;

/// Asks for a stop when a signal arrives, for as long as it lives.
///
/// Dropping it ends its thread and gives the signals back to what had them before.
/// A signal that arrived before the drop still asks; the drop waits for a callback that runs, unless the callback itself
/// drops it.
///
/// ```
/// use cease_core::StopSource;
/// use cease_os::signals::StopOnSignals;
///
/// let source = StopSource::new();
/// let signals = StopOnSignals::install(source.clone(), |signal| eprintln!("signal {signal}: patience, please"))?;
///
/// assert!(!source.is_stop_requested());
/// assert_eq!(signals.first_at(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropping it gives the signals back to what had them before"]
pub struct StopOnSignals {
    first_at: Arc<OnceLock<Instant>>,
    /// `None` only while `drop` gives them back.
    handlers: Option<Handlers>,
    phase: Arc<AtomicU8>,
    /// `None` only while `drop` joins it.
    thread: Option<JoinHandle<()>>,
}

/// The thread waits for signals.
const OPEN: u8 = 0;
/// It does what the signals that came have left to do, and ends.
const CLOSING: u8 = 1;
/// It ends, and looks at nothing any more: the guard was dropped by its own callback.
const LEFT: u8 = 2;

impl StopOnSignals {
    /// Lets the first SIGINT, SIGTERM or SIGHUP ask `source` for a stop with [`Reason::Signal`], and hands each later one
    /// to `next`.
    ///
    /// It is [`SignalOptions::next_calls`] in short; see there for where `next` runs.
    /// The first signal is the first one that arrives, also when somebody else asked for the stop before.
    ///
    /// # Errors
    ///
    /// As for [`SignalOptions::install`].
    pub fn install(source: StopSource, next: impl FnMut(i32) + Send + 'static) -> io::Result<Self> {
        Self::options().next_calls(next).install(source)
    }

    /// Says which signals ask, and what the next one does; then [`SignalOptions::install`] installs it.
    pub fn options() -> SignalOptions {
        SignalOptions::default()
    }

    fn start(options: SignalOptions, source: StopSource) -> io::Result<Self> {
        let SignalOptions { signals, also_ignored, next } = options;
        let handlers = Handlers::prepare(&signals)?;
        let first_at = Arc::new(OnceLock::new());
        let phase = Arc::new(AtomicU8::new(OPEN));
        let at_once = matches!(next, Next::Exits);
        let watch = Watch { source, next, first_at: Arc::clone(&first_at), phase: Arc::clone(&phase) };
        let thread = thread::Builder::new().name("cease-signals".into()).spawn(move || watch.run(&signals))?;
        // From here on the drop ends the thread.
        let mut this = Self { first_at, handlers: Some(handlers), phase, thread: Some(thread) };
        if let Some(handlers) = &mut this.handlers {
            handlers.install(also_ignored, at_once)?;
        }
        Ok(this)
    }

    /// When the first signal was taken, just before it asked for the stop; `None` while there was none.
    #[must_use]
    pub fn first_at(&self) -> Option<Instant> {
        self.first_at.get().copied()
    }

    /// The signals that ask: those that were wished for, without those that were ignored before and stay so.
    #[must_use]
    pub fn signals(&self) -> Vec<i32> {
        self.handlers.as_ref().map(Handlers::signals).unwrap_or_default()
    }
}

impl Drop for StopOnSignals {
    fn drop(&mut self) {
        if let Some(handlers) = &mut self.handlers {
            handlers.give_back();
        }
        if let Some(thread) = self.thread.take() {
            let own = thread.thread().id() == thread::current().id();
            // ORDERING: Release pairs with the Acquire in `Watch::run`, so that the thread sees the signals that this one has
            // seen come.
            self.phase.store(if own { LEFT } else { CLOSING }, Ordering::Release);
            handler::wake();
            if !own {
                // Panics are caught where they can come from.
                let _ = thread.join();
            }
        }
        // Only now may another one be installed.
        self.handlers = None;
    }
}

impl fmt::Debug for StopOnSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopOnSignals")
            .field("signals", &self.signals())
            .field("first_at", &self.first_at())
            .finish_non_exhaustive()
    }
}

/// What the thread that waits for signals has.
struct Watch {
    source: StopSource,
    next: Next,
    first_at: Arc<OnceLock<Instant>>,
    phase: Arc<AtomicU8>,
}

impl Watch {
    fn run(mut self, signals: &[i32]) {
        loop {
            let seen = handler::seen();
            // ORDERING: Acquire pairs with the Release in `StopOnSignals::drop`.
            let phase = self.phase.load(Ordering::Acquire);
            self.ask();
            self.insist(signals);
            if phase != OPEN || self.is_left() {
                return;
            }
            handler::wait(seen);
        }
    }

    /// Whether the guard is gone, by a callback on this thread; what arrives from then on may be for another one.
    fn is_left(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `StopOnSignals::drop`.
        self.phase.load(Ordering::Acquire) == LEFT
    }

    /// Asks for the stop when the first signal has come.
    fn ask(&mut self) {
        if !self.is_left()
            && self.first_at.get().is_none()
            && let Some(first) = handler::first()
        {
            // Only this thread sets it.
            let _ = self.first_at.set(Instant::now());
            self.source.request_with_location(Reason::Signal(first), None);
        }
    }

    /// Does what is to be done for each later one.
    fn insist(&mut self, signals: &[i32]) {
        for &signal in signals {
            let arrived = if self.is_left() { 0 } else { handler::take_arrived(signal) };
            for _ in 0..arrived {
                if let Next::Calls(call) = &mut self.next {
                    // The panic hook has told of a panic, and the next signal may find the callback in better shape.
                    let _ = catch_unwind(AssertUnwindSafe(|| call(signal)));
                }
                if self.is_left() {
                    return;
                }
            }
        }
    }
}
