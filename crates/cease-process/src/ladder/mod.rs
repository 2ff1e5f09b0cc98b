//! The parent's state machine: how a tree of processes is ended, step by step, on one budget.
//!
//! # How it works
//!
//! It has no clock and touches nothing: it is told what happened and what time it is, and answers what to do next.
//! A request starts a clock, and with it the first stage; each stage has a time, all of them follow each other on that one
//! clock, and what a stage does not use is there for the next.
//! The leader is the process that was started; the rest of the tree is what it has started, in turn.
//! When the leader has ended its rest has what is left of the time; only when nobody is left, or the time is over, is the
//! leader reaped, and nothing is signalled afterwards (law L19).
//!
//! | stage | what is done | how long |
//! |---|---|---|
//! | [`Stage::Ask`] | the job's own token is asked, by a message | [`GracePeriods::ask`] |
//! | [`Stage::Term`] | SIGTERM to the whole tree, and SIGCONT for what is stopped | [`GracePeriods::term`] |
//! | [`Stage::Kill`] | SIGKILL to the whole tree, and then it has to become empty | [`GracePeriods::kill`] |

mod backend;
mod stop_requests;
mod supervisor;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use cease_core::Fault;

pub use backend::Backend;
pub use stop_requests::StopRequests;
pub use supervisor::{Role, Supervisor};

/// How long each stage of the ladder may take; one that may take no time is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GracePeriods {
    /// How long the job has to leave at a checkpoint.
    pub ask: Duration,
    /// How long the tree has to end after SIGTERM.
    pub term: Duration,
    /// How long what was killed has to be gone before it counts as unkillable; SIGKILL itself is never left out.
    pub kill: Duration,
}

impl Default for GracePeriods {
    /// Five seconds, two seconds, and five seconds.
    fn default() -> Self {
        Self { ask: Duration::from_secs(5), term: Duration::from_secs(2), kill: Duration::from_secs(5) }
    }
}

/// A step of the ladder, gentle ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The job is asked.
    Ask,
    /// The tree gets SIGTERM.
    Term,
    /// The tree gets SIGKILL.
    Kill,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 3] = [Self::Ask, Self::Term, Self::Kill];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ask => "asked",
            Self::Term => "SIGTERM",
            Self::Kill => "SIGKILL",
        })
    }
}

/// What the machine is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// So many requests were made until now, in all; each new one is a stage up.
    Requests(u32),
    /// The job's answer has arrived, to its last byte.
    Answered,
    /// The job's answer has arrived, to its last byte, and the leader waits for another job.
    Ready,
    /// The leader has ended; it is not reaped.
    LeaderEnded,
    /// So many processes of the tree are left, beside the leader.
    Left(usize),
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask the job to stop within this time.
    Ask(Duration),
    /// Send SIGTERM and then SIGCONT to the whole tree.
    Terminate,
    /// Send SIGKILL to the whole tree.
    Kill,
    /// Read what the leader has sent before it ended, and tell of an answer.
    Drain,
    /// See who is left of the tree, and tell; again and again until nobody is.
    Look,
    /// Tell a leader that waits for another job to end by itself.
    Dismiss,
    /// Reap the leader.
    Reap,
    /// It is over; this is the last action.
    Report(Summary),
}

/// How a tree was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The stage on which the leader ended; `None` when it ended by itself, or not at all.
    pub ended_on: Option<Stage>,
    /// The highest stage that was needed, for the leader or for the rest.
    pub reached: Option<Stage>,
    /// How long each stage lasted, in the order of [`Stage::ALL`].
    pub spent: [Duration; 3],
    /// How many processes were left of the tree when the leader had ended.
    pub survivors: usize,
    /// Whether the job's answer had arrived.
    pub answered: bool,
    /// Whether the leader has ended, and nobody is left of its tree.
    pub is_empty: bool,
    /// Whether the leader lives on, and waits for another job: it left at a checkpoint or returned, no signal was sent to it,
    /// and it has left nobody behind.
    pub is_kept: bool,
}

/// The state machine.
#[derive(Debug)]
pub struct Ladder {
    budgets: GracePeriods,
    keeps_rest: bool,
    requests: u32,
    /// When the clock was started.
    began: Option<Duration>,
    stage: Option<Stage>,
    stage_began: Duration,
    stay: Stay,
    leader: Option<Leader>,
    todo: VecDeque<Action>,
    time_is_over: bool,
    reaped: bool,
    summary: Summary,
    reported: bool,
}

/// What is known of a leader that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    /// It has ended, and nobody has looked for the rest.
    Ended,
    /// Some of the rest still run.
    Outlived,
    /// Nobody is left.
    Alone,
}

/// Whether the leader stays for another job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    /// It has not said so.
    Unsaid,
    /// It has, and it is to be seen who is left of the tree.
    Offered,
    /// It is kept or sent away, for good.
    Settled,
}

impl Ladder {
    /// A ladder on which nobody stands yet.
    #[must_use]
    pub fn new(budgets: GracePeriods) -> Self {
        let summary = Summary {
            ended_on: None,
            reached: None,
            spent: [Duration::ZERO; 3],
            survivors: 0,
            answered: false,
            is_empty: false,
            is_kept: false,
        };
        Self {
            budgets,
            keeps_rest: false,
            requests: 0,
            began: None,
            stage: None,
            stage_began: Duration::ZERO,
            stay: Stay::Unsaid,
            leader: None,
            todo: VecDeque::new(),
            time_is_over: false,
            reaped: false,
            summary,
            reported: false,
        }
    }

    /// Leaves the rest of the tree alone when the leader ends without a request.
    #[must_use]
    pub const fn keeps_rest(mut self) -> Self {
        self.keeps_rest = true;
        self
    }

    /// The stage that it is on.
    #[must_use]
    pub const fn stage(&self) -> Option<Stage> {
        self.stage
    }

    /// When something is due, unless something happens before; `None` while nothing is.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        let stage = self.stage.filter(|_| !self.time_is_over && !self.summary.is_kept)?;
        self.end_of(stage)
    }

    /// Notes what has happened by `now`, which never goes back.
    pub fn tell(&mut self, event: Event, now: Duration) {
        match event {
            Event::Requests(all) => {
                let mut more = all.saturating_sub(self.requests);
                if more > 0 && self.requests == 0 && self.stage == Some(Stage::Ask) {
                    // It has answered, and is on its way out already.
                    more -= 1;
                }
                self.requests = self.requests.max(all);
                let is_over = self.reaped || self.summary.is_kept;
                if !is_over || Fault::SignalAfterReap.is_seeded() {
                    (0..more.min(3)).for_each(|_| self.climb(now));
                }
            }
            Event::Answered => {
                self.summary.answered = true;
                self.has_to_end(now);
            }
            Event::Ready => {
                self.summary.answered = true;
                if self.leader.is_none() && self.stay == Stay::Unsaid {
                    self.stay = Stay::Offered;
                    self.todo.push_back(Action::Look);
                }
            }
            Event::LeaderEnded if self.leader.is_none() => {
                self.leader = Some(Leader::Ended);
                self.summary.ended_on = self.stage.filter(|_| self.requests > 0 || self.stage > Some(Stage::Ask));
                if !Fault::LostResult.is_seeded() {
                    self.todo.push_back(Action::Drain);
                }
                if Fault::ReapBeforeSweep.is_seeded() {
                    self.reaped = true;
                    self.todo.push_back(Action::Reap);
                }
                self.todo.push_back(Action::Look);
            }
            Event::Left(count) if self.leader.is_some() => self.left(count, now),
            Event::Left(count) if self.stay == Stay::Offered => self.keep_or_dismiss(count, now),
            Event::LeaderEnded | Event::Left(_) => {}
        }
    }

    /// The next thing to do, at `now`; `None` when there is nothing to do until something happens or is due.
    pub fn next(&mut self, now: Duration) -> Option<Action> {
        if self.reported {
            return None;
        }
        while self.due().is_some_and(|due| due <= now) {
            match self.stage {
                Some(Stage::Kill) | None => self.time_is_over = true,
                Some(_) => self.climb(now),
            }
        }
        if let Some(action) = self.todo.pop_front() {
            return Some(action);
        }
        if self.summary.is_kept {
            self.reported = true;
            self.leave_stage(now);
            return Some(Action::Report(self.summary));
        }
        let alone = self.leader == Some(Leader::Alone);
        if self.leader.is_some() && (alone || self.time_is_over) && !self.reaped {
            self.reaped = true;
            return Some(Action::Reap);
        }
        let over = if self.leader.is_some() { alone || self.time_is_over } else { self.time_is_over };
        if !over {
            return None;
        }
        self.reported = true;
        self.leave_stage(now);
        self.summary.is_empty = alone;
        Some(Action::Report(self.summary))
    }

    /// A leader that waits for another job is kept if it was no more than asked, and `count`, those it has left behind, is none.
    fn keep_or_dismiss(&mut self, count: usize, now: Duration) {
        self.stay = Stay::Settled;
        if count == 0 && (self.stage <= Some(Stage::Ask) || Fault::KeptThoughSignalled.is_seeded()) {
            self.summary.is_kept = true;
            // Nothing is said any more to one whose next job may have begun, and what was not said was not needed.
            if self.todo.drain(..).any(|action| matches!(action, Action::Ask(_))) {
                self.summary.reached = None;
            }
        } else {
            self.has_to_end(now);
            self.todo.push_back(Action::Dismiss);
        }
    }

    /// It has nothing left to do but to end, and has as long for that as if it had been asked to.
    fn has_to_end(&mut self, now: Duration) {
        if self.stage.is_none() && self.leader.is_none() {
            self.enter(Stage::Ask, now);
        }
    }

    fn left(&mut self, count: usize, now: Duration) {
        let first = self.leader == Some(Leader::Ended);
        if first {
            self.summary.survivors = count;
        }
        if count == 0 || (first && self.keeps_rest && self.requests == 0) {
            self.leader = Some(Leader::Alone);
            return;
        }
        self.leader = Some(Leader::Outlived);
        if self.stage == Some(Stage::Kill) {
            // What is born while others are killed is killed in the next round.
            self.todo.push_back(Action::Kill);
        }
        // Asking is for the leader; the rest is told by a signal.
        if first && self.stage < Some(Stage::Term) {
            self.enter(self.above(Some(Stage::Ask)), now);
        }
    }

    /// Goes one stage up, past those that may take no time; at the top it stays.
    fn climb(&mut self, now: Duration) {
        if self.stage != Some(Stage::Kill) {
            let above = if self.leader.is_some() { self.stage.max(Some(Stage::Ask)) } else { self.stage };
            self.enter(self.above(above), now);
        } else if Fault::SignalAfterReap.is_seeded() {
            self.todo.push_back(Action::Kill);
        }
    }

    fn above(&self, stage: Option<Stage>) -> Stage {
        let mut above = Stage::ALL.into_iter().filter(|next| stage < Some(*next));
        above.find(|next| !self.budget(*next).is_zero()).unwrap_or(Stage::Kill)
    }

    fn enter(&mut self, stage: Stage, now: Duration) {
        self.leave_stage(now);
        let began = *self.began.get_or_insert(now);
        self.stage = Some(stage);
        self.stage_began = now;
        // What was to be done on a lower stage is not done any more; what the leader's end asks for still is.
        self.todo.retain(|action| matches!(action, Action::Drain | Action::Look | Action::Reap | Action::Dismiss));
        let asked = self.requests > 0 || self.leader.is_some();
        match stage {
            Stage::Ask if !asked => {}
            Stage::Ask => self.todo.push_back(Action::Ask(began.saturating_add(self.budgets.ask).saturating_sub(now))),
            Stage::Term => self.todo.push_back(Action::Terminate),
            Stage::Kill => self.todo.push_back(Action::Kill),
        }
        if stage != Stage::Ask || asked {
            self.summary.reached = Some(stage);
        }
    }

    /// How many stages are above the current one; a stage without time counts only if it is the last.
    fn stages_above(&self) -> u32 {
        let above = Stage::ALL.into_iter().filter(|stage| self.stage < Some(*stage));
        above.map(|stage| u32::from(stage == Stage::Kill || !self.budget(stage).is_zero())).sum()
    }

    fn leave_stage(&mut self, now: Duration) {
        if let Some(stage) = self.stage {
            self.summary.spent[stage as usize] += now.saturating_sub(self.stage_began);
        }
    }

    const fn budget(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Ask => self.budgets.ask,
            Stage::Term => self.budgets.term,
            Stage::Kill => self.budgets.kill,
        }
    }

    /// When `stage` ends: all of them follow each other on one clock. `None` when that is never.
    fn end_of(&self, stage: Stage) -> Option<Duration> {
        let stages = Stage::ALL.into_iter().filter(|other| *other <= stage);
        stages.map(|stage| self.budget(stage)).try_fold(self.began?, Duration::checked_add)
    }
}
