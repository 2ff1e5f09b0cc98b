//! Deadlines of sources.

use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::Cause;
use crate::fault::{self, Fault};
use crate::stop::data::request::{DeadlineSetting, Request};
use crate::stop::data::timer::{Alarm, TimerError};
use crate::stop::protocol::lifecycle::NodeRef;
use crate::stop::protocol::sweep;
use crate::stop::tree::node::Node;
use crate::stop::tree::shard::Guard;

/// The owner's handle on the deadline of a source; made with the source, and the only way to move it further away.
///
/// Code that has only the source can bring its deadline nearer, not further away
/// ([`crate::StopSource::shorten_deadline`]).
/// The deadline of a source above still holds, whatever this says: what counts is the earlier one.
/// Dropping it changes nothing: the deadline stays.
/// Stoppable until the deadline, even with no source left.
pub struct Deadline {
    node: NodeRef,
    cause: Option<Cause>,
}

impl Deadline {
    pub(crate) const fn new(node: NodeRef, cause: Option<Cause>) -> Self {
        Self { node, cause }
    }

    /// When it passes; `None` when it was cleared.
    #[must_use]
    pub fn at(&self) -> Option<Instant> {
        self.node.own_deadline()
    }

    /// Moves it, further away or nearer; false when the source was stopped before.
    ///
    /// It has the cause that it was made with, also when other code shortened it for another cause meanwhile.
    /// A moment that has passed stops the source at once.
    ///
    /// # Errors
    ///
    /// When no timer is available; the deadline is then unchanged.
    #[track_caller]
    pub fn reset(&self, at: Instant) -> Result<bool, TimerError> {
        let setting = DeadlineSetting { location: Location::caller(), cause: self.cause.clone() };
        self.node.set_deadline(Some(at), Allowed::Anywhere, setting)
    }

    /// Takes it away; false when the source was stopped before.
    #[track_caller]
    pub fn clear(&self) -> bool {
        let lifted = self.node.set_deadline(None, Allowed::Anywhere, DeadlineSetting::at(Location::caller()));
        lifted.expect("only a deadline needs a timer")
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadline").field("at", &self.at()).finish()
    }
}

/// Where a deadline may be moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    Nearer,
    Anywhere,
}

impl Node {
    /// Moves the deadline of this node, or lifts it; false when it was stopped before, or may not be moved there.
    pub(crate) fn set_deadline(
        &self,
        at: Option<Instant>,
        allowed: Allowed,
        setting: DeadlineSetting,
    ) -> Result<bool, TimerError> {
        let Some(home) = self.home() else { return Ok(false) };
        let clock = self.root().expect("a node with a home has a root").clock()?;
        if at.is_some_and(|at| at <= clock.now()) {
            let notifications = self.request(Request::of_deadline(&setting));
            let first = notifications.is_some();
            notifications.unwrap_or_default().settle();
            return Ok(first);
        }
        let guard = home.lock();
        if !self.is_open() {
            return Ok(false);
        }
        let before = match self.note_deadline(guard, &clock, at, allowed, setting) {
            Ok(before) => before,
            Err(Forbidden) => return Ok(false),
        };
        if at.is_none() && home.lock().idle_clock().is_some() {
            clock.release();
        }
        if let Some(at) = at
            && let Err(error) = clock.set(at)
        {
            let guard = home.lock();
            if self.is_open() {
                // Whatever was set is lifted again; nobody can forbid that.
                let (before, setting) = before;
                let _ = self.note_deadline(guard, &clock, before, Allowed::Anywhere, setting);
            }
            return Err(error);
        }
        Ok(true)
    }

    /// The moment that lies `limit` ahead; none when that is further than the clock can count.
    pub(crate) fn after(&self, limit: Duration) -> Result<Option<Instant>, TimerError> {
        // A node that was created stopped needs no deadline.
        let clock = self.root().map(|root| root.clock()).transpose()?;
        Ok(clock.and_then(|clock| clock.now().checked_add(limit)))
    }

    /// The earliest deadline of this node and of those above it.
    pub(crate) fn effective_deadline(&self) -> Option<Instant> {
        let guard = self.home()?.lock();
        let own = guard.peek_schedule().and_then(|schedule| schedule.effective(self.scope()));
        drop(guard);
        let root = self.root()?;
        let top = if self.as_root().is_some() { None } else { root.node.own_deadline() };
        let linked = root.attached().and_then(|attached| attached.deadline());
        [own, top, linked].into_iter().flatten().min()
    }

    fn own_deadline(&self) -> Option<Instant> {
        let guard = self.home()?.lock();
        let schedule = guard.peek_schedule()?;
        schedule.is_own(self.scope(), self.address()).then(|| schedule.at(self.scope())).flatten()
    }

    /// Notes a deadline under the lock, on an open node; returns the one before.
    fn note_deadline(
        &self,
        mut guard: Guard<'_, Node>,
        clock: &Alarm,
        at: Option<Instant>,
        allowed: Allowed,
        setting: DeadlineSetting,
    ) -> Result<(Option<Instant>, DeadlineSetting), Forbidden> {
        guard.note_clock(clock);
        let outer = self.scope();
        let schedule = guard.schedule_or_new();
        let is_own = schedule.is_own(outer, self.address());
        let loosened = is_own && schedule.at(outer).is_some_and(|before| at.is_none_or(|at| before <= at));
        if allowed == Allowed::Nearer && loosened && !fault::is(Fault::DeadlineLoosened) {
            return Err(Forbidden);
        }
        let scope = if is_own { outer } else { schedule.enter(self.address(), outer, setting.clone()) };
        let was_armed = schedule.is_armed(scope);
        let before = schedule.set(scope, at, setting);
        if !is_own {
            self.set_scope(scope);
            sweep::rescope(self, &mut guard, outer, scope);
        }
        // Until it has passed, a deadline can ask like a source.
        match (was_armed, at.is_some()) {
            (false, true) => self.add_source(),
            (true, false) if self.remove_source() => {
                self.close(guard).settle();
            }
            _ => {}
        }
        Ok(before)
    }
}

/// The deadline may only be brought nearer.
struct Forbidden;
