//! How this program ends: with a code, or by the signal that ended the command.

use std::ffi::c_int;

use crate::sys::{self, Disposition, Signals, Status};

/// The codes that are this program's own.
pub(crate) const TIMED_OUT: c_int = 124;
pub(crate) const FAILED: c_int = 125;
pub(crate) const CANNOT_RUN: c_int = 126;
pub(crate) const NOT_FOUND: c_int = 127;

/// How this program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) enum End {
    Code(c_int),
    Signal(c_int),
}

/// What decides about the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) timed_out: bool,
    /// Whether the command had KILL from this program.
    pub(crate) killed: bool,
    pub(crate) preserve_status: bool,
    pub(crate) foreground: bool,
}

impl Outcome {
    pub(crate) const fn end(self) -> End {
        match self.status {
            // GNU's program kills its own group, and with it itself.
            Status::Signaled(libc::SIGKILL) if self.killed && !self.foreground => End::Signal(libc::SIGKILL),
            Status::Signaled(libc::SIGKILL) if self.killed && self.timed_out => End::Code(128 + libc::SIGKILL),
            Status::Signaled(signal) if self.timed_out && self.preserve_status => End::Code(128 + signal),
            Status::Exited(_) | Status::Signaled(_) if self.timed_out && !self.preserve_status => End::Code(TIMED_OUT),
            Status::Exited(code) => End::Code(code),
            Status::Signaled(signal) => End::Signal(signal),
        }
    }
}

impl End {
    /// The code with which this program exits; when a signal is to end it, this does not return, as a rule.
    pub(crate) fn perform(self) -> c_int {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => {
                sys::without_core();
                sys::set_disposition(signal, Disposition::Default);
                sys::set_mask(Signals::NONE);
                let own = rustix::process::getpid().as_raw_nonzero().get();
                let _ = sys::kill(own, signal);
                // Process 1 is not ended by its own signals.
                128 + signal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Outcome = Outcome {
        status: Status::Exited(0),
        timed_out: false,
        killed: false,
        preserve_status: false,
        foreground: false,
    };

    #[test]
    fn a_command_that_was_not_stopped_has_its_own_end() {
        assert_eq!(Outcome { status: Status::Exited(7), ..PLAIN }.end(), End::Code(7));
        assert_eq!(Outcome { status: Status::Signaled(15), ..PLAIN }.end(), End::Signal(15));
        assert_eq!(Outcome { status: Status::Signaled(9), foreground: true, ..PLAIN }.end(), End::Signal(9));
    }

    #[test]
    fn a_timeout_is_told_unless_the_status_is_preserved() {
        let late = Outcome { timed_out: true, ..PLAIN };
        assert_eq!(Outcome { status: Status::Exited(3), ..late }.end(), End::Code(124));
        assert_eq!(Outcome { status: Status::Signaled(15), ..late }.end(), End::Code(124));
        let preserving = Outcome { preserve_status: true, ..late };
        assert_eq!(Outcome { status: Status::Exited(3), ..preserving }.end(), End::Code(3));
        assert_eq!(Outcome { status: Status::Signaled(15), ..preserving }.end(), End::Code(143));
    }

    #[test]
    fn kill_is_told_by_kill() {
        let killed = Outcome { status: Status::Signaled(9), timed_out: true, killed: true, ..PLAIN };
        assert_eq!(killed.end(), End::Signal(9));
        assert_eq!(Outcome { foreground: true, ..killed }.end(), End::Code(137));
        assert_eq!(Outcome { timed_out: false, ..killed }.end(), End::Signal(9));
    }
}
