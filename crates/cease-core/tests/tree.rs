//! Trees of sources on real threads: random histories against a naive model, and stress.
#![cfg(not(any(loom, shuttle)))]

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{NeverStops, Reason, StopSource, StopToken};

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
}

fn history(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let mut model = Model::default();
    let mut alive: BTreeMap<usize, Alive> = BTreeMap::new();
    for step in 0..steps {
        let keys: Vec<_> = alive.keys().copied().collect();
        let some = keys.get(random.below(keys.len().max(1))).copied();
        match (random.below(10), some) {
            (0, _) | (_, None) => {
                let source = StopSource::new();
                let token = Some(source.token());
                alive.insert(model.born(None), Alive { sources: vec![source], token });
            }
            (1..=4, Some(parent)) => {
                let above = &alive[&parent];
                let child = above.token.as_ref().map_or_else(|| above.sources[0].child(), StopToken::child);
                let token = Some(child.token());
                alive.insert(model.born(Some(parent)), Alive { sources: vec![child], token });
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
        }
    }
}

#[test]
fn random_histories_agree_with_a_naive_model() {
    for seed in 0..400 {
        history(seed, 120);
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_is_no_recursion() {
    let top = StopSource::new();
    let mut chain = vec![top.clone()];
    for _ in 0..100_000 {
        let next = chain[chain.len() - 1].child();
        chain.push(next);
    }
    let last = chain[chain.len() - 1].token();
    // The middle goes away first, and then from the inside out.
    let middle: Vec<_> = chain.drain(1..50_000).collect();
    drop(middle);
    assert!(top.request());
    assert!(last.is_stopped() && chain.iter().all(StopSource::is_stopped));
    drop(chain);
}

/// Each of them would have to pass all its elder siblings, were the parent looked for each time.
#[test]
fn a_hundred_thousand_siblings_may_go_in_any_order() {
    let top = StopSource::new();
    for order in [1, 99_991] {
        let mut children: Vec<_> = (0..100_000).map(|_| Some(top.child())).collect();
        for turn in 0..children.len() {
            let index = turn * order % children.len();
            children[index] = None;
        }
        assert!(children.iter().all(Option::is_none));
    }
}

#[test]
fn a_generation_chain_frees_those_in_the_middle() {
    let top = StopSource::new();
    let mut last = top.child();
    for _ in 0..10_000 {
        last = last.child();
    }
    top.request_because("end of the line");
    assert_eq!(last.token().origin(), Some(&Reason::from("end of the line")));
}

#[test]
fn a_child_says_whose_request_it_was() {
    let top = StopSource::new();
    let token = top.child().token();
    top.request_because("why");
    let stopped = token.wait().unwrap();
    assert_eq!((stopped.reason(), stopped.origin()), (&Reason::ParentStopped, &Reason::from("why")));
    assert!(stopped.to_string().starts_with("stopped (parent stopped: requested: why; asked at "));
    assert_eq!(stopped.asked_at().file(), file!());
}

#[test]
fn a_child_that_was_stopped_before_keeps_its_own_reason() {
    let top = StopSource::new();
    let child = top.child();
    child.request_because("mine");
    top.request_because("theirs");
    assert_eq!(child.token().reason(), Some(&Reason::from("mine")));
}

#[test]
fn the_last_source_anywhere_above_tells_those_who_wait() {
    let top = StopSource::new();
    let (middle, kept) = (top.child(), top.child());
    let (deep, own) = (middle.child().token(), kept.child());
    drop((top, kept));
    assert!(deep.can_stop() && own.token().can_stop());
    let waiter = thread::spawn(move || deep.wait().unwrap_err());
    drop(middle);
    assert_eq!(waiter.join().unwrap(), NeverStops);
    let (token, waits) = (own.token(), own.token());
    assert!(token.can_stop());
    drop(own);
    assert!(!waits.can_stop());
}

#[test]
fn callbacks_further_down_are_called_first() {
    let top = StopSource::new();
    let child = top.child();
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let guards = [(&top, "top, older"), (&child, "child, older"), (&child, "child, newer"), (&top, "top, newer")].map(
        |(source, name)| {
            let order = Arc::clone(&order);
            source.token().on_stop(move || order.lock().unwrap().push(name))
        },
    );
    top.request();
    assert_eq!(*order.lock().unwrap(), ["child, newer", "child, older", "top, newer", "top, older"]);
    drop(guards);
}

/// Threads make and drop children of one tree while its top is stopped: whoever is alive afterwards reads stopped.
#[test]
fn many_threads_grow_a_tree_that_is_stopped() {
    let deadline = Instant::now() + Duration::from_secs(60);
    for round in 0..40 {
        let top = StopSource::new();
        let together = Arc::new(Barrier::new(5));
        let growing: Vec<_> = (0..4)
            .map(|number| {
                let (root, together) = (top.token(), Arc::clone(&together));
                thread::spawn(move || {
                    let mut random = Random(round * 4 + number);
                    let mut kept = vec![root.child()];
                    together.wait();
                    while !root.is_stopped() || kept.len() < 8 {
                        assert!(Instant::now() < deadline);
                        let parent = random.below(kept.len());
                        let child = kept[parent].child();
                        if random.below(3) == 0 {
                            kept.swap_remove(parent);
                        }
                        kept.push(child);
                        kept.truncate(64);
                    }
                    // Who sees the top stopped may be ahead of the request, which is still on its way down.
                    together.wait();
                    assert!(kept.iter().all(StopSource::is_stopped), "a descendant of a stopped top runs on");
                })
            })
            .collect();
        together.wait();
        for _ in 0..round * 10 {
            std::hint::spin_loop();
        }
        assert!(top.request());
        together.wait();
        growing.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
