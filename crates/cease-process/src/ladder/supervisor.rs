//! The post from which a tree is ended, and who stands there.
//!
//! # How it works
//!
//! A sentry stands at the post from the beginning, so that a tree is supervised when nobody waits for it.
//! Whoever waits for the end anyway takes the sentry's place: it is then one thread that asks, sees the end and goes on, and
//! no time passes until another one has been woken.
//! Both do the same, and hold the post only while they work, not while they wait.

use std::fmt;

use cease_core::Fault;
use cease_core::sync::{Mutex, lock};

use super::{Action, Backend, Event, Ladder, StopRequests, Summary};

/// A ladder and its backend, at which one thread works at a time.
pub struct Supervisor<W> {
    /// `None` once it is over.
    work: Mutex<Option<(Ladder, W)>>,
}

/// Who works at a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The supervisor thread; it leaves when a joiner takes over: see [`StopRequests::relieve`].
    Thread,
    /// A thread that joins the worker; it stays until the worker has ended.
    Joiner,
}

impl<W: Backend> Supervisor<W> {
    /// A post at which nobody stands.
    pub fn new(ladder: Ladder, backend: W) -> Self {
        Self { work: Mutex::new(Some((ladder, backend))) }
    }

    /// Ends the tree as those at `desk` ask for it, and files there what `report` makes of it.
    ///
    /// It returns when the tree has ended, asked or not, or when what was killed is not gone in time; a sentry also when it is
    /// relieved. When it is over already it returns at once.
    ///
    /// # Blocking
    ///
    /// Blocks for as long as the tree runs.
    pub fn supervise<R: Clone>(&self, role: Role, desk: &StopRequests<R>, report: impl Fn(&mut W, &Summary) -> R) {
        match role {
            Role::Thread => {
                if desk.come() {
                    self.stand(role, desk, report);
                    desk.go();
                }
            }
            Role::Joiner => self.stand(role, desk, report),
        }
    }

    fn stand<R: Clone>(&self, role: Role, desk: &StopRequests<R>, report: impl Fn(&mut W, &Summary) -> R) {
        let (mut seen, mut is_alone) = (None, role == Role::Thread);
        let is_relieved = || role == Role::Thread && desk.is_relieved();
        let (report, over) = loop {
            // It does not wait for the post only to leave it: the one who takes over works there, and then waits for this one.
            if is_relieved() {
                return;
            }
            let lookout = {
                let mut guard = lock(&self.work);
                let Some((ladder, backend)) = &mut *guard else { return };
                if is_relieved() {
                    return;
                }
                for event in seen.take().map(|seen| backend.take_in(seen)).unwrap_or_default() {
                    ladder.tell(event, backend.now());
                }
                if let Some(summary) = work(ladder, backend, desk, &report) {
                    break (report(backend, &summary), guard.take());
                }
                backend.lookout(ladder.due())
            };
            if !is_alone {
                desk.wait_for_the_sentry();
                is_alone = true;
            }
            seen = Some(lookout());
        };
        // Whoever is told of it may do as he likes: the post is free.
        desk.file(report);
        drop(over);
    }
}

/// Does what there is to do; the summary, when that was all.
fn work<W: Backend, R: Clone>(
    ladder: &mut Ladder,
    backend: &mut W,
    desk: &StopRequests<R>,
    report: impl Fn(&mut W, &Summary) -> R,
) -> Option<Summary> {
    loop {
        let requests = desk.requests();
        ladder.tell(Event::Requests(requests), backend.now());
        desk.take_in(requests, ladder.stages_above());
        let event = match ladder.next(backend.now())? {
            Action::Report(summary) => return Some(summary),
            action => {
                if action == Action::Kill && Fault::TwoReports.is_seeded() {
                    let early = report(backend, &ladder.summary);
                    desk.file(early);
                }
                backend.perform(action)
            }
        };
        if let Some(event) = event {
            ladder.tell(event, backend.now());
        }
    }
}

impl<W> fmt::Debug for Supervisor<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").finish_non_exhaustive()
    }
}
