//! The signals that this program waits for, and what it was given in the way of signals.

use std::time::Duration;

use crate::signals::Signal;
use crate::sys::{self, Arrived, Disposition, Signals};

/// Signals are blocked and waited for, so none is lost, none interrupts anything, and no descriptor is needed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    awaited: Signals,
    /// What was blocked when this program began.
    pub(crate) mask: Signals,
    /// Whether SIGCHLD was ignored when this program began.
    pub(crate) ignores_children: bool,
    /// Whose signals are not looked at: this program's own, which it has as a member of its group.
    own: i32,
    within: Within,
}

/// Where this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// Where it was started.
    Here,
    /// In a namespace of its own; what arrives outside is handed on.
    Namespace,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Some child has ended, maybe.
    Child,
    /// Somebody sent this signal.
    Signal { signal: Signal, by_kernel: bool },
    /// The time is over, or nothing of interest has happened.
    Nothing,
}

/// Those that do nothing by default, stop a process, or cannot be caught: they do here what they do anywhere.
const LEFT_ALONE: [i32; 9] = [
    libc::SIGKILL,
    libc::SIGSTOP,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGCONT,
    libc::SIGURG,
    libc::SIGWINCH,
    libc::SIGCHLD,
];

/// How a signal is handed on into a namespace: by this one, which is queued and never merged with another.
pub(crate) const CARRIER: i32 = 64;
pub(crate) const BY_KERNEL: i32 = 0x100;

impl Watch {
    /// Begins to wait for every signal that would end this process, but those that were ignored.
    pub(crate) fn begin() -> Self {
        let mut awaited = Signals::NONE.with(libc::SIGCHLD);
        for signal in 1..=64 {
            // The two below the realtime ones belong to the C library.
            let left_alone = LEFT_ALONE.contains(&signal) || (32..34).contains(&signal);
            if !left_alone && sys::disposition(signal) != Disposition::Ignored {
                awaited = awaited.with(signal);
            }
        }
        // Writing to a terminal in the background is allowed to whoever blocks this.
        let mask = sys::set_mask(awaited.with(libc::SIGTTOU).with(libc::SIGTTIN));
        let ignores_children = sys::disposition(libc::SIGCHLD) == Disposition::Ignored;
        if ignores_children {
            // Or the kernel would reap the command, and nobody would know how it ended.
            sys::set_disposition(libc::SIGCHLD, Disposition::Default);
        }
        let own = rustix::process::getpid().as_raw_nonzero().get();
        Self { awaited, mask, ignores_children, own, within: Within::Here }
    }

    /// The same, for the first process of a namespace.
    pub(crate) fn in_namespace(self) -> Self {
        Self { own: 1, within: Within::Namespace, awaited: self.awaited.with(CARRIER), ..self }
    }

    /// Waits for at most `limit`.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> Noticed {
        let Some(Arrived { signal, sender, by_kernel, value }) = sys::wait_signal(self.awaited, limit) else {
            return Noticed::Nothing;
        };
        if signal == libc::SIGCHLD {
            return Noticed::Child;
        }
        match (self.within, value) {
            (Within::Here, _) if sender == self.own => Noticed::Nothing,
            (Within::Here, _) => Noticed::Signal { signal: Signal(signal), by_kernel },
            // The group of the namespace's first process is that of the one outside, which hands on what the group gets.
            (Within::Namespace, Some(value)) if signal == CARRIER => {
                Noticed::Signal { signal: Signal(value & 0xff), by_kernel: value & BY_KERNEL != 0 }
            }
            (Within::Namespace, _) => Noticed::Nothing,
        }
    }
}
