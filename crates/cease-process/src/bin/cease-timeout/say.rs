//! What is said on standard error, in the form of GNU's `timeout`.

use crate::containment::Kind;
use crate::members::Process;
use crate::quote::quote;
use crate::signals::Signal;
use crate::sys;

/// Who speaks, and whether much is said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice<'a> {
    /// What this program was called as.
    pub(crate) name: &'a str,
    pub(crate) verbose: bool,
}

impl Voice<'_> {
    pub(crate) fn say(&self, text: &str) {
        // There is nobody to tell when nobody can be told.
        let _ = sys::write(libc::STDERR_FILENO, format!("{}: {text}\n", self.name).as_bytes());
    }

    pub(crate) fn sending(&self, signal: Signal, command: &[u8]) {
        if self.verbose {
            self.say(&format!("sending signal {signal} to command {}", quote(command)));
        }
    }

    pub(crate) fn sending_to_rest(&self, signal: Signal, command: &[u8], kind: Kind, rest: &[Process]) {
        if self.verbose && !rest.is_empty() {
            let command = quote(command);
            let (kind, rest) = (kind.name(), list(rest));
            self.say(&format!("sending signal {signal} to what {command} started (found by {kind}): {rest}"));
        }
    }

    pub(crate) fn unkillable(&self, command: &[u8], rest: &[Process]) {
        self.say(&format!("what {} started cannot be killed: {}", quote(command), list(rest)));
    }
}

fn list(processes: &[Process]) -> String {
    let one = |process: &Process| format!("{} ({})", process.pid, quote(process.name.as_bytes()).trim_matches('\''));
    processes.iter().map(one).collect::<Vec<_>>().join(", ")
}
