//! The rule that the modules of a crate import one another in one direction.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::repo::Repo;
use crate::rust::modules::{self, Modules};

/// Two files that may import each other, and why.
const ONE_THOUGHT: &[(&str, &str, &str)] = &[
    (
        "crates/cease-core/src/boundary.rs",
        "crates/cease-core/src/current.rs",
        "a thread's own stop names the boundary that it leaves for, and a boundary makes itself the thread's own",
    ),
    (
        "crates/cease-os/src/threads/id.rs",
        "crates/cease-os/src/threads/proc.rs",
        "a thread id is what `/proc` calls a thread, and reading `/proc` needs the id",
    ),
];

/// Which file uses which other file, and the first line that does so.
type Edges = BTreeMap<String, BTreeMap<String, usize>>;

/// No files of a crate import one another in a circle, but for the pairs that are one thought.
///
/// It reads `use` declarations and paths in code, follows re-exports and globs to the file that defines the name, and
/// leaves out what is compiled for tests only.
/// A re-export alone is no import: a `mod.rs` that only passes its children on is in no circle.
/// Methods are called without a path, so a call of one shows nothing.
#[must_use]
pub fn acyclic(repo: &Repo) -> Vec<String> {
    let mut edges = Edges::new();
    for root in modules::roots(repo) {
        for (from, to, line) in Modules::load(repo, &root).imports() {
            let first = edges.entry(from).or_default().entry(to).or_insert(line);
            *first = line.min(*first);
        }
    }
    let mut wrong = Vec::new();
    for (one, other, _) in ONE_THOUGHT {
        let uses = |from: &str, to: &str| edges.get(from).is_some_and(|targets| targets.contains_key(to));
        if !uses(one, other) || !uses(other, one) {
            wrong.push(format!("{one}: is allowed a circle with {other}, but is in none"));
        }
    }
    let mut told = BTreeSet::new();
    for start in edges.keys() {
        let Some(circle) = shortest(&edges, start) else { continue };
        // Each circle is told once, from the first of its files.
        if told.insert(circle.iter().cloned().collect::<BTreeSet<_>>()) {
            let steps = circle.iter().enumerate().map(|(at, file)| {
                let line = edges[file][&circle[(at + 1) % circle.len()]];
                format!("{file}:{line} -> ")
            });
            wrong.push(format!("{}{start}: a circle of modules", steps.collect::<String>()));
        }
    }
    wrong
}

/// The shortest circle through `start` that is longer than an allowed pair.
fn shortest(edges: &Edges, start: &str) -> Option<Vec<String>> {
    let allowed = |from: &str, to: &str| {
        ONE_THOUGHT.iter().any(|&(one, other, _)| (from, to) == (one, other) || (from, to) == (other, one))
    };
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for to in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
            if to == start && !(allowed(file, to) && before.get(file) == Some(&start)) {
                let mut circle = vec![file.to_string()];
                let mut at = file;
                while at != start {
                    at = before[at];
                    circle.insert(0, at.to_string());
                }
                return Some(circle);
            }
            if to != start && !before.contains_key(to.as_str()) {
                before.insert(to, file);
                open.push_back(to);
            }
        }
    }
    None
}
