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

use super::{Action, Desk, Event, Ladder, Summary, World};

/// A ladder and its world, at which one thread works at a time.
pub struct Post<W> {
    /// `None` once it is over.
    work: Mutex<Option<(Ladder, W)>>,
}

/// Who works at a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// The one who leaves when somebody takes over: see [`Desk::relieve`].
    Sentry,
    /// The one who stays until it is over.
    Relief,
}

impl<W: World> Post<W> {
    /// A post at which nobody stands.
    pub fn new(ladder: Ladder, world: W) -> Self {
        Self { work: Mutex::new(Some((ladder, world))) }
    }

    /// Ends the tree as those at `desk` ask for it, and files there what `report` makes of it.
    ///
    /// It returns when the tree has ended, asked or not, or when what was killed is not gone in time; a sentry also when it is
    /// relieved. When it is over already it returns at once.
    ///
    /// # Blocking
    ///
    /// Blocks for as long as the tree runs.
    pub fn supervise<R: Clone>(&self, duty: Duty, desk: &Desk<R>, report: impl Fn(&mut W, &Summary) -> R) {
        match duty {
            Duty::Sentry => {
                if desk.come() {
                    self.stand(duty, desk, report);
                    desk.go();
                }
            }
            Duty::Relief => self.stand(duty, desk, report),
        }
    }

    fn stand<R: Clone>(&self, duty: Duty, desk: &Desk<R>, report: impl Fn(&mut W, &Summary) -> R) {
        let (mut seen, mut is_alone) = (None, duty == Duty::Sentry);
        let is_relieved = || duty == Duty::Sentry && desk.is_relieved();
        let (report, over) = loop {
            // It does not wait for the post only to leave it: the one who takes over works there, and then waits for this one.
            if is_relieved() {
                return;
            }
            let lookout = {
                let mut guard = lock(&self.work);
                let Some((ladder, world)) = &mut *guard else { return };
                if is_relieved() {
                    return;
                }
                for event in seen.take().map(|seen| world.take_in(seen)).unwrap_or_default() {
                    ladder.tell(event, world.now());
                }
                if let Some(summary) = work(ladder, world, desk, &report) {
                    break (report(world, &summary), guard.take());
                }
                world.lookout(ladder.due())
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
fn work<W: World, R: Clone>(
    ladder: &mut Ladder,
    world: &mut W,
    desk: &Desk<R>,
    report: impl Fn(&mut W, &Summary) -> R,
) -> Option<Summary> {
    loop {
        ladder.tell(Event::Requests(desk.requests()), world.now());
        let event = match ladder.next(world.now())? {
            Action::Report(summary) => return Some(summary),
            action => {
                if action == Action::Kill && Fault::TwoReports.is_seeded() {
                    let early = report(world, &ladder.summary);
                    desk.file(early);
                }
                world.perform(action)
            }
        };
        if let Some(event) = event {
            ladder.tell(event, world.now());
        }
    }
}

impl<W> fmt::Debug for Post<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").finish_non_exhaustive()
    }
}
