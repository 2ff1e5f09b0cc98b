//! What the state machine is connected to: the operating system, or a model of it.

use std::time::Duration;

use super::{Action, Event};

/// What the state machine is connected to.
pub trait Backend {
    /// What a wait has seen.
    type Seen;

    /// What time it is; it never goes back.
    fn now(&mut self) -> Duration;

    /// Does `action`, and tells what it has found: [`Action::Drain`] an answer, [`Action::Look`] who is left.
    fn perform(&mut self, action: Action) -> Option<Event>;

    /// What waits until something happens, the desk's supervisor is woken, or it is `due`; nobody is kept from the backend
    /// meanwhile.
    ///
    /// It changes nothing: what it has seen is there for the next one to see until it was taken in by [`Backend::take_in`].
    /// When some of the tree are left after the leader's end, a change of their number is something that happens.
    fn lookout(&mut self, due: Option<Duration>) -> Box<dyn FnOnce() -> Self::Seen>;

    /// Takes in what a wait has seen, and tells what has happened.
    fn take_in(&mut self, seen: Self::Seen) -> Vec<Event>;
}
