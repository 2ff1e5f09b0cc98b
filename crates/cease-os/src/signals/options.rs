//! Which signals ask for a stop, and what the next one does.

use std::fmt;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Which signals ask for a stop, and what the next one does; made by [`crate::signals::StopOnSignals::options`].
///
/// As it is, SIGINT, SIGTERM and SIGHUP ask, those that are ignored stay so, and the next signal leaves the process.
///
/// ```
/// use cease_core::{Reason, StopSource};
/// use cease_os::signals::StopOnSignals;
/// use signal_hook::consts::{SIGTERM, SIGUSR1};
/// use signal_hook::low_level::raise;
/// use std::sync::mpsc;
///
/// let source = StopSource::new();
/// let stop = source.token();
/// let (say, next) = mpsc::channel();
/// let signals = StopOnSignals::options()
///     .signals([SIGTERM, SIGUSR1])
///     .next_calls(move |signal| say.send(signal).unwrap())
///     .install(source)?;
///
/// raise(SIGUSR1)?;
/// assert_eq!(stop.wait().unwrap().reason(), &Reason::Signal(SIGUSR1));
/// raise(SIGUSR1)?;
/// assert_eq!(next.recv(), Ok(SIGUSR1));
/// drop(signals);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "nothing is installed before `install`"]
pub struct SignalOptions {
    pub(super) signals: Vec<i32>,
    pub(super) also_ignored: bool,
    pub(super) next: Next,
}

/// What each signal after the first one does.
pub(super) enum Next {
    Exits,
    Calls(Box<dyn FnMut(i32) + Send>),
    Nothing,
}

impl Default for SignalOptions {
    fn default() -> Self {
        Self { signals: vec![SIGINT, SIGTERM, SIGHUP], also_ignored: false, next: Next::Exits }
    }
}

impl SignalOptions {
    /// Replaces the list of signals that ask; each is taken once.
    pub fn signals(self, signals: impl IntoIterator<Item = i32>) -> Self {
        let mut list = Vec::new();
        for signal in signals {
            if !list.contains(&signal) {
                list.push(signal);
            }
        }
        Self { signals: list, ..self }
    }

    /// Takes signals that are ignored too, for as long as the guard lives; then they are ignored again.
    pub fn also_ignored(self) -> Self {
        Self { also_ignored: true, ..self }
    }

    /// Leaves the process at the next signal, with 128 and its number as the exit code, as shells count.
    ///
    /// It is left from within the handler: at once, without flushing standard output, and also when every thread is stuck.
    pub fn next_exits(self) -> Self {
        Self { next: Next::Exits, ..self }
    }

    /// Calls `next` with the number of each later signal.
    ///
    /// It runs on the thread that waits for signals, so it may do anything; but it waits for the callbacks of the request,
    /// which run there too. When it panics, the panic hook tells of it, and the next signal calls it again.
    pub fn next_calls(self, next: impl FnMut(i32) + Send + 'static) -> Self {
        Self { next: Next::Calls(Box::new(next)), ..self }
    }

    /// Does nothing at the next signal: the first signal has requested the stop, and later ones have no effect.
    pub fn next_does_nothing(self) -> Self {
        Self { next: Next::Nothing, ..self }
    }
}

impl fmt::Debug for SignalOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let next = match self.next {
            Next::Exits => "exits",
            Next::Calls(_) => "calls",
            Next::Nothing => "nothing",
        };
        f.debug_struct("SignalOptions")
            .field("signals", &self.signals)
            .field("also_ignored", &self.also_ignored)
            .field("next", &next)
            .finish()
    }
}
