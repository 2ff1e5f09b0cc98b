//! Random histories of making, dropping, asking, registering and taking away, held to a naive model.
#![cfg(not(any(loom, shuttle)))]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use cease_core::{OnStop, StopSource, StopToken};

/// A small generator of numbers, the same ones for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}

/// What the naive model knows of a node; who is gone stays in it, so that ancestors are found.
#[derive(Debug, Clone, Default)]
struct Known {
    parent: Option<usize>,
    stopped: bool,
    sources: usize,
}

#[derive(Default)]
struct Model(Vec<Known>);

impl Model {
    fn ancestors(&self, of: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(of), |node| self.0[*node].parent)
    }

    fn born(&mut self, parent: Option<usize>) -> usize {
        let stopped = parent.is_some_and(|parent| self.0[parent].stopped);
        self.0.push(Known { parent, stopped, sources: 1 });
        self.0.len() - 1
    }

    fn request(&mut self, top: usize) {
        let below: Vec<_> = (0..self.0.len()).filter(|node| self.ancestors(*node).any(|above| above == top)).collect();
        below.into_iter().for_each(|node| self.0[node].stopped = true);
    }

    fn can_stop(&self, node: usize) -> bool {
        self.0[node].stopped || self.ancestors(node).any(|above| self.0[above].sources > 0)
    }
}

/// What is alive of a node.
struct Alive {
    sources: Vec<StopSource>,
    token: Option<StopToken>,
    callbacks: Vec<Callback>,
}

impl Alive {
    fn new(source: StopSource) -> Self {
        let token = Some(source.token());
        Self { sources: vec![source], token, callbacks: Vec::new() }
    }

    fn register(&mut self) {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let token = self.token.clone().or_else(|| self.sources.first().map(StopSource::token));
        let guard = token.expect("one of the two is alive").on_stop(move || {
            count.fetch_add(1, Relaxed);
        });
        self.callbacks.push(Callback { guard, calls });
    }
}

/// A callback that is registered, and how often it was called.
struct Callback {
    guard: OnStop,
    calls: Arc<AtomicUsize>,
}

fn history(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let mut model = Model::default();
    let mut alive: BTreeMap<usize, Alive> = BTreeMap::new();
    for step in 0..steps {
        let keys: Vec<_> = alive.keys().copied().collect();
        let some = keys.get(random.below(keys.len().max(1))).copied();
        match (random.below(13), some) {
            (0, _) | (_, None) => {
                alive.insert(model.born(None), Alive::new(StopSource::new()));
            }
            (1..=4, Some(parent)) => {
                let above = &alive[&parent];
                let child = above.token.as_ref().map_or_else(|| above.sources[0].child(), StopToken::child);
                alive.insert(model.born(Some(parent)), Alive::new(child));
            }
            (5, Some(node)) => {
                let node_alive = alive.get_mut(&node).unwrap();
                if let Some(source) = node_alive.sources.first().cloned() {
                    node_alive.sources.push(source);
                    model.0[node].sources += 1;
                }
            }
            (6 | 7, Some(node)) => {
                let gone = alive.get_mut(&node).unwrap();
                if gone.sources.pop().is_some() {
                    model.0[node].sources -= 1;
                }
            }
            (8, Some(node)) => alive.get_mut(&node).unwrap().token = None,
            (9 | 10, Some(node)) => alive.get_mut(&node).unwrap().register(),
            (11, Some(node)) => {
                let callbacks = &mut alive.get_mut(&node).unwrap().callbacks;
                if !callbacks.is_empty() {
                    let gone = callbacks.swap_remove(random.below(callbacks.len()));
                    let called = gone.calls.load(Relaxed);
                    assert_eq!(called, usize::from(model.0[node].stopped), "seed {seed}, step {step}: calls");
                    drop(gone.guard);
                    assert_eq!(gone.calls.load(Relaxed), called, "seed {seed}, step {step}: called by being dropped");
                }
            }
            (_, Some(node)) => {
                if let Some(source) = alive[&node].sources.first() {
                    assert_eq!(source.request(), !model.0[node].stopped, "seed {seed}, step {step}: who is first");
                    model.request(node);
                }
            }
        }
        alive.retain(|_, node| !node.sources.is_empty() || node.token.is_some());
        for (node, alive) in &alive {
            let said = format!("seed {seed}, step {step}, node {node}");
            if let Some(source) = alive.sources.first() {
                assert_eq!(source.is_stopped(), model.0[*node].stopped, "{said}: stopped");
            }
            if let Some(token) = &alive.token {
                assert_eq!(token.is_stopped(), model.0[*node].stopped, "{said}: stopped");
                assert_eq!(token.can_stop(), model.can_stop(*node), "{said}: can stop");
            }
            for callback in &alive.callbacks {
                let calls = callback.calls.load(Relaxed);
                assert_eq!(calls, usize::from(model.0[*node].stopped), "{said}: calls of a callback");
            }
        }
    }
}

#[test]
fn random_histories_agree_with_a_naive_model() {
    for seed in 0..400 {
        history(seed, 120);
    }
}
