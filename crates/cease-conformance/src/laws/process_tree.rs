//! A model of a tree of processes, as the operating system shows it: its end, what its leader says, and what is done to it.

use std::time::Duration;

use cease_core::sync::{self, Arc, Condvar, Mutex, MutexGuard, lock, thread};

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
    pub(super) woken: bool,
}

/// A model of a leader and the rest of its tree, which does not care for anything but SIGKILL.
#[derive(Debug, Clone)]
pub struct Tree {
    state: Arc<Mutex<State>>,
    changed: Arc<Condvar>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) leader_ended: bool,
    end_told: bool,
    pub(super) rest: usize,
    rest_changed: bool,
    pub(super) sent: bool,
    /// Whether it waits for another job once its result is sent.
    offers: bool,
    answer_told: bool,
    signalled: bool,
    pub(super) kept: bool,
    pub(super) reaped: bool,
    pub(super) woken: bool,
    now: Duration,
}

impl Tree {
    pub(super) fn new(rest: usize) -> Self {
        let state = State { rest, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::new(Condvar::new()) }
    }

    /// How it is now.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }

    /// The leader sends its result, if it is there to do so.
    pub(super) fn answer(&self) {
        self.change(|state| state.sent |= !state.leader_ended);
    }

    /// The leader sends its result, if it is there to do so, and waits for another job.
    pub(super) fn offer(&self) {
        self.change(|state| (state.sent, state.offers) = (!state.leader_ended, !state.leader_ended));
    }

    /// The leader ends by itself.
    pub(super) fn end(&self) {
        self.change(|state| state.leader_ended = true);
    }

    /// One of the rest ends by itself, if there is one.
    #[cfg(shuttle)]
    pub(super) fn leave(&self) {
        self.change(|state| {
            state.rest_changed |= state.rest > 0;
            state.rest = state.rest.saturating_sub(1);
        });
    }

    /// One of the rest starts another one, if there is one to do so.
    #[cfg(shuttle)]
    pub(super) fn fork(&self) {
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
