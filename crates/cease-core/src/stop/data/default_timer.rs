//! The timer of trees that were given none, and the process in which it runs.

use crate::stop::data::timer::{Timer, TimerError};
use crate::sync::Unmodelled;

/// The timer of trees that were given none.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn of_process() -> Result<Unmodelled<dyn Timer>, TimerError> {
    Ok(Unmodelled::new(super::process_timer::ProcessTimer))
}

/// The timer of trees that were given none: a model has no clock.
#[cfg(any(loom, shuttle))]
pub(crate) fn of_process() -> Result<Unmodelled<dyn Timer>, TimerError> {
    Err(TimerError::new("a model has no clock, and this tree was given no timer"))
}

/// Continues the deadlines of the parent process in a child of `fork`, before a thread blocks there.
pub(crate) fn resume() {
    #[cfg(not(any(loom, shuttle)))]
    super::process_timer::resume();
}
