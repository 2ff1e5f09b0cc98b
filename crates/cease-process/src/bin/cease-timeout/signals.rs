//! The names and numbers of signals.

use std::fmt;

/// A signal, or none: number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signal(pub(crate) i32);

/// Every signal that has a name of its own; of two names for a number, the first one is told.
const NAMES: [(&str, i32); 35] = [
    ("EXIT", 0),
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("POLL", libc::SIGPOLL),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
    ("IOT", libc::SIGIOT),
    ("CLD", libc::SIGCHLD),
    ("IO", libc::SIGIO),
];

/// The realtime signals that programs may use; the two below belong to the C library.
const REALTIME: (i32, i32) = (34, 64);

impl Signal {
    pub(crate) const KILL: Self = Self(libc::SIGKILL);
    pub(crate) const TERM: Self = Self(libc::SIGTERM);
    pub(crate) const CONT: Self = Self(libc::SIGCONT);

    /// The signal that `text` means: a number, an exit status that tells of one, or a name with or without `SIG`.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if is_number(text) {
            let number: i64 = text.parse().ok()?;
            // An exit status is 128 more than the signal in a shell, and 256 more in another one.
            let bits = if number >= 0xff { 0xff } else { 0x7f };
            return Self::of(i32::try_from(number & bits).ok()?);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let (lowest, highest) = REALTIME;
        if is_number(name) {
            return Self::of(name.parse().ok()?);
        }
        if let Some(&(_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Some(Self(number));
        }
        let counted = |rest: &str, sign: char| match rest.strip_prefix(sign) {
            _ if rest.is_empty() => Some(0),
            Some(count) if is_number(count) => count.parse::<i32>().ok(),
            _ => None,
        };
        let number = if let Some(rest) = name.strip_prefix("RTMIN") {
            lowest.checked_add(counted(rest, '+')?)?
        } else {
            highest.checked_sub(counted(name.strip_prefix("RTMAX")?, '-')?)?
        };
        (lowest..=highest).contains(&number).then_some(Self(number))
    }

    /// The signal of this number, if there is one.
    fn of(number: i32) -> Option<Self> {
        let (lowest, highest) = REALTIME;
        let is_named = NAMES.iter().any(|(_, known)| *known == number);
        (is_named || (lowest..=highest).contains(&number)).then_some(Self(number))
    }

    /// Whether it stops a process instead of ending it.
    pub(crate) const fn stops(self) -> bool {
        matches!(self.0, libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU)
    }

    /// Whether who sends it asks a program to end; others that end a program by default have meanings of their own.
    pub(crate) const fn asks_to_end(self) -> bool {
        matches!(self.0, libc::SIGHUP | libc::SIGINT | libc::SIGQUIT | libc::SIGTERM)
    }
}

impl fmt::Display for Signal {
    /// The name, without `SIG`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lowest, highest) = REALTIME;
        if let Some((name, _)) = NAMES.iter().find(|(_, number)| *number == self.0) {
            return f.write_str(name);
        }
        match self.0 {
            number if number == lowest => f.write_str("RTMIN"),
            number if number == highest => f.write_str("RTMAX"),
            number if (lowest..=lowest + (highest - lowest) / 2).contains(&number) => {
                write!(f, "RTMIN+{}", number - lowest)
            }
            number if (lowest..=highest).contains(&number) => write!(f, "RTMAX-{}", highest - number),
            number => write!(f, "{number}"),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_mean_the_same() {
        for (text, name) in [
            ("term", "TERM"),
            ("SIGTERM", "TERM"),
            ("SigTerm", "TERM"),
            ("15", "TERM"),
            ("015", "TERM"),
            ("143", "TERM"),
            ("271", "TERM"),
            ("65551", "TERM"),
            ("SIG15", "TERM"),
            ("0", "EXIT"),
            ("128", "EXIT"),
            ("256", "EXIT"),
            ("IOT", "ABRT"),
            ("IO", "POLL"),
            ("cld", "CHLD"),
            ("34", "RTMIN"),
            ("RTMIN+0", "RTMIN"),
            ("RTMIN+15", "RTMIN+15"),
            ("RTMIN+16", "RTMAX-14"),
            ("RTMIN+30", "RTMAX"),
            ("rtmax-30", "RTMIN"),
            ("300", "RTMIN+10"),
        ] {
            assert_eq!(
                Signal::parse(text.as_bytes()).map(|signal| signal.to_string()).as_deref(),
                Some(name),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for text in [
            "",
            "FOO",
            "-1",
            "+15",
            "32",
            "33",
            "65",
            "255",
            "400",
            "RTMIN-1",
            "RTMIN+31",
            "RTMAX+1",
            "RTMIN+",
            "0x9",
            "1e1",
            " TERM",
            "TERM ",
            "SIG",
            "SIGSIGTERM",
            "UNUSED",
            "99999999999999999999",
        ] {
            assert_eq!(Signal::parse(text.as_bytes()), None, "{text}");
        }
    }
}
