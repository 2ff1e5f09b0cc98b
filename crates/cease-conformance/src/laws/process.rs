//! Laws about a tree of processes and the one who ends it: L19, and what L7 says about reports and results.
//!
//! The tree is a model of what the operating system does, so that the strategy's own state machine runs against every order
//! of its end, the requests and the deadlines.

use std::fmt::Debug;
use std::time::Duration;

use cease_core::sync::{self, Arc, Condvar, Mutex, lock, thread};

/// What a strategy that ends processes shows of the side that ends them, to be held to laws L7 and L19.
pub trait Supervises {
    /// Where those who ask and the one who ends it meet.
    type Desk: Clone + Send + 'static;

    /// Where a tree is ended from.
    type Post: Clone + Send + 'static;

    /// A desk that calls `wake` for each request.
    fn desk(&self, wake: impl Fn() + Send + Sync + 'static) -> Self::Desk;

    /// Asks for the end, or for more.
    fn request(desk: &Self::Desk);

    /// Where `tree` is ended from; asking, SIGTERM and SIGKILL may take so long.
    fn post(&self, budgets: [Duration; 3], tree: Tree) -> Self::Post;

    /// Stands sentry at the post, until it is over or somebody takes over.
    fn stand_sentry(post: &Self::Post, desk: &Self::Desk);

    /// Takes the sentry's place, if one stands there, and ends the tree as those at `desk` ask.
    fn take_over(post: &Self::Post, desk: &Self::Desk);

    /// Ends `tree`, as those at `desk` ask, with no sentry.
    fn supervise(&self, budgets: [Duration; 3], tree: Tree, desk: &Self::Desk) {
        Self::take_over(&self.post(budgets, tree), desk);
    }

    /// Waits for the report.
    fn report(desk: &Self::Desk) -> TreeReport;
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeReport {
    /// Whether the leader's result had arrived.
    pub answered: bool,
    /// Whether nobody is left.
    pub is_empty: bool,
    /// The highest rung that was needed, in words.
    pub reached: String,
}

/// Something that has happened to a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// The leader has ended.
    LeaderEnded,
    /// The leader's result has arrived.
    Answered,
    /// The leader's result has arrived, and it waits for another job.
    Ready,
    /// So many of the rest are left.
    Left(usize),
}

/// What a wait for a [`Tree`] has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    leader_ended: bool,
    answered: bool,
    rest_changed: bool,
    woken: bool,
}

/// A model of a leader and the rest of its tree, which does not care for anything but SIGKILL.
#[derive(Debug, Clone)]
pub struct Tree {
    state: Arc<Mutex<State>>,
    changed: Arc<Condvar>,
}

#[derive(Debug, Default)]
struct State {
    leader_ended: bool,
    end_told: bool,
    rest: usize,
    rest_changed: bool,
    sent: bool,
    /// Whether it waits for another job once its result is sent.
    offers: bool,
    answer_told: bool,
    signalled: bool,
    kept: bool,
    reaped: bool,
    woken: bool,
    now: Duration,
}

impl Tree {
    fn new(rest: usize) -> Self {
        let state = State { rest, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::new(Condvar::new()) }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    /// The leader sends its result, if it is there to do so.
    fn answer(&self) {
        self.change(|state| state.sent |= !state.leader_ended);
    }

    /// The leader sends its result, if it is there to do so, and waits for another job.
    fn offer(&self) {
        self.change(|state| (state.sent, state.offers) = (!state.leader_ended, !state.leader_ended));
    }

    /// The leader ends by itself.
    fn end(&self) {
        self.change(|state| state.leader_ended = true);
    }

    /// One of the rest ends by itself, if there is one.
    #[cfg(shuttle)]
    fn leave(&self) {
        self.change(|state| {
            state.rest_changed |= state.rest > 0;
            state.rest = state.rest.saturating_sub(1);
        });
    }

    /// One of the rest starts another one, if there is one to do so.
    #[cfg(shuttle)]
    fn fork(&self) {
        self.change(|state| {
            state.rest_changed |= state.rest > 0;
            state.rest += usize::from(state.rest > 0);
        });
    }

    /// What time it is there.
    #[must_use]
    pub fn now(&self) -> Duration {
        lock(&self.state).now
    }

    /// Sends a signal to the leader or its group; SIGKILL is one.
    ///
    /// # Panics
    ///
    /// When the leader was reaped, or is kept: its number may be a stranger's by now, or its job another one.
    pub fn signal(&self, kill: bool) {
        self.change(|state| {
            assert!(!state.reaped, "L19: a signal was sent to a number that had been given back");
            assert!(!state.kept, "L19: a signal was sent to one that may have another job");
            state.signalled = true;
            state.leader_ended |= kill;
            if kill && state.rest > 0 {
                state.rest = 0;
                state.rest_changed = true;
            }
        });
    }

    /// Reaps the leader.
    ///
    /// # Panics
    ///
    /// When it runs, was reaped before, or has left somebody behind who could still be reached.
    pub fn reap(&self) {
        self.change(|state| {
            assert!(state.leader_ended && !state.reaped, "L19: reaped what there was not to reap");
            assert_eq!(state.rest, 0, "L19: the leader was reaped before its rest was swept");
            state.reaped = true;
        });
    }

    /// Tells a leader that waits for another job that there is none: it ends.
    pub fn dismiss(&self) {
        self.change(|state| state.leader_ended |= state.offers);
    }

    /// Keeps the leader for another job.
    ///
    /// # Panics
    ///
    /// When it was signalled, which may come late, and meet that job; or has left somebody behind, or is gone.
    pub fn keep(&self) {
        self.change(|state| {
            assert!(!state.signalled, "L19: one that was signalled is kept for another job");
            assert!(state.offers && !state.reaped && state.rest == 0, "L19: kept what there was not to keep");
            state.kept = true;
        });
    }

    /// Reads what the leader has sent; whether its result is there.
    #[must_use]
    pub fn drain(&self) -> bool {
        lock(&self.state).sent
    }

    /// How many are left beside the leader.
    #[must_use]
    pub fn look(&self) -> usize {
        let mut state = lock(&self.state);
        state.rest_changed = false;
        state.rest
    }

    /// Waits until something happens, and takes nothing of it in; a model's deadlines pass at once, after a point at which
    /// others may run.
    #[must_use]
    pub fn wait(&self, due: Option<Duration>) -> Seen {
        let mut state = lock(&self.state);
        let mut passes = due.is_some();
        loop {
            let seen = state.seen();
            if seen != Seen::default() {
                return seen;
            }
            if passes {
                passes = false;
                drop(state);
                thread::yield_now();
                state = lock(&self.state);
            } else if let Some(due) = due {
                state.now = state.now.max(due);
                return seen;
            } else {
                state = sync::wait(&self.changed, state);
            }
        }
    }

    /// Takes in what was seen: it is not seen again.
    #[must_use]
    pub fn take_in(&self, seen: Seen) -> Vec<Happened> {
        let mut state = lock(&self.state);
        state.end_told |= seen.leader_ended;
        state.answer_told |= seen.answered;
        state.rest_changed &= !seen.rest_changed;
        state.woken &= !seen.woken;
        // The end is told first, as it may be where both can be read at once.
        let ended = seen.leader_ended.then_some(Happened::LeaderEnded);
        let answer = if state.offers { Happened::Ready } else { Happened::Answered };
        let answered = seen.answered.then_some(answer);
        let left = seen.rest_changed.then_some(Happened::Left(state.rest));
        [ended, answered, left].into_iter().flatten().collect()
    }
}

impl State {
    const fn seen(&self) -> Seen {
        Seen {
            leader_ended: self.leader_ended && !self.end_told,
            answered: self.sent && !self.answer_told && !self.leader_ended,
            rest_changed: self.end_told && self.rest_changed,
            woken: self.woken,
        }
    }
}

/// Time for a rung; in a model it passes at once.
const SOME: Duration = Duration::from_secs(1);

/// L19: the leader ends by itself just as two requests come; nothing is sent to it after it was reaped, and its rest is swept.
pub fn l19_nothing_is_signalled_after_the_reap<S: Supervises>(strategy: &S) {
    let (tree, desk) = open(strategy, 1);
    let ending = tree.clone();
    let ends = thread::spawn(move || ending.end());
    let asking = desk.clone();
    let asks = thread::spawn(move || {
        S::request(&asking);
        S::request(&asking);
    });
    strategy.supervise([SOME, SOME, SOME], tree.clone(), &desk);
    ends.join().expect("L19: ending does not panic");
    asks.join().expect("L19: asking does not panic");
    let state = lock(&tree.state);
    assert!(state.reaped && state.rest == 0, "L19: something was left");
}

/// L19: the leader offers to do another job just as two requests come; one that was signalled is not kept for it.
pub fn l19_who_was_signalled_gets_no_other_job<S: Supervises>(strategy: &S) {
    let (tree, desk) = open(strategy, 0);
    let leader = tree.clone();
    let offers = thread::spawn(move || leader.offer());
    let asking = desk.clone();
    let asks = thread::spawn(move || {
        S::request(&asking);
        S::request(&asking);
    });
    strategy.supervise([SOME, SOME, SOME], tree.clone(), &desk);
    offers.join().expect("L19: offering does not panic");
    asks.join().expect("L19: asking does not panic");
    let state = lock(&tree.state);
    assert!(state.kept != state.reaped, "L19: it is kept or gone");
}

/// L7: two who ask get the same report, and it is the last word.
pub fn l7_who_asks_together_gets_the_same_report<S: Supervises>(strategy: &S) {
    let (tree, desk) = open(strategy, 1);
    let other = desk.clone();
    let asks = thread::spawn(move || {
        S::request(&other);
        S::report(&other)
    });
    let supervised = tree.clone();
    let own = desk.clone();
    S::request(&desk);
    strategy.supervise([Duration::ZERO, Duration::ZERO, SOME], supervised, &own);
    let (first, second) = (S::report(&desk), asks.join().expect("L7: asking does not panic"));
    assert_eq!(first, second, "L7: there were two reports");
    assert!(first.is_empty, "L7: it was reported before it was over");
}

/// L7: who waits takes the place of the sentry, just as somebody asks; nothing is missed, and the sentry goes home.
pub fn l7_who_waits_takes_the_sentrys_place<S: Supervises>(strategy: &S) {
    let (tree, desk) = open(strategy, 1);
    let post = strategy.post([SOME, Duration::ZERO, SOME], tree.clone());
    let (guarded, at) = (post.clone(), desk.clone());
    let sentry = thread::spawn(move || S::stand_sentry(&guarded, &at));
    let asking = desk.clone();
    let asks = thread::spawn(move || S::request(&asking));
    S::take_over(&post, &desk);
    asks.join().expect("L7: asking does not panic");
    sentry.join().expect("L7: standing sentry does not panic");
    let report = S::report(&desk);
    assert!(report.is_empty && lock(&tree.state).reaped, "L7: it was reported before it was over");
}

/// L7: the result is sent just as the leader is killed; what was sent has arrived.
pub fn l7_a_result_that_was_sent_is_not_lost<S: Supervises>(strategy: &S) {
    let (tree, desk) = open(strategy, 0);
    let leader = tree.clone();
    let ends = thread::spawn(move || {
        leader.answer();
        leader.end();
    });
    let asking = desk.clone();
    let asks = thread::spawn(move || S::request(&asking));
    strategy.supervise([Duration::ZERO, Duration::ZERO, SOME], tree.clone(), &desk);
    ends.join().expect("L7: answering does not panic");
    asks.join().expect("L7: asking does not panic");
    let report = S::report(&desk);
    assert_eq!(report.answered, lock(&tree.state).sent, "L7: a result that was sent is not in the report");
}

/// L7, L19: a crowd asks again and again and another one watches, while the leader answers and ends, and its rest comes and goes;
/// everybody gets the same report, and nothing is lost, left, or reached once it was reaped.
///
/// It has more threads than loom can explore.
#[cfg(shuttle)]
pub fn a_crowd_that_asks_gets_one_report<S: Supervises>(strategy: &S) {
    a_crowd(strategy, 3);
}

/// L7: nobody asks, and the leader ends by itself; everybody who watches is told, and its rest is swept.
///
/// It has more threads than loom can explore.
#[cfg(shuttle)]
pub fn a_crowd_that_only_watches_is_told<S: Supervises>(strategy: &S) {
    a_crowd(strategy, 0);
}

#[cfg(shuttle)]
fn a_crowd<S: Supervises>(strategy: &S, askers: usize) {
    let (tree, desk) = open(strategy, 3);
    let asking = (0..askers).map(|_| {
        let desk = desk.clone();
        thread::spawn(move || {
            (0..3).for_each(|_| S::request(&desk));
            S::report(&desk)
        })
    });
    let watching = (0..2).map(|_| {
        let desk = desk.clone();
        thread::spawn(move || S::report(&desk))
    });
    let told: Vec<_> = asking.collect::<Vec<_>>().into_iter().chain(watching.collect::<Vec<_>>()).collect();
    let living = |live: fn(&Tree)| {
        let tree = tree.clone();
        thread::spawn(move || live(&tree))
    };
    let leader = living(|leader| {
        leader.answer();
        leader.end();
    });
    let rest = [living(|tree| (0..2).for_each(|_| tree.leave())), living(|tree| (0..2).for_each(|_| tree.fork()))];
    strategy.supervise([SOME, SOME, SOME], tree.clone(), &desk);
    let own = S::report(&desk);
    for other in told {
        assert_eq!(own, other.join().expect("L7: to ask and to watch does not panic"), "L7: there were two reports");
    }
    rest.into_iter().chain([leader]).for_each(|thread| thread.join().expect("L7: to end does not panic"));
    let state = lock(&tree.state);
    assert_eq!(own.answered, state.sent, "L7: a result that was sent is not in the report");
    assert!(own.is_empty && state.reaped && state.rest == 0, "L19: something was left");
}

/// A tree with so many beside its leader, and a desk whose requests wake whoever waits for it.
fn open<S: Supervises>(strategy: &S, rest: usize) -> (Tree, S::Desk) {
    let tree = Tree::new(rest);
    let woken = tree.clone();
    let desk = strategy.desk(move || woken.change(|state| state.woken = true));
    (tree, desk)
}
