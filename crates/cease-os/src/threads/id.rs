//! The number by which the kernel knows a thread, and what tells it from a later thread of the same number.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::threads::proc;
use crate::threads::stack::{self, Stack};

/// A thread of this process, as the kernel numbers it; not [`std::thread::ThreadId`], which the kernel does not know.
///
/// The kernel gives numbers out again. An id that was taken by [`ThreadId::current`] also has the moment at which it was
/// taken, so that a thread which was started later is not mistaken for it.
///
/// ```
/// use cease_os::threads::ThreadId;
///
/// let id = std::thread::spawn(ThreadId::current).join().unwrap();
/// assert_ne!(id, ThreadId::current());
/// assert_eq!(ThreadId::current(), ThreadId::current());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadId {
    number: u32,
    /// Since the machine was started; the thread was alive then.
    alive_at: Option<Duration>,
    /// An address in the thread's stack.
    in_stack: Option<usize>,
}

thread_local! { static CURRENT: Cell<Option<ThreadId>> = const { Cell::new(None) }; }

impl ThreadId {
    /// The calling thread. Each call asks the kernel for the number, so it is right in a child of `fork` too.
    #[must_use]
    pub fn current() -> Self {
        let number = proc::current_number();
        let known = CURRENT.try_with(Cell::get).ok().flatten();
        // The thread that calls `fork` has another number in the child.
        known.filter(|known| known.number == number).unwrap_or_else(|| {
            let local = 0_u8;
            let in_stack = Some((&raw const local).addr());
            let id = Self { number, alive_at: proc::since_boot(), in_stack };
            // A thread that is at its end has no variables any more; it asks each time.
            let _ = CURRENT.try_with(|current| current.set(Some(id)));
            id
        })
    }

    /// The thread that has this number now, as `/proc/self/task` lists it.
    ///
    /// Nothing is checked here: a look at a number that no thread has says [`crate::threads::Doing::Gone`].
    /// When the number is given to another thread, it is that thread from then on.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self { number, alive_at: None, in_stack: None }
    }

    /// The kernel's number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// How much memory the thread's stack takes; `None` when the thread is gone, and for one that did not say where its
    /// stack is, by [`ThreadId::current`].
    ///
    /// It goes through the list of all mappings of the process, so it takes milliseconds where there are thousands.
    ///
    /// # Errors
    ///
    /// As for [`crate::threads::ThreadState::look`], or what was said when the list was read.
    pub fn stack(self) -> io::Result<Option<Stack>> {
        let Some(address) = self.in_stack else { return Ok(None) };
        let found = stack::around(address)?;
        // This check comes last: while the thread lives, its stack memory has no other use.
        Ok(if proc::is_there(self)? { found } else { None })
    }

    /// Whether a thread that was started at `ticks` since the machine was can be this one.
    pub(super) fn can_have_started(self, ticks: u64) -> bool {
        // The start is rounded down to a tick, so a thread that was alive at a moment never seems to start after it.
        self.alive_at.is_none_or(|alive_at| proc::duration_of(ticks) <= alive_at)
    }
}

/// The kernel's number.
impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_started_later_is_a_stranger() {
        let id = ThreadId { number: 1, alive_at: Some(Duration::from_secs(100)), in_stack: None };
        let second = proc::ticks_per_second();
        assert!(id.can_have_started(100 * second));
        assert!(!id.can_have_started(100 * second + 1));
        assert!(ThreadId::from_number(1).can_have_started(u64::MAX / second));
    }
}
