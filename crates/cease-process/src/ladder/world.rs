//! What the state machine is connected to: the operating system, or a model of it.

use std::time::Duration;

use cease_core::Fault;

use super::{Action, Desk, Event, Ladder, Summary};

/// What the state machine is connected to.
pub trait World {
    /// What time it is; it never goes back.
    fn now(&mut self) -> Duration;

    /// Does `action`, and tells what it has found: [`Action::Drain`] an answer, [`Action::Look`] who is left.
    fn perform(&mut self, action: Action) -> Option<Event>;

    /// Waits until something happens, the desk's supervisor is woken, or it is `due`; `None` when there is nothing to tell.
    ///
    /// When some of the tree are left after the leader's end, a change of their number is something that happens.
    fn wait(&mut self, due: Option<Duration>) -> Option<Event>;
}

/// Ends the tree of `world` as those at `desk` ask for it, and files there what `report` makes of it.
///
/// It returns when the tree has ended, asked or not, or when what was killed is not gone in time.
pub fn supervise<W, R>(mut ladder: Ladder, world: &mut W, desk: &Desk<R>, mut report: impl FnMut(&mut W, &Summary) -> R)
where
    W: World,
    R: Clone,
{
    loop {
        ladder.tell(Event::Requests(desk.requests()), world.now());
        let event = match ladder.next(world.now()) {
            Some(Action::Report(summary)) => {
                let report = report(world, &summary);
                return desk.file(report);
            }
            Some(action) => {
                if action == Action::Kill && Fault::TwoReports.is_seeded() {
                    let early = report(world, &ladder.summary);
                    desk.file(early);
                }
                world.perform(action)
            }
            None => world.wait(ladder.due()),
        };
        if let Some(event) = event {
            ladder.tell(event, world.now());
        }
    }
}
