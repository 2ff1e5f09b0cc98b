//! SIGINT and SIGTERM as stop requests.
//!
//! # How it works
//!
//! The handler only leaves a note; a thread of its own reads it, so that what happens next may lock, allocate and print.
//! The first signal asks for the stop, with the number as the reason; each one after it goes to the caller's callback.
//!
//! # Limits
//!
//! Signals are the process's, so only one [`StopOnSignals`] can exist at a time.
//! The operating system merges equal signals that arrive before the first of them is read: two Ctrl-C in a hurry can be one.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use cease_core::{Reason, StopSource};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};

/// Asks for a stop when SIGINT or SIGTERM arrives, for as long as it lives.
///
/// Dropping it ends its thread and gives both signals their default effect back: they end the process.
/// The drop waits for a callback that runs.
///
/// ```
/// use cease_core::StopSource;
/// use cease_os::signals::StopOnSignals;
///
/// let source = StopSource::new();
/// let signals = StopOnSignals::install(source.clone(), |signal| std::process::exit(128 + signal))?;
///
/// assert!(!source.is_stopped());
/// assert_eq!(signals.first_at(), None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "dropping it gives the signals their default effect back"]
pub struct StopOnSignals {
    first_at: Arc<OnceLock<Instant>>,
    handle: Handle,
    /// `None` only while `drop` joins it.
    thread: Option<JoinHandle<()>>,
}

impl StopOnSignals {
    /// Lets the first signal ask `source` for a stop with [`Reason::Signal`], and hands each later one to `next`.
    ///
    /// `next` runs on the thread that waits for signals, and gets the signal's number.
    /// The first signal is the first one that arrives, also when somebody else asked for the stop before.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] while another one lives; otherwise what the operating system said when it
    /// refused a handler, a socket or a thread. Nothing is changed then.
    pub fn install(source: StopSource, mut next: impl FnMut(i32) + Send + 'static) -> io::Result<Self> {
        let mut wiring = wiring();
        if wiring.taken {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the signals are wired to a stop already"));
        }
        wiring.keep_default_effect()?;

        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let first_at = Arc::new(OnceLock::new());
        let noted = Arc::clone(&first_at);
        let thread = thread::Builder::new().name("cease-signals".into()).spawn(move || {
            for signal in &mut signals {
                if noted.set(Instant::now()).is_ok() {
                    source.request_because(Reason::Signal(signal));
                } else {
                    next(signal);
                }
            }
        })?;

        // ORDERING: Relaxed: only the value matters; a handler that reads the old one acts as if the signal had come
        // before the install.
        DEFAULT_EFFECT.store(false, Ordering::Relaxed);
        wiring.taken = true;
        Ok(Self { first_at, handle, thread: Some(thread) })
    }

    /// When the first signal was taken, just before it asked for the stop; `None` while there was none.
    #[must_use]
    pub fn first_at(&self) -> Option<Instant> {
        self.first_at.get().copied()
    }
}

impl Drop for StopOnSignals {
    fn drop(&mut self) {
        // ORDERING: Relaxed: only the value matters; a signal that comes meanwhile has either effect.
        DEFAULT_EFFECT.store(true, Ordering::Relaxed);
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            // A callback that panicked has been reported by the panic hook, and there is nobody else to tell.
            let _ = thread.join();
        }
        wiring().taken = false;
    }
}

impl fmt::Debug for StopOnSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopOnSignals").field("first_at", &self.first_at()).finish_non_exhaustive()
    }
}

/// Whether SIGINT and SIGTERM have their default effect, in spite of the handler that stays installed once it is.
static DEFAULT_EFFECT: AtomicBool = AtomicBool::new(true);

/// What this process has done to its signals.
struct Wiring {
    /// Whether a [`StopOnSignals`] lives.
    taken: bool,
    /// Whether the handlers that emulate the default effect are installed.
    default_kept: bool,
}

impl Wiring {
    /// Makes the signals end the process whenever no [`StopOnSignals`] lives.
    ///
    /// Without it they would be swallowed from the first install on, because handlers are never taken out again.
    fn keep_default_effect(&mut self) -> io::Result<()> {
        if !self.default_kept {
            for signal in [SIGINT, SIGTERM] {
                flag::register_conditional_default(signal, &DEFAULT_EFFECT)?;
            }
            self.default_kept = true;
        }
        Ok(())
    }
}

fn wiring() -> MutexGuard<'static, Wiring> {
    static WIRING: Mutex<Wiring> = Mutex::new(Wiring { taken: false, default_kept: false });
    WIRING.lock().unwrap_or_else(PoisonError::into_inner)
}
