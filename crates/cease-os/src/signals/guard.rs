//! The guard that catches signals, and the thread that makes the request.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use cease_core::{Reason, StopSource};

use crate::signals::handler::{self, Handlers};
use crate::signals::mask;
use crate::signals::options::{Next, SignalOptions};

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
    /// The first signal is the first one that arrives, even if other code requested the stop earlier.
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

    /// Returns whether the signals reach this guard now: for each of them its handler is the one that the kernel calls.
    ///
    /// False says that another handler was installed on top, or that this process was forked from the one that installed
    /// the guard. A handler on top that calls the one it replaced, as those of tokio and `signal-hook` do, still passes the
    /// signal on; one that does not, as that of `ctrlc`, keeps it, and no stop is requested.
    /// The answer is that of one moment: a handler can be installed right after it.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        self.handlers.as_ref().is_some_and(Handlers::are_on_top)
    }

    /// The signals that ask: those that were wished for, without those that were ignored before and stay so.
    #[must_use]
    pub fn signals(&self) -> Vec<i32> {
        self.handlers.as_ref().map(Handlers::signals).unwrap_or_default()
    }
}

impl SignalOptions {
    /// Lets the first signal ask `source` for a stop with [`cease_core::Reason::Signal`].
    ///
    /// The source is kept until the guard is dropped, so the token can be stopped for as long.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] while another one lives; [`io::ErrorKind::InvalidInput`] for an empty list, and for
    /// a signal that cannot be caught or must not be, such as SIGKILL and SIGSEGV; otherwise what the operating system said
    /// when it refused a handler or a thread. Nothing is changed then.
    pub fn install(self, source: StopSource) -> io::Result<StopOnSignals> {
        StopOnSignals::start(self, source)
    }
}

impl Drop for StopOnSignals {
    fn drop(&mut self) {
        let own_process = self.handlers.as_ref().is_some_and(Handlers::is_of_this_process);
        if let Some(handlers) = &mut self.handlers {
            handlers.give_back();
        }
        if !own_process {
            // In a child of `fork` the thread does not exist, and its memory may belong to another one by now: the handle
            // must be neither joined nor dropped.
            std::mem::forget(self.thread.take());
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
        // A thread inherits what its parent blocks, and a process what its parent does: a signal that no thread lets in
        // would wait for ever. The numbers were checked, so the call does not fail.
        let _ = mask::unblock(signals);
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
