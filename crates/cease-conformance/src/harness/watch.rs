//! Ends a process whose law does not end.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// The number of seconds after which a law that has not ended never will, for whom the default does not suit.
const LIMIT: &str = "CEASE_LAW_LIMIT";
/// As long as no law takes on a machine that has other work.
const DEFAULT: Duration = Duration::from_secs(900);

/// Ends the process when it is not dropped in time.
pub(super) struct Watch(#[allow(dead_code, reason = "its drop is what the other thread waits for")] Sender<()>);

/// Watches the law of `test`; when it does not end in time, says so, with what `steps` says, and ends the process.
///
/// # Panics
///
/// When the environment names a limit that is no number.
pub(super) fn watch(test: &str, steps: impl Fn() -> String + Send + 'static) -> Watch {
    let seconds = |text: String| text.parse().unwrap_or_else(|_| panic!("{LIMIT} is no number of seconds: {text}"));
    let limit = std::env::var(LIMIT).ok().map_or(DEFAULT, |text| Duration::from_secs(seconds(text)));
    let (alive, end) = channel();
    let test = test.to_owned();
    thread::spawn(move || {
        if end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
            // The process ends here in any case.
            let _ = writeln!(io::stderr(), "{test}: no end within {limit:?}; the last steps:\n{}", steps());
            std::process::abort();
        }
    });
    Watch(alive)
}
