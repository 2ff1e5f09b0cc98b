//! What a thread does, in plain words.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a thread does, as far as the kernel shows it; its `Display` is a phrase for a report.
///
/// ```
/// use cease_os::threads::Doing;
///
/// assert_eq!(Doing::Locked.to_string(), "waiting for a lock or for another thread");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// It ran at both of two looks, and used this much processor time between them.
    Spinning {
        /// The processor time it used.
        used: Duration,
        /// The time between the looks.
        over: Duration,
    },
    /// It runs, or would if a processor were free; one look cannot tell whether it gets anywhere.
    Running,
    /// It waits for a lock, a condition variable, a channel or to be unparked: the kernel does not tell them apart.
    Locked,
    /// It sleeps for a time.
    Sleeping,
    /// It is blocked in another system call.
    Blocked(Call),
    /// It is blocked where no signal reaches it, a killing one included: in a device, or in a file system. The call is
    /// `None` when the kernel does not show it, or when the thread was caught by a page fault.
    Uninterruptible(Option<Call>),
    /// It waits for something that the kernel does not show.
    Waiting,
    /// A signal or a debugger suspended it.
    Suspended,
    /// It is at its end, and the kernel clears it away.
    Ending,
    /// It is not there any more.
    Gone,
    /// The kernel does not show it.
    Unknown,
}

/// A system call that a thread is in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// Its number, which differs between kinds of processors.
    pub number: i64,
    /// Its name, if it is one of those in which threads block.
    pub name: Option<&'static str>,
    /// What it works on, if it is one that works on a descriptor.
    pub descriptor: Option<Descriptor>,
    /// What it waits for, if it is a `poll`; at most the first sixteen, and of those the ones that are open.
    pub polled: Vec<Descriptor>,
}

/// A descriptor that a system call works on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What it is open on now; `None` when it is not open any more, or the kernel does not show it.
    pub open_on: Option<PathBuf>,
}

impl Doing {
    /// Whether it is known that the thread will never do anything again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Ending | Self::Gone)
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spinning { used, over } => {
                return write!(f, "spinning: {used:.0?} of processor time in {over:.0?}");
            }
            Self::Running => "running",
            Self::Locked => "waiting for a lock or for another thread",
            Self::Sleeping => "asleep for a time",
            Self::Blocked(call) => return write!(f, "blocked in {call}"),
            Self::Uninterruptible(Some(call)) => return write!(f, "blocked beyond the reach of signals, in {call}"),
            Self::Uninterruptible(None) => "blocked beyond the reach of signals",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Ending => "ending",
            Self::Gone => "gone",
            Self::Unknown => "doing what the kernel does not show",
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name)?,
            None => write!(f, "system call {}", self.number)?,
        }
        for (index, descriptor) in self.descriptor.iter().chain(&self.polled).enumerate() {
            write!(f, "{} {descriptor}", if index == 0 { " on" } else { " and" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "descriptor {}", self.number)?;
        self.open_on.as_deref().map(Path::display).map_or(Ok(()), |open_on| write!(f, " ({open_on})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_words() {
        let read = Call {
            number: 0,
            name: Some("read"),
            descriptor: Some(Descriptor { number: 3, open_on: Some("socket:[17]".into()) }),
            polled: Vec::new(),
        };
        let odd = Call { number: 999, name: None, descriptor: None, polled: Vec::new() };
        let polled = [3, 4].map(|number| Descriptor { number, open_on: None }).to_vec();
        let poll = Call { number: 7, name: Some("poll"), descriptor: None, polled };
        assert_eq!(Doing::Blocked(poll).to_string(), "blocked in poll on descriptor 3 and descriptor 4");
        let (used, over) = (Duration::from_millis(48), Duration::from_millis(50));
        assert_eq!(Doing::Spinning { used, over }.to_string(), "spinning: 48ms of processor time in 50ms");
        assert_eq!(Doing::Blocked(read.clone()).to_string(), "blocked in read on descriptor 3 (socket:[17])");
        assert_eq!(Doing::Blocked(odd).to_string(), "blocked in system call 999");
        let words = Doing::Uninterruptible(Some(read)).to_string();
        assert_eq!(words, "blocked beyond the reach of signals, in read on descriptor 3 (socket:[17])");
        assert_eq!(Doing::Uninterruptible(None).to_string(), "blocked beyond the reach of signals");
    }
}
