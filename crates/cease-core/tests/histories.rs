//! Random histories of everything that can be done to trees, one thread at a time, held to a naive model.
//!
//! A failure names the seed and the step: the same seed makes the same history.
#![cfg(not(any(loom, shuttle)))]

mod by_hand;
mod random;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use by_hand::ByHand;
use cease_core::{CallbackGuard, Deadline, StopSource, StopToken, Timer};
use random::Random;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn random_histories_agree_with_a_naive_model() {
    for seed in 0..1000 {
        History::new(seed, 1).run(120);
    }
}

/// More nodes than a request goes through in one hold of the lock, in width and in depth.
#[test]
fn random_histories_of_large_trees_agree_with_a_naive_model() {
    for seed in 1000..1020 {
        History::new(seed, 600).run(60);
    }
}

/// What the naive model knows of a node; who is gone stays in it, so that ancestors are found.
#[derive(Debug, Clone, Default)]
struct Known {
    parent: Option<usize>,
    stopped: bool,
    sources: usize,
    deadline: Option<Instant>,
}

#[derive(Default)]
struct Model(Vec<Known>);

impl Model {
    fn ancestors(&self, of: usize) -> impl Iterator<Item = &Known> {
        let first = Some(&self.0[of]);
        std::iter::successors(first, |node| node.parent.map(|parent| &self.0[parent]))
    }

    fn born(&mut self, parent: Option<usize>) -> usize {
        let stopped = parent.is_some_and(|parent| self.0[parent].stopped);
        self.0.push(Known { parent, stopped, sources: 1, deadline: None });
        self.0.len() - 1
    }

    fn request(&mut self, top: usize) {
        self.0[top].stopped = true;
        // Children have higher numbers than their parents.
        for node in top + 1..self.0.len() {
            self.0[node].stopped |= self.0[node].parent.is_some_and(|parent| self.0[parent].stopped);
        }
    }

    fn pass(&mut self, now: Instant) {
        for node in 0..self.0.len() {
            if self.0[node].deadline.is_some_and(|at| at <= now) {
                self.request(node);
            }
        }
    }

    fn stop_possible(&self, node: usize) -> bool {
        self.0[node].stopped || self.ancestors(node).any(|above| above.sources > 0 || above.deadline.is_some())
    }

    fn deadline(&self, node: usize) -> Option<Instant> {
        self.ancestors(node).filter_map(|above| above.deadline).min()
    }
}

/// What is alive of a node.
struct Alive {
    sources: Vec<StopSource>,
    token: Option<StopToken>,
    deadline: Option<Deadline>,
    callbacks: Vec<Callback>,
}

impl Alive {
    fn new(source: StopSource, deadline: Option<Deadline>) -> Self {
        Self { token: Some(source.token()), sources: vec![source], deadline, callbacks: Vec::new() }
    }

    fn some_token(&self) -> Option<StopToken> {
        self.token.clone().or_else(|| self.sources.first().map(StopSource::token))
    }

    fn is_gone(&self) -> bool {
        self.sources.is_empty() && self.token.is_none() && self.deadline.is_none()
    }
}

/// A callback that is registered, and how often it was called.
struct Callback {
    guard: CallbackGuard,
    calls: Arc<AtomicUsize>,
}

fn count() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let function = move || {
        counted.fetch_add(1, Relaxed);
    };
    (calls, function)
}

struct History {
    seed: u64,
    step: usize,
    /// How many children may be born in one step, at most.
    brood: usize,
    random: Random,
    timer: Arc<ByHand>,
    model: Model,
    alive: BTreeMap<usize, Alive>,
}

impl History {
    fn new(seed: u64, brood: usize) -> Self {
        let (random, timer) = (Random(seed), ByHand::new());
        Self { seed, step: 0, brood, random, timer, model: Model::default(), alive: BTreeMap::new() }
    }

    fn run(&mut self, steps: usize) {
        while self.step < steps {
            self.act();
            self.alive.retain(|_, node| !node.is_gone());
            self.check();
            self.step += 1;
        }
    }

    fn act(&mut self) {
        let Some(node) = self.some_node() else { return self.plant() };
        match self.random.below(21) {
            0 => self.plant(),
            1..=4 => self.bear(node),
            5 => {
                if let Some(source) = self.node(node).sources.first().cloned() {
                    self.node(node).sources.push(source);
                    self.model.0[node].sources += 1;
                }
            }
            6 | 7 => {
                if self.node(node).sources.pop().is_some() {
                    self.model.0[node].sources -= 1;
                }
            }
            8 => self.node(node).token = None,
            9 | 10 => self.register(node),
            11 => self.let_go(node),
            12 => self.pin(node),
            13 => self.node(node).sources.iter().for_each(StopSource::spread),
            14 => self.shorten_deadline(node),
            15 => self.move_deadline(node),
            16 => {
                let hours = u32::try_from(self.random.below(3)).unwrap();
                self.timer.pass(HOUR * hours);
                self.model.pass(self.timer.now());
            }
            17 => self.node(node).deadline = None,
            18 | 19 => {
                self.alive.remove(&node);
                self.model.0[node].sources = 0;
            }
            _ => self.request(node),
        }
    }

    fn some_node(&mut self) -> Option<usize> {
        let index = self.random.below(self.alive.len().max(1));
        self.alive.keys().nth(index).copied()
    }

    fn node(&mut self, node: usize) -> &mut Alive {
        self.alive.get_mut(&node).expect("it is alive")
    }

    fn some_time(&mut self) -> Instant {
        self.timer.now() + HOUR * u32::try_from(1 + self.random.below(8)).unwrap()
    }

    fn plant(&mut self) {
        let source = StopSource::with_timer(self.timer.clone());
        self.alive.insert(self.model.born(None), Alive::new(source, None));
    }

    /// One child with a deadline, or as many as may be without, as siblings or each below the one before.
    fn bear(&mut self, mut parent: usize) {
        let source = |alive: &Alive| {
            alive
                .token
                .as_ref()
                .map_or_else(|| alive.sources.first().map(StopSource::child), |token| Some(token.child()))
        };
        if self.random.below(4) == 0 {
            let at = self.some_time();
            let Some(above) = self.alive[&parent].sources.first() else { return };
            let (child, deadline) = above.child_with_deadline(at).unwrap();
            let born = self.model.born(Some(parent));
            self.model.0[born].deadline = Some(at);
            self.alive.insert(born, Alive::new(child, Some(deadline)));
            return;
        }
        let deep = self.random.below(2) == 0;
        for _ in 0..=self.random.below(self.brood) {
            let Some(child) = source(&self.alive[&parent]) else { return };
            let born = self.model.born(Some(parent));
            self.alive.insert(born, Alive::new(child, None));
            if deep {
                parent = born;
            }
        }
    }

    fn register(&mut self, node: usize) {
        let Some(token) = self.alive[&node].some_token() else { return };
        let (calls, function) = count();
        self.node(node).callbacks.push(Callback { guard: token.on_stop(function), calls });
    }

    fn let_go(&mut self, node: usize) {
        let some = self.alive[&node].callbacks.len();
        if some == 0 {
            return;
        }
        let index = self.random.below(some);
        let Callback { guard, calls } = self.node(node).callbacks.swap_remove(index);
        let stopped = self.model.0[node].stopped;
        let said = self.said(node);
        if self.random.below(2) == 0 {
            assert_eq!(guard.unregister(), !stopped, "{said}: removed");
        } else {
            drop(guard);
        }
        assert_eq!(calls.load(Relaxed), usize::from(stopped), "{said}: calls of a callback that was let go");
    }

    /// A callback on the stack, with something else happening meanwhile.
    fn pin(&mut self, node: usize) {
        let Some(token) = self.alive[&node].some_token() else { return };
        let (calls, function) = count();
        {
            let mut callback = pin!(token.callback(function));
            callback.as_mut().register();
            if let Some(other) = self.some_node() {
                self.request(other);
            }
            let said = self.said(node);
            assert_eq!(calls.load(Relaxed), usize::from(self.model.0[node].stopped), "{said}: calls on the stack");
        }
        let said = self.said(node);
        assert_eq!(calls.load(Relaxed), usize::from(self.model.0[node].stopped), "{said}: called by being dropped");
    }

    fn shorten_deadline(&mut self, node: usize) {
        let at = self.some_time();
        let Some(source) = self.alive[&node].sources.first() else { return };
        let known = &self.model.0[node];
        let nearer = !known.stopped && known.deadline.is_none_or(|before| at < before);
        assert_eq!(source.shorten_deadline(at).unwrap(), nearer, "{}: tightened", self.said(node));
        if nearer {
            self.model.0[node].deadline = Some(at);
        }
    }

    fn move_deadline(&mut self, node: usize) {
        let at = Some(self.some_time()).filter(|_| self.random.below(3) > 0);
        let Some(deadline) = &self.alive[&node].deadline else { return };
        let moved = at.map_or_else(|| deadline.clear(), |at| deadline.reset(at).unwrap());
        // When nobody can ask any more, there is nothing to move.
        let moves = !self.model.0[node].stopped && self.model.stop_possible(node);
        assert_eq!(moved, moves, "{}: moved", self.said(node));
        if moves {
            self.model.0[node].deadline = at;
        }
    }

    fn request(&mut self, node: usize) {
        let Some(source) = self.alive[&node].sources.first() else { return };
        assert_eq!(source.request(), !self.model.0[node].stopped, "{}: who is first", self.said(node));
        self.model.request(node);
    }

    fn said(&self, node: usize) -> String {
        format!("seed {}, step {}, node {node}", self.seed, self.step)
    }

    fn check(&self) {
        for (node, alive) in &self.alive {
            let (node, known) = (*node, &self.model.0[*node]);
            if let Some(source) = alive.sources.first() {
                assert_eq!(source.is_stop_requested(), known.stopped, "{}: stopped", self.said(node));
            }
            if let Some(token) = &alive.token {
                assert_eq!(token.is_stop_requested(), known.stopped, "{}: stopped", self.said(node));
                assert_eq!(token.stop_possible(), self.model.stop_possible(node), "{}: can stop", self.said(node));
                if !known.stopped {
                    assert_eq!(token.deadline(), self.model.deadline(node), "{}: deadline", self.said(node));
                }
            }
            for callback in &alive.callbacks {
                let calls = callback.calls.load(Relaxed);
                assert_eq!(calls, usize::from(known.stopped), "{}: calls of a callback", self.said(node));
            }
        }
    }
}
