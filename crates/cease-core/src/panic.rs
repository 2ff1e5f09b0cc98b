//! What a job or a callback panicked with.
#![allow(unsafe_code, reason = "a panic's payload is shared between threads only as a text")]

use std::any::Any;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// The panic of a job, with its payload.
pub struct Panic {
    payload: Box<dyn Any + Send>,
}

// SAFETY: a shared reference to a panic gives access to its payload only by `message`, which calls `Any::type_id`, whose
// one implementation reads no field, and then reads a `&'static str` or a `String`, which are `Sync`. All other access
// takes the panic by value, for which `Send` suffices.
unsafe impl Sync for Panic {}

// By reference only a text can be read, which no unwinding leaves half written; by value the payload was moved out of a
// thread that had ended.
impl UnwindSafe for Panic {}
impl RefUnwindSafe for Panic {}

impl Panic {
    /// Wraps the payload that `catch_unwind` returned.
    #[must_use]
    pub fn new(payload: Box<dyn Any + Send>) -> Self {
        Self { payload }
    }

    /// The message, when the payload is a text.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        let payload = &self.payload;
        payload.downcast_ref::<&'static str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }

    /// Returns the payload itself.
    #[must_use]
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.payload
    }

    /// Continues the panic on this thread, without calling the panic hook a second time.
    pub fn resume(self) -> ! {
        std::panic::resume_unwind(self.payload)
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message().unwrap_or("<not a text>")).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(f, "panicked: {message}"),
            None => f.write_str("panicked"),
        }
    }
}
