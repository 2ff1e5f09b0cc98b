//! The ladder against random histories: whatever happens when, it keeps to its budget, its order, and its last word.
#![cfg(not(any(loom, shuttle)))]

use std::time::Duration;

use cease_process::ladder::{Action, Budgets, Event, Ladder, Rung, Summary};

/// A small generator, so that a failure can be had again by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// A budget: often nothing, and now and then for ever.
    fn budget(&mut self) -> Duration {
        match self.below(8) {
            0..3 => Duration::ZERO,
            7 => Duration::MAX,
            _ => ms(1 + self.below(50)),
        }
    }
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A tree whose leader ends after so many milliseconds, or by a signal that it does not ignore; the rest obeys SIGKILL only.
struct Tree {
    ends_at: Option<u64>,
    answers: bool,
    obeys: Option<Rung>,
    rest: usize,
}

/// What became of a history.
struct Outcome {
    actions: Vec<(Duration, Action)>,
    summary: Option<Summary>,
    began: Option<Duration>,
}

/// Runs the ladder for so many milliseconds, with requests at these.
fn run(budgets: Budgets, mut tree: Tree, asked_at: &[u64], until: u64) -> Outcome {
    let mut ladder = Ladder::new(budgets);
    let mut outcome = Outcome { actions: Vec::new(), summary: None, began: None };
    let mut ended = false;
    for now in 0..until {
        let time = ms(now);
        let asked = asked_at.iter().filter(|at| **at <= now).count();
        ladder.tell(Event::Requests(u32::try_from(asked).unwrap()), time);
        if tree.ends_at.is_some_and(|at| at <= now) && !ended {
            ended = true;
            if tree.answers {
                ladder.tell(Event::Answered, time);
            }
            ladder.tell(Event::LeaderEnded, time);
        }
        if ladder.rung().is_some() {
            outcome.began.get_or_insert(time);
        }
        while let Some(action) = ladder.next(time) {
            outcome.actions.push((time, action));
            match action {
                Action::Look => ladder.tell(Event::Left(tree.rest), time),
                Action::Report(summary) => {
                    assert!(outcome.summary.replace(summary).is_none(), "there were two reports");
                }
                Action::Kill => {
                    tree.ends_at = Some(tree.ends_at.map_or(now, |at| at.min(now)));
                    tree.rest = 0;
                    if ended {
                        ladder.tell(Event::Left(0), time);
                    }
                }
                Action::Ask(_) if tree.obeys == Some(Rung::Ask) => tree.ends_at = tree.ends_at.or(Some(now + 1)),
                Action::Terminate if tree.obeys == Some(Rung::Term) => tree.ends_at = tree.ends_at.or(Some(now + 1)),
                _ => {}
            }
            if ladder.rung().is_some() {
                outcome.began.get_or_insert(time);
            }
        }
    }
    outcome
}

#[test]
fn random_histories_keep_to_budget_order_and_last_word() {
    for seed in 1..20_000 {
        let mut random = Random(seed << 32 | 0x9E37_79B9);
        let budgets = Budgets { ask: random.budget(), term: random.budget(), kill: ms(3 + random.below(50)) };
        let tree = Tree {
            ends_at: (random.below(3) == 0).then(|| random.below(100)),
            answers: random.below(2) == 0,
            obeys: [None, Some(Rung::Ask), Some(Rung::Term)][usize::try_from(random.below(3)).unwrap()],
            rest: usize::try_from(random.below(3)).unwrap(),
        };
        let mut asked_at: Vec<_> = (0..random.below(4)).map(|_| random.below(100)).collect();
        asked_at.sort_unstable();
        let (is_asked, ends, for_ever) = (!asked_at.is_empty(), tree.ends_at, Duration::MAX);
        let Outcome { actions, summary, began } = run(budgets, tree, &asked_at, 400);

        let at = |wanted: fn(&Action) -> bool| actions.iter().position(|(_, action)| wanted(action));
        let reap = at(|action| *action == Action::Reap);
        let signals = |action: &Action| matches!(action, Action::Ask(_) | Action::Terminate | Action::Kill);
        let last_signal = actions.iter().rposition(|(_, action)| signals(action));
        assert!(reap.is_none() || last_signal < reap, "seed {seed}: a signal after the reap: {actions:?}");
        let order = actions.iter().filter_map(|(_, action)| match action {
            Action::Ask(_) => Some(Rung::Ask),
            Action::Terminate => Some(Rung::Term),
            Action::Kill => Some(Rung::Kill),
            _ => None,
        });
        assert!(order.clone().is_sorted(), "seed {seed}: a rung down: {actions:?}");
        assert!(
            order.clone().all(|rung| rung != Rung::Ask || !budgets.ask.is_zero())
                && order.clone().all(|rung| rung != Rung::Term || !budgets.term.is_zero()),
            "seed {seed}: a rung that may take no time was not left out: {actions:?}"
        );
        let Some(summary) = summary else {
            let waits = !is_asked && ends.is_none() || budgets.ask == for_ever || budgets.term == for_ever;
            assert!(waits, "seed {seed}: there is no report: {actions:?}");
            continue;
        };
        assert!(matches!(actions.last(), Some((_, Action::Report(_)))), "seed {seed}: something after the report");
        assert!(
            reap.is_some() && summary.is_empty,
            "seed {seed}: everything here ends by SIGKILL: {budgets:?}, {asked_at:?}: {actions:?}"
        );
        let spent: Duration = summary.spent.iter().sum();
        let all =
            [budgets.ask, budgets.term, budgets.kill].iter().fold(Duration::ZERO, |all, one| all.saturating_add(*one));
        assert!(spent <= all, "seed {seed}: {spent:?} of {all:?}");
        let over = actions.last().map(|(time, _)| *time).unwrap_or_default();
        let limit = began.unwrap_or_default().saturating_add(all).saturating_add(ms(2));
        assert!(began.is_none() || over <= limit, "seed {seed}: over at {over:?}, and not by {limit:?}");
    }
}

#[test]
fn what_a_rung_does_not_use_is_there_for_the_next() {
    let budgets = Budgets { ask: ms(100), term: ms(50), kill: ms(10) };
    let deaf = || Tree { ends_at: None, answers: false, obeys: None, rest: 0 };
    let when = |asked_at: &[u64], wanted: Action| {
        let outcome = run(budgets, deaf(), asked_at, 400);
        outcome.actions.iter().find(|(_, action)| *action == wanted).map(|(time, _)| *time)
    };
    assert_eq!((when(&[0], Action::Terminate), when(&[0], Action::Kill)), (Some(ms(100)), Some(ms(150))));
    assert_eq!((when(&[0, 20], Action::Terminate), when(&[0, 20], Action::Kill)), (Some(ms(20)), Some(ms(150))));
    assert_eq!(when(&[0, 20, 30], Action::Kill), Some(ms(30)));
}

#[test]
fn the_rest_of_a_leader_that_has_gone_has_what_is_left() {
    let budgets = Budgets { ask: ms(100), term: ms(50), kill: ms(10) };
    let tree = Tree { ends_at: Some(40), answers: false, obeys: None, rest: 2 };
    let Outcome { actions, summary, .. } = run(budgets, tree, &[30], 400);
    let when = |wanted: Action| actions.iter().find(|(_, action)| *action == wanted).map(|(time, _)| *time);
    assert_eq!((when(Action::Terminate), when(Action::Kill)), (Some(ms(40)), Some(ms(180))));
    let summary = summary.unwrap();
    assert_eq!((summary.ended_on, summary.reached, summary.survivors), (Some(Rung::Ask), Some(Rung::Kill), 2));
}

#[test]
fn what_cannot_be_killed_is_reported_when_its_time_is_over() {
    let mut ladder = Ladder::new(Budgets { ask: Duration::ZERO, term: Duration::ZERO, kill: ms(10) });
    ladder.tell(Event::Requests(1), ms(0));
    assert_eq!(ladder.next(ms(0)), Some(Action::Kill));
    assert_eq!((ladder.next(ms(9)), ladder.due()), (None, Some(ms(10))));
    let Some(Action::Report(summary)) = ladder.next(ms(10)) else { panic!("its time is over") };
    assert!(!summary.is_empty && summary.ended_on.is_none());
    assert_eq!(ladder.next(ms(1000)), None);
}
