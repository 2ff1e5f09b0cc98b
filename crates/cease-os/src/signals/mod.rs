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
//! No signal is lost: one that arrives before the drop requests the stop or insists, and one that arrives later has the
//! effect that it had before. A signal that was blocked when the process started arrives too: the guard's thread unblocks
//! the signals of the guard for itself.
//! A handler that was there before is still called, after this one, and when [`StopOnSignals`] is dropped the very same
//! comes back: the default effect, being ignored, or that handler.
//! tokio's signals and everything else of `signal-hook` go on working before, beside and after.
//!
//! # Limits
//!
//! Signals are the process's, so only one [`StopOnSignals`] can exist at a time.
//! The operating system merges equal signals that arrive before the first of them is handled: two Ctrl-C in a hurry can be
//! one.
//! A handler that is installed while a [`StopOnSignals`] lives takes its signals. When that handler calls the one that it
//! replaced, as those of tokio and `signal-hook` do, the stop is still requested; when it does not, as that of `ctrlc`, it
//! is not. [`StopOnSignals::is_installed`] looks for such a handler.
//! In a child of `fork` the guard's thread does not exist: an inherited handler does what was done before the guard, an
//! inherited guard can be dropped, and [`SignalOptions::install`] works. Another thread must not install or drop a guard
//! during the fork.
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

mod guard;
mod handler;
mod mask;
mod options;

pub use guard::StopOnSignals;
pub use options::SignalOptions;
