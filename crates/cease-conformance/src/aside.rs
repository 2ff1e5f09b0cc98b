//! What a law notes beside the model: counts that order nothing, and calls of the panic hook.
//!
//! A destructor that runs while a stop leaves by unwinding must not touch what loom sees: the threads of a model are one
//! thread of the operating system, so if another one ran in the middle, its locks would take the panic for their own.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Once};

/// A number that is changed and read at any time, by any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<AtomicU32>);

impl Tally {
    /// Counts one.
    pub(crate) fn add(&self) {
        // ORDERING: Relaxed: only the number matters, and a law reads it when it has joined whoever counts.
        self.0.fetch_add(1, Relaxed);
    }

    /// What was counted.
    pub(crate) fn count(&self) -> u32 {
        // ORDERING: Relaxed, as above.
        self.0.load(Relaxed)
    }

    /// Counts one when what it returns is dropped.
    pub(crate) fn when_dropped(&self) -> AtDrop<impl Fn() + Send + 'static> {
        let tally = self.clone();
        AtDrop(move || tally.add())
    }
}

/// Calls what it holds when it is dropped.
pub(crate) struct AtDrop<F: Fn()>(pub(crate) F);

impl<F: Fn()> Drop for AtDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// How often the panic hook was called on the calling thread, since the first call of this.
pub(crate) fn hook_calls() -> u32 {
    thread_local! { static CALLS: Cell<u32> = const { Cell::new(0) }; }
    static INSTALLED: Once = Once::new();

    INSTALLED.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            CALLS.set(CALLS.get() + 1);
            before(info);
        }));
    });
    CALLS.get()
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, resume_unwind};

    use super::*;

    #[test]
    fn the_hook_is_counted_on_the_thread_that_panics() {
        let before = hook_calls();
        assert!(catch_unwind(|| resume_unwind(Box::new(()))).is_err());
        assert_eq!(hook_calls(), before, "the hook was not called");
        assert!(catch_unwind(|| panic!("on purpose")).is_err());
        assert_eq!(hook_calls(), before + 1);
        assert_eq!(std::thread::spawn(hook_calls).join().unwrap(), 0);
    }
}
