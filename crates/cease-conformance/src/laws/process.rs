//! Laws about a tree of processes and the one who ends it: L19, and what L7 says about reports and results.
//!
//! The tree is a model of what the operating system does, so that the strategy's own state machine runs against every order
//! of its end, the requests and the deadlines.

use std::time::Duration;

use cease_core::sync::thread;

use super::process_tree::Tree;

/// What a strategy that ends processes shows of the side that ends them, to be held to laws L7 and L19.
pub trait Supervises {
    /// Where those who ask and the one who ends it meet.
    type StopRequests: Clone + Send + 'static;

    /// Where a tree is ended from.
    type Supervisor: Clone + Send + 'static;

    /// A desk that calls `wake` for each request.
    fn desk(&self, wake: impl Fn() + Send + Sync + 'static) -> Self::StopRequests;

    /// Asks for the end, or for more.
    fn request(desk: &Self::StopRequests);

    /// Where `tree` is ended from; asking, SIGTERM and SIGKILL may take so long.
    fn post(&self, budgets: [Duration; 3], tree: Tree) -> Self::Supervisor;

    /// Stands sentry at the post, until it is over or somebody takes over.
    fn stand_sentry(post: &Self::Supervisor, desk: &Self::StopRequests);

    /// Takes the sentry's place, if one stands there, and ends the tree as those at `desk` ask.
    fn take_over(post: &Self::Supervisor, desk: &Self::StopRequests);

    /// Ends `tree`, as those at `desk` ask, with no sentry.
    fn supervise(&self, budgets: [Duration; 3], tree: Tree, desk: &Self::StopRequests) {
        Self::take_over(&self.post(budgets, tree), desk);
    }

    /// Waits for the report.
    fn report(desk: &Self::StopRequests) -> TreeReport;
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeReport {
    /// Whether the leader's result had arrived.
    pub answered: bool,
    /// Whether nobody is left.
    pub is_empty: bool,
    /// The highest stage that was needed, in words.
    pub reached: String,
}

/// Time for a stage; in a model it passes at once.
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
    let state = tree.state();
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
    let state = tree.state();
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
    assert!(report.is_empty && tree.state().reaped, "L7: it was reported before it was over");
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
    assert_eq!(report.answered, tree.state().sent, "L7: a result that was sent is not in the report");
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
    let state = tree.state();
    assert_eq!(own.answered, state.sent, "L7: a result that was sent is not in the report");
    assert!(own.is_empty && state.reaped && state.rest == 0, "L19: something was left");
}

/// A tree with so many beside its leader, and a desk whose requests wake whoever waits for it.
fn open<S: Supervises>(strategy: &S, rest: usize) -> (Tree, S::StopRequests) {
    let tree = Tree::new(rest);
    let woken = tree.clone();
    let desk = strategy.desk(move || woken.change(|state| state.woken = true));
    (tree, desk)
}
