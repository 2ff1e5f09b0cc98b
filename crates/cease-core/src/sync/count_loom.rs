//! loom's own reference count, because loom knows which of its changes can be told apart, and need to be explored.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr;
use std::rc::Rc;

use super::Arc;

/// A number that begins at one.
#[derive(Debug)]
pub(crate) struct Count {
    /// Copied bit by bit for each handle, and dropped as often.
    counted: std::cell::UnsafeCell<ManuallyDrop<Arc<Last>>>,
    is_over: Rc<Cell<bool>>,
}

/// Notes that the last one is gone.
#[derive(Debug)]
struct Last(Rc<Cell<bool>>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.set(true);
    }
}

impl Count {
    pub(crate) fn one() -> Self {
        let is_over = Rc::new(Cell::new(false));
        let last = Arc::new(Last(Rc::clone(&is_over)));
        Self { counted: std::cell::UnsafeCell::new(ManuallyDrop::new(last)), is_over }
    }

    /// Counts `more` more.
    #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
    pub(crate) fn add(&self, more: u32) {
        for _ in 0..more {
            // SAFETY: loom runs one thread at a time, and nobody writes the cell.
            std::mem::forget(Arc::clone(unsafe { &*self.counted.get() }));
        }
    }

    /// Counts one less; true for the last one, for which nobody counts any more.
    #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
    pub(crate) fn release(&self) -> bool {
        let is_over = Rc::clone(&self.is_over);
        // SAFETY: as many copies are dropped as were made, and one for the first.
        drop(ManuallyDrop::into_inner(unsafe { ptr::read(self.counted.get()) }));
        is_over.get()
    }

    /// Whether there is one.
    #[allow(unsafe_code, reason = "the handles are counted, and not kept")]
    pub(crate) fn is_one(&self) -> bool {
        // SAFETY: loom runs one thread at a time, and the value is not written.
        Arc::get_mut(unsafe { &mut *self.counted.get() }).is_some()
    }
}
