//! What the account says of a thread that was left behind.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use cease_core::Stopped;
use cease_core::sync::thread;
use cease_os::threads::{Doing, Stack, ThreadId, ThreadState};

use crate::AbandonedThreads;
use crate::account::Entry;
use crate::marks::SharedMarks;

/// A thread that was left behind, as it was entered; what it does now is asked of the kernel at each call.
///
/// Printed, it is one line with everything that is known.
#[derive(Debug, Clone)]
pub struct AbandonedThread {
    name: String,
    asked: Stopped,
    since: Instant,
    marks: Option<SharedMarks>,
}

/// The checkpoints that a job has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// How many; where several threads of a job pass at once, some are not counted.
    pub count: u64,
    /// How long ago the last one was, give or take the few milliseconds of the coarse clock.
    pub last: Duration,
}

impl AbandonedThreads {
    /// What is left now, the longest first.
    #[must_use]
    pub fn abandoned(&self) -> Vec<AbandonedThread> {
        self.list().left.values().map(AbandonedThread::of).collect()
    }
}

/// One line for each thread that is left.
impl fmt::Display for AbandonedThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = self.abandoned();
        if left.is_empty() {
            return f.write_str("nothing is left");
        }
        left.iter().enumerate().try_for_each(|(line, left)| write!(f, "{}{left}", if line > 0 { "\n" } else { "" }))
    }
}

impl AbandonedThread {
    fn of(entry: &Entry) -> Self {
        let Entry { name, asked, since, marks, .. } = entry;
        Self { name: name.clone(), asked: asked.clone(), since: *since, marks: marks.clone() }
    }

    /// What the worker is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The stop that it did not obey: who asked, where and why.
    #[must_use]
    pub const fn asked(&self) -> &Stopped {
        &self.asked
    }

    /// When it was let go of.
    #[must_use]
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// The kernel's number of the thread; `None` before it begins, and for a worker of another strategy.
    #[must_use]
    pub fn thread(&self) -> Option<ThreadId> {
        self.marks.as_ref()?.who().map(|who| who.kernel)
    }

    /// The thread as the standard library numbers it; `None` as for [`AbandonedThread::thread`].
    #[must_use]
    pub fn std_thread(&self) -> Option<thread::ThreadId> {
        self.marks.as_ref()?.who().map(|who| who.std)
    }

    /// The checkpoints that the job has passed; `None` when it passed none, and for a worker of another strategy.
    #[must_use]
    pub fn passed(&self) -> Option<Passed> {
        self.marks.as_ref()?.last().map(|(count, last)| Passed { count, last })
    }

    /// What the thread is doing now; `None` when it is not known who it is.
    ///
    /// # Errors
    ///
    /// As for [`ThreadState::look`].
    pub fn look(&self) -> io::Result<Option<ThreadState>> {
        self.thread().map(ThreadState::look).transpose()
    }

    /// What the thread is doing, by two looks with `pause` between them, which tell whether it spins.
    ///
    /// # Errors
    ///
    /// As for [`ThreadState::look`].
    ///
    /// # Blocking
    ///
    /// Blocks for `pause`.
    pub fn watch(&self, pause: Duration) -> io::Result<Option<Doing>> {
        self.thread().map(|thread| ThreadState::watch(thread, pause)).transpose()
    }

    /// How much memory its stack takes; `None` when it is not known who it is, or it is gone.
    ///
    /// # Errors
    ///
    /// As for [`ThreadId::stack`].
    pub fn stack(&self) -> io::Result<Option<Stack>> {
        self.thread().map_or(Ok(None), ThreadId::stack)
    }
}

/// Everything that is known, in one line; what the kernel does not show is left out.
impl fmt::Display for AbandonedThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        if let Some(thread) = self.thread() {
            write!(f, " (thread {thread})")?;
        }
        write!(f, ", left for {:.1?} though {}", self.since.elapsed(), self.asked)?;
        if let Ok(Some(state)) = self.look() {
            write!(f, ": {}", state.doing())?;
        }
        match self.passed() {
            Some(Passed { count: 1, last }) => write!(f, "; passed one checkpoint, {last:.1?} ago")?,
            Some(Passed { count, last }) => write!(f, "; passed {count} checkpoints, the last {last:.1?} ago")?,
            None if self.marks.is_some() => f.write_str("; passed no checkpoint")?,
            None => {}
        }
        if let Ok(Some(stack)) = self.stack() {
            write!(f, "; a stack of {} KiB", stack.size / 1024)?;
            if let Some(resident) = stack.resident {
                write!(f, ", {} KiB of it in memory", resident / 1024)?;
            }
        }
        Ok(())
    }
}
