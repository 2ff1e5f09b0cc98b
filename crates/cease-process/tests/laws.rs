//! The state machine of the process strategy is held to the laws about ending a tree.

use std::sync::Arc;
use std::time::Duration;

use cease_conformance::laws::{Happened, Seen, Supervises, Tree, TreeReport};
use cease_process::ladder::{Action, Backend, Event, GracePeriods, Ladder, Role, StopRequests, Summary, Supervisor};

cease_conformance::process_laws!(process, crate::Supervising);

/// Crowds around one tree, of more threads than loom can explore.
#[cfg(shuttle)]
mod crowd {
    use cease_conformance::harness::explore;
    use cease_conformance::laws::{a_crowd_that_asks_gets_one_report, a_crowd_that_only_watches_is_told};

    use super::Supervising;

    #[test]
    fn asks() {
        explore("a_crowd_that_asks_gets_one_report", None, 0, || a_crowd_that_asks_gets_one_report(&Supervising));
    }

    #[test]
    fn watches() {
        explore("a_crowd_that_only_watches_is_told", None, 0, || a_crowd_that_only_watches_is_told(&Supervising));
    }
}

/// The strategy's own ladder and desk, over a model of a tree.
struct Supervising;

/// The model, as the ladder's backend.
struct Model(Tree);

impl Supervises for Supervising {
    type StopRequests = Arc<StopRequests<Summary>>;
    type Supervisor = Arc<Supervisor<Model>>;

    fn desk(&self, wake: impl Fn() + Send + Sync + 'static) -> Self::StopRequests {
        Arc::new(StopRequests::new(wake))
    }

    fn request(desk: &Self::StopRequests) {
        desk.request();
    }

    fn post(&self, [ask, term, kill]: [Duration; 3], tree: Tree) -> Self::Supervisor {
        Arc::new(Supervisor::new(Ladder::new(GracePeriods { ask, term, kill }), Model(tree)))
    }

    fn stand_sentry(post: &Self::Supervisor, desk: &Self::StopRequests) {
        post.supervise(Role::Thread, desk, report);
    }

    fn take_over(post: &Self::Supervisor, desk: &Self::StopRequests) {
        desk.relieve();
        post.supervise(Role::Joiner, desk, report);
    }

    fn report(desk: &Self::StopRequests) -> TreeReport {
        let Summary { answered, is_empty, reached, .. } = desk.wait();
        TreeReport { answered, is_empty, reached: format!("{reached:?}") }
    }
}

/// Files what has become of the tree.
fn report(model: &mut Model, summary: &Summary) -> Summary {
    if summary.is_kept {
        model.0.keep();
    }
    *summary
}

impl Backend for Model {
    type Seen = Seen;

    fn now(&mut self) -> Duration {
        self.0.now()
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Terminate => self.0.signal(false),
            Action::Kill => self.0.signal(true),
            Action::Drain => return self.0.drain().then_some(Event::Answered),
            Action::Look => return Some(Event::Left(self.0.look())),
            Action::Reap => self.0.reap(),
            Action::Dismiss => self.0.dismiss(),
            Action::Ask(_) | Action::Report(_) => {}
        }
        None
    }

    fn lookout(&mut self, due: Option<Duration>) -> Box<dyn FnOnce() -> Seen> {
        let tree = self.0.clone();
        Box::new(move || tree.wait(due))
    }

    fn take_in(&mut self, seen: Seen) -> Vec<Event> {
        let as_event = |happened| match happened {
            Happened::LeaderEnded => Event::LeaderEnded,
            Happened::Answered => Event::Answered,
            Happened::Ready => Event::Ready,
            Happened::Left(count) => Event::Left(count),
        };
        self.0.take_in(seen).into_iter().map(as_event).collect()
    }
}
