//! The ladder of a worker that does one job after the other: who is kept, and who is sent away.
#![cfg(not(any(loom, shuttle)))]

use std::time::Duration;

use cease_process::ladder::{Action, Event, GracePeriods, Ladder};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A ladder with time for each stage, told these in turn and at once, and what it says has to be done.
fn told(events: &[Event]) -> (Ladder, Vec<Action>) {
    let mut ladder = Ladder::new(GracePeriods { ask: ms(100), term: ms(50), kill: ms(10) });
    events.iter().for_each(|event| ladder.tell(*event, ms(0)));
    let actions = std::iter::from_fn(|| ladder.next(ms(0))).collect();
    (ladder, actions)
}

#[test]
fn who_waits_for_another_job_is_kept_once_it_was_seen_to_be_alone() {
    let asked = Action::Ask(ms(100));
    for (events, actions) in [
        (&[Event::Ready][..], &[Action::Look][..]),
        // Asked just before the answer came, or just after that.
        (&[Event::Requests(1), Event::Ready], &[asked, Action::Look]),
        (&[Event::Ready, Event::Requests(1)], &[Action::Look, asked]),
    ] {
        let mut ladder = Ladder::new(GracePeriods { ask: ms(100), term: ms(50), kill: ms(10) });
        events.iter().for_each(|event| ladder.tell(*event, ms(0)));
        let looked = actions.iter().position(|action| *action == Action::Look).unwrap();
        assert_eq!((0..=looked).map(|_| ladder.next(ms(0)).unwrap()).collect::<Vec<_>>(), actions[..=looked]);
        ladder.tell(Event::Left(0), ms(0));
        // Who asks now is too late, however often: it would meet the next job.
        ladder.tell(Event::Requests(u32::MAX), ms(0));
        let Some(Action::Report(summary)) = ladder.next(ms(1000)) else { panic!("{events:?}: it is over") };
        assert!(summary.is_kept && summary.answered && summary.ended_on.is_none(), "{events:?}: {summary:?}");
        assert_eq!((ladder.next(ms(2000)), ladder.due()), (None, None));
    }
}

#[test]
fn who_was_told_by_a_signal_or_has_left_somebody_behind_is_sent_away() {
    let signalled = [Action::Terminate, Action::Look];
    let unasked = [Action::Look];
    for (events, left, actions) in [
        (&[Event::Requests(2), Event::Ready][..], 0, &signalled[..]),
        (&[Event::Ready], 1, &unasked),
        // The second request comes while it is looked who is left.
        (&[Event::Ready, Event::Requests(2)], 0, &[Action::Look, Action::Terminate]),
    ] {
        let (mut ladder, done) = told(events);
        assert_eq!(done, actions, "{events:?}");
        ladder.tell(Event::Left(left), ms(0));
        assert_eq!((ladder.next(ms(0)), ladder.next(ms(0))), (Some(Action::Dismiss), None), "{events:?}");
        ladder.tell(Event::LeaderEnded, ms(1));
        assert_eq!((ladder.next(ms(1)), ladder.next(ms(1))), (Some(Action::Drain), Some(Action::Look)), "{events:?}");
        ladder.tell(Event::Left(0), ms(1));
        assert_eq!(ladder.next(ms(1)), Some(Action::Reap), "{events:?}");
        let Some(Action::Report(summary)) = ladder.next(ms(1)) else { panic!("{events:?}: it is over") };
        assert!(!summary.is_kept && summary.answered && summary.is_empty, "{events:?}: {summary:?}");
    }
}
