//! The ladder against random histories: whatever happens when, it keeps to its budgets, its order, and its last word.
#![cfg(not(any(loom, shuttle)))]

use std::time::Duration;

use cease_process::ladder::{Action, Event, GracePeriods, Ladder, Stage, Summary};
use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};

/// How many actions a ladder may have between two events; more than that is for ever.
const FEW: usize = 64;

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn short() -> impl Strategy<Value = Duration> {
    (1..50_u64).prop_map(ms)
}

/// A budget: often nothing, and now and then for ever.
fn budget() -> impl Strategy<Value = Duration> {
    prop_oneof![3 => Just(Duration::ZERO), 4 => short(), 1 => Just(Duration::MAX)]
}

fn budgets() -> impl Strategy<Value = GracePeriods> {
    (budget(), budget(), budget()).prop_map(|(ask, term, kill)| GracePeriods { ask, term, kill })
}

/// Anything that a ladder may be told, in whatever order; what makes no sense included.
fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..6_u32).prop_map(Event::Requests),
        1 => Just(Event::Requests(u32::MAX)),
        1 => Just(Event::Answered),
        1 => Just(Event::Ready),
        2 => Just(Event::LeaderEnded),
        2 => (0..3_usize).prop_map(Event::Left),
    ]
}

/// Something that happens, how long after what was before it, and how many have asked when it is told.
fn moment() -> impl Strategy<Value = (Duration, Event, u32)> {
    (prop_oneof![1 => Just(Duration::ZERO), 3 => short()], event(), prop_oneof![2 => Just(0), 1 => 1..6_u32])
}

/// The time until the end of `stage`, of all the stages together; `None` where that is for ever.
fn time_until_end_of(stage: Stage, budgets: GracePeriods) -> Option<Duration> {
    let each = [(Stage::Ask, budgets.ask), (Stage::Term, budgets.term), (Stage::Kill, budgets.kill)];
    let each = each.into_iter().filter(|(other, _)| *other <= stage);
    each.map(|(_, budget)| budget).try_fold(Duration::ZERO, Duration::checked_add)
}

fn is_signal(action: &Action) -> bool {
    matches!(action, Action::Ask(_) | Action::Terminate | Action::Kill)
}

/// The stage on which `action` is done.
const fn stage_of(action: &Action) -> Option<Stage> {
    match action {
        Action::Ask(_) => Some(Stage::Ask),
        Action::Terminate => Some(Stage::Term),
        Action::Kill => Some(Stage::Kill),
        Action::Drain | Action::Look | Action::Dismiss | Action::Reap | Action::Report(_) => None,
    }
}

/// What a ladder has been told that it knows by now.
#[derive(Debug, Default)]
struct Told {
    requests: u32,
    answered: bool,
    /// Whether the leader waits for another job, and how many were left of its tree when that was said last.
    ready: bool,
    left_while_ready: Option<usize>,
    leader_ended: bool,
    /// How many were left when that was last said, and whether the first of it came when nobody had asked.
    left: Option<usize>,
    left_unasked: bool,
}

/// A ladder, its clock, and all that came of it; each action is held to the promises when it is done.
struct Play {
    budgets: GracePeriods,
    keeps_rest: bool,
    ladder: Ladder,
    now: Duration,
    began: Option<Duration>,
    told: Told,
    /// What a look finds, and how late the one who supervises wakes up, again and again in this order.
    looks: Box<dyn Iterator<Item = usize>>,
    lates: Box<dyn Iterator<Item = Duration>>,
    done: Vec<(Duration, Action)>,
    summary: Option<Summary>,
}

impl Play {
    fn new(budgets: GracePeriods, keeps_rest: bool, looks: Vec<usize>, lates: Vec<Duration>) -> Self {
        let ladder = Ladder::new(budgets);
        Self {
            budgets,
            keeps_rest,
            ladder: if keeps_rest { ladder.keeps_rest() } else { ladder },
            now: Duration::ZERO,
            began: None,
            told: Told::default(),
            looks: Box::new(looks.into_iter().cycle()),
            lates: Box::new(lates.into_iter().cycle()),
            done: Vec::new(),
            summary: None,
        }
    }

    fn tell(&mut self, event: Event) {
        let told = &mut self.told;
        match event {
            Event::Requests(all) => told.requests = told.requests.max(all),
            Event::Answered => told.answered = true,
            Event::LeaderEnded => told.leader_ended = true,
            Event::Left(count) if told.leader_ended => {
                told.left_unasked |= told.left.is_none() && told.requests == 0;
                told.left = Some(count);
            }
            Event::Ready => (told.answered, told.ready) = (true, true),
            Event::Left(count) if told.ready => told.left_while_ready = Some(count),
            Event::Left(_) => {}
        }
        self.ladder.tell(event, self.now);
        self.note_beginning();
    }

    /// Does whatever is to be done now.
    fn act(&mut self) {
        for _ in 0..FEW {
            let Some(action) = self.ladder.next(self.now) else { return };
            self.note_beginning();
            self.hold(&action);
            self.done.push((self.now, action));
            if action == Action::Look {
                let left = self.looks.next().expect("they go round");
                self.tell(Event::Left(left));
            }
        }
        panic!("it does not come to an end: {:?}", self.done);
    }

    /// Lets time pass until `end`, or for ever; wakes whenever something is due, or some time later.
    fn pass(&mut self, end: Option<Duration>) {
        while let Some(due) = self.ladder.due().filter(|due| end.is_none_or(|end| *due < end)) {
            if self.summary.is_some() {
                return;
            }
            let late = self.lates.next().expect("they go round");
            self.now = self.now.max(due.saturating_add(late));
            self.act();
        }
        self.now = self.now.max(end.unwrap_or(self.now));
    }

    fn note_beginning(&mut self) {
        if self.ladder.stage().is_some() {
            self.began.get_or_insert(self.now);
        }
    }

    /// When the time of `stage` is over, and that of those below it; `None` where that is never.
    fn end_of(&self, stage: Stage) -> Option<Duration> {
        self.began?.checked_add(time_until_end_of(stage, self.budgets)?)
    }

    /// Whether the time of all stages is over.
    fn time_is_over(&self) -> bool {
        self.end_of(Stage::Kill).is_some_and(|end| end <= self.now)
    }

    /// What is promised of each action.
    fn hold(&mut self, action: &Action) {
        let before = |wanted: fn(&Action) -> bool| self.done.iter().any(|(_, action)| wanted(action));
        assert!(self.summary.is_none(), "{action:?} after the report: {:?}", self.done);
        if let Some(stage) = stage_of(action) {
            assert!(!before(|action| *action == Action::Reap), "L19: {action:?} after the reap: {:?}", self.done);
            let highest = self.done.iter().filter_map(|(_, action)| stage_of(action)).max();
            let again = highest == Some(stage) && stage == Stage::Kill;
            assert!(highest < Some(stage) || again, "{action:?} goes down, or is done twice: {:?}", self.done);
            let is_left_out =
                [(Stage::Ask, self.budgets.ask), (Stage::Term, self.budgets.term)].contains(&(stage, ms(0)));
            assert!(!is_left_out, "{action:?}, though it may take no time");
            let Told { requests, answered, leader_ended, .. } = self.told;
            assert!(requests > 0 || answered || leader_ended, "{action:?}, and there is no reason for it");
        }
        let alone = self.told.left == Some(0) || self.keeps_rest && self.told.left_unasked;
        match action {
            Action::Reap => {
                assert!(self.told.leader_ended && before(|action| *action == Action::Drain), "reaped too early");
                assert!(!before(|action| *action == Action::Reap), "reaped twice");
                assert!(alone || self.time_is_over(), "reaped before its rest was gone, or the time over");
            }
            Action::Report(summary) if summary.is_kept => {
                assert!(self.told.ready && !self.told.leader_ended && summary.answered && !summary.is_empty);
                assert_eq!(self.told.left_while_ready, Some(0), "who has left somebody behind is kept");
                let is_gone = before(|action| {
                    matches!(action, Action::Terminate | Action::Kill | Action::Reap | Action::Dismiss)
                });
                assert!(!is_gone, "who was signalled or sent away is kept: {:?}", self.done);
                assert_eq!(summary.reached.is_some(), before(|action| matches!(action, Action::Ask(_))));
                self.summary = Some(*summary);
            }
            Action::Report(summary) => {
                assert_eq!(summary.answered, self.told.answered, "an answer that had arrived is in the report");
                assert_eq!(self.told.leader_ended, before(|action| *action == Action::Reap), "who has ended is reaped");
                assert!(summary.is_empty == (self.told.leader_ended && alone), "{summary:?}, {:?}", self.told);
                assert!(summary.is_empty || self.time_is_over(), "over, with some left and time to go");
                let reached = self.done.iter().filter_map(|(_, action)| stage_of(action)).max();
                assert_eq!(summary.reached, reached);
                let spent: Duration = summary.spent.iter().sum();
                assert_eq!(spent, self.began.map_or(ms(0), |began| self.now - began), "the stages are all of the time");
                self.summary = Some(*summary);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: stages go up only, none is used that may take no time, reaping comes last, and
    /// all of it ends within the budgets, with one report.
    #[test]
    fn whatever_happens_it_keeps_to_its_budgets_its_order_and_its_last_word(
        budgets in budgets(),
        keeps_rest in any::<bool>(),
        moments in vec(moment(), 0..8),
        looks in vec(0..3_usize, 1..4),
        lates in vec((0..9_u64).prop_map(ms), 1..4),
    ) {
        let mut play = Play::new(budgets, keeps_rest, looks, lates.clone());
        for (after, event, requests) in moments {
            let then = play.now + after;
            play.pass(Some(then));
            play.tell_unless_over(event);
            play.tell_unless_over(Event::Requests(requests));
            play.act();
        }
        play.pass(None);

        let Some((over, _)) = play.done.last().filter(|_| play.summary.is_some()) else {
            // It waits for good only for somebody who has for ever.
            let waits = match play.ladder.stage() {
                None => play.told.requests == 0 && !play.told.leader_ended && !play.told.answered,
                Some(stage) => play.end_of(stage).is_none(),
            };
            assert!(waits, "there is no report: {:?}", play.done);
            return Ok(());
        };
        let latest = lates.into_iter().max().unwrap_or_default();
        if let Some(end) = play.end_of(Stage::Kill) {
            assert!(*over <= end.saturating_add(latest), "over at {over:?}: {:?}", play.done);
        }
        play.now = play.now.saturating_add(ms(1000));
        let late = [Event::Requests(u32::MAX), Event::Answered, Event::Ready, Event::LeaderEnded, Event::Left(1), Event::Left(0)];
        for event in late {
            play.ladder.tell(event, play.now);
            assert_eq!(play.ladder.next(play.now), None, "something after the report");
        }
    }

    /// Against what cannot be ended, each stage that may take time is used at its moment, and no other: when those below it
    /// have had their time, all on one clock, or when somebody asks again.
    #[test]
    fn against_the_deaf_each_stage_is_used_at_its_moment(budgets in budgets(), gaps in vec(0..30_u64, 1..6)) {
        let asked: Vec<_> = gaps.iter().scan(ms(0), |now, gap| { *now += ms(*gap); Some(*now) }).collect();
        let mut play = Play::new(budgets, false, vec![0], vec![Duration::ZERO]);
        for at in &asked {
            play.pass(Some(*at));
            let by_now = asked.iter().filter(|asked| **asked <= *at).count();
            play.tell_unless_over(Event::Requests(u32::try_from(by_now).expect("there are few")));
            play.act();
        }
        play.pass(None);
        let used: Vec<_> = play.done.iter().filter_map(|(at, action)| Some((*at, stage_of(action)?))).collect();
        assert_eq!(used, moments_of_stages(budgets, &asked));
        assert!(play.done.iter().all(|(_, action)| match action {
            Action::Ask(within) => asked[0] + *within == asked[0].saturating_add(budgets.ask),
            Action::Report(summary) => !summary.is_empty,
            other => is_signal(other),
        }));
        let over = play.summary.and(play.done.last()).map(|(at, _)| *at);
        let end = time_until_end_of(Stage::Kill, budgets).and_then(|all| asked[0].checked_add(all));
        assert_eq!(over, end, "what is not gone in time is reported then");
    }
}

impl Play {
    fn tell_unless_over(&mut self, event: Event) {
        if self.summary.is_none() {
            self.tell(event);
        }
    }
}

/// When each stage is used against what cannot be ended, if it is asked for at these moments.
fn moments_of_stages(budgets: GracePeriods, asked: &[Duration]) -> Vec<(Duration, Stage)> {
    let (began, mut again) = (asked[0], asked[1..].iter().copied().peekable());
    let mut below: Option<Duration> = Some(Duration::ZERO);
    let mut used: Vec<(Duration, Stage)> = Vec::new();
    for (stage, budget) in [(Stage::Ask, budgets.ask), (Stage::Term, budgets.term), (Stage::Kill, budgets.kill)] {
        if budget.is_zero() && stage != Stage::Kill {
            continue;
        }
        let in_time = below.and_then(|below| began.checked_add(below));
        let at = match again.next_if(|again| !used.is_empty() && in_time.is_none_or(|in_time| *again <= in_time)) {
            Some(again) => again,
            None if used.is_empty() => began,
            None => match in_time {
                Some(in_time) => in_time,
                None => break,
            },
        };
        // Who asks twice at once goes up two stages, and stands on the upper one only.
        used.retain(|(before, _)| *before < at);
        used.push((at, stage));
        below = below.and_then(|below| below.checked_add(budget));
    }
    used
}

#[test]
fn what_a_stage_does_not_use_is_there_for_the_next() {
    let budgets = GracePeriods { ask: ms(100), term: ms(50), kill: ms(10) };
    let moments = |asked: &[u64]| {
        let mut play = Play::new(budgets, false, vec![0], vec![Duration::ZERO]);
        for (before, at) in asked.iter().enumerate() {
            play.pass(Some(ms(*at)));
            play.tell(Event::Requests(u32::try_from(before + 1).unwrap()));
            play.act();
        }
        play.pass(None);
        let when = |wanted: fn(&Action) -> bool| play.done.iter().find(|(_, action)| wanted(action)).map(|(at, _)| *at);
        [when(|action| *action == Action::Terminate), when(|action| *action == Action::Kill)]
    };
    assert_eq!(moments(&[0]), [Some(ms(100)), Some(ms(150))]);
    assert_eq!(moments(&[0, 20]), [Some(ms(20)), Some(ms(150))]);
    assert_eq!(moments(&[0, 20, 30]), [Some(ms(20)), Some(ms(30))]);
}

#[test]
fn the_rest_of_a_leader_that_has_gone_has_what_is_left() {
    let mut play = Play::new(GracePeriods { ask: ms(100), term: ms(50), kill: ms(10) }, false, vec![2], vec![ms(0)]);
    play.pass(Some(ms(30)));
    play.tell(Event::Requests(1));
    play.act();
    play.pass(Some(ms(40)));
    play.tell(Event::LeaderEnded);
    play.act();
    play.pass(Some(ms(180)));
    play.act();
    play.tell(Event::Left(0));
    play.act();
    let when = |wanted: Action| play.done.iter().find(|(_, action)| *action == wanted).map(|(at, _)| *at);
    assert_eq!((when(Action::Terminate), when(Action::Kill)), (Some(ms(40)), Some(ms(180))));
    let summary = play.summary.unwrap();
    assert_eq!((summary.ended_on, summary.reached, summary.survivors), (Some(Stage::Ask), Some(Stage::Kill), 2));
}

#[test]
fn what_cannot_be_killed_is_reported_when_its_time_is_over() {
    let mut ladder = Ladder::new(GracePeriods { ask: Duration::ZERO, term: Duration::ZERO, kill: ms(10) });
    ladder.tell(Event::Requests(1), ms(0));
    assert_eq!(ladder.next(ms(0)), Some(Action::Kill));
    assert_eq!((ladder.next(ms(9)), ladder.due()), (None, Some(ms(10))));
    let Some(Action::Report(summary)) = ladder.next(ms(10)) else { panic!("its time is over") };
    assert!(!summary.is_empty && summary.ended_on.is_none());
    assert_eq!(ladder.next(ms(1000)), None);
}

#[test]
fn a_first_request_after_the_answer_stays_on_the_first_stage() {
    let mut ladder = Ladder::new(GracePeriods { ask: ms(10), term: ms(10), kill: ms(10) });
    ladder.tell(Event::Answered, ms(0));
    assert_eq!(ladder.stage(), Some(Stage::Ask));
    ladder.tell(Event::Requests(1), ms(1));
    assert_eq!(ladder.stage(), Some(Stage::Ask), "the first request asks for what is on its way already");
    ladder.tell(Event::Requests(2), ms(2));
    assert_eq!(ladder.stage(), Some(Stage::Term));
}
