//! Rules about what may be written in a Rust file, and in text at all.

use crate::repo::{File, Repo};
use crate::rust::{Code, Token, UsedPath};

/// What only the facade may take from the standard library where models run.
const FACADE: [&str; 3] = ["sync", "thread", "hint::spin_loop"];

/// Which file may use which path all the same, and why.
const BESIDE_THE_FACADE: &[(&str, &str, &str)] = &[
    (
        "crates/cease-abandon/src/marks.rs",
        "std::sync::OnceLock",
        "left out of models, which have no system to ask who a thread is",
    ),
    (
        "crates/cease-abandon/src/process_account.rs",
        "std::sync::OnceLock",
        "as above: the account of the process is in no model",
    ),
    ("crates/cease-abandon/src/thread.rs", "std::sync::atomic", "as above: a model has no timer"),
    ("crates/cease-core/src/sync/", "std::", "it is the facade"),
    (
        "crates/cease-core/src/fault.rs",
        "std::sync::OnceLock",
        "the environment is read once a process, not once a model",
    ),
    (
        "crates/cease-core/src/observed.rs",
        "std::sync",
        "a moment is noted beside the job, and orders nothing in a model",
    ),
    (
        "crates/cease-core/src/stop/data/process_timer.rs",
        "std::sync",
        "left out of models, which have no clock and bring a timer of their own",
    ),
    ("crates/cease-core/src/stop/data/process_timer.rs", "std::thread", "as above"),
    ("crates/cease-core/src/stop/data/callback_threads.rs", "std::sync", "as above"),
    ("crates/cease-core/src/stop/data/callback_threads.rs", "std::thread", "as above"),
    ("crates/cease-core/src/boundary.rs", "std::thread::Result", "a mere alias"),
    (
        "crates/cease-core/src/boundary.rs",
        "std::sync",
        "a payload may be dropped outside of its model, and orders nothing",
    ),
    ("crates/cease-core/src/thread.rs", "std::thread::Result", "a mere alias, which loom's own join returns too"),
    (
        "crates/cease-process/src/cgroup/",
        "std::",
        "in no model: it speaks with the operating system; what is modelled of the crate is the ladder",
    ),
    ("crates/cease-process/src/containment/", "std::", "as above"),
    ("crates/cease-process/src/exit_pipe.rs", "std::", "as above"),
    ("crates/cease-process/src/timeout.rs", "std::", "as above"),
    ("crates/cease-process/src/pidfd.rs", "std::", "as above"),
    ("crates/cease-process/src/pool/", "std::", "as above"),
    ("crates/cease-process/src/tree.rs", "std::", "as above"),
    ("crates/cease-process/src/options.rs", "std::", "as above"),
    ("crates/cease-process/src/process.rs", "std::", "as above"),
    ("crates/cease-process/src/procfs.rs", "std::", "as above"),
    ("crates/cease-process/src/supervisor/", "std::", "as above"),
    ("crates/cease-process/src/worker/", "std::", "as above"),
    (
        "crates/cease-token/src/to_tokio.rs",
        "std::sync::LazyLock",
        "left out of models: a list for the whole process, of tokens that only tokio knows",
    ),
];

/// Whose atomics need no reason, and why.
const UNREASONED: [(&str, &str); 1] =
    [("crates/cease-conformance/src/laws/", "there an atomic is the probe of a law, chosen so that it orders nothing")];

/// Where models run, threads, locks and atomics come from the facade, so that the models see them.
#[must_use]
pub fn facade(repo: &Repo) -> Vec<String> {
    let strategies: Vec<_> = repo.strategies().map(|dir| format!("{dir}/src/")).collect();
    let modelled = |file: &&File| {
        let strategy = strategies.iter().any(|src| file.path.starts_with(src)) && file.name() != "main.rs";
        let common = ["crates/cease-core/src/", "crates/cease-conformance/src/laws/"];
        strategy || common.iter().any(|src| file.path.starts_with(src))
    };
    let from_std = |used: &UsedPath| {
        let path = used.path.strip_prefix("std::").or_else(|| used.path.strip_prefix("core::"));
        !used.test && path.is_some_and(|path| FACADE.iter().any(|part| is_or_is_in(path, part)))
    };
    let mut used: Vec<(&str, UsedPath)> = Vec::new();
    for file in repo.rust().filter(modelled) {
        used.extend(file.code().paths().into_iter().filter(from_std).map(|path| (&*file.path, path)));
    }
    let allows = |file: &str, path: &str| {
        BESIDE_THE_FACADE.iter().any(|(place, start, _)| file.starts_with(place) && path.starts_with(start))
    };
    let wrong = used.iter().filter(|(file, used)| !allows(file, &used.path));
    let wrong = wrong.map(|(file, used)| format!("{file}:{}: `{}` is not taken from the facade", used.line, used.path));
    let is_used = |place: &str, start: &str| {
        used.iter().any(|(file, used)| file.starts_with(place) && used.path.starts_with(start))
    };
    let stale = BESIDE_THE_FACADE.iter().filter(|(place, start, _)| !is_used(place, start));
    wrong.chain(stale.map(|(place, start, _)| format!("{place}: is allowed to use `{start}`, but does not"))).collect()
}

/// Every atomic access says which ordering it has, and why.
#[must_use]
pub fn orderings(repo: &Repo) -> Vec<String> {
    let reasoned = |file: &&File| !UNREASONED.iter().any(|(place, _)| file.path.starts_with(place));
    let unexplained = |code: &Code| {
        let tokens = code.ordering_arguments().filter(|token| !token.test);
        tokens.filter(|token| !code.is_explained(token.line, "// ORDERING:")).cloned().collect::<Vec<Token>>()
    };
    let files = repo.rust().filter(|file| in_src(file)).filter(reasoned);
    let found = files.flat_map(|file| unexplained(&file.code()).into_iter().map(move |token| (file, token)));
    found
        .map(|(file, token)| format!("{}:{}: `{}` has no ORDERING comment", file.path, token.line, token.text))
        .collect()
}

/// An ignored test has its reason in the page of limits.
#[must_use]
pub fn ignored(repo: &Repo) -> Vec<String> {
    let limits = repo.file("docs/LIMITS.md").map_or("", |page| &page.text);
    let names = |code: &Code| {
        let attributes = code.tokens().windows(3).enumerate();
        let ignored = attributes.filter(|(_, at)| at[0].text == "#" && at[1].text == "[" && at[2].text == "ignore");
        let name = |(at, _)| {
            let rest: &[Token] = &code.tokens()[at..];
            let at = rest.iter().position(|token| token.text == "fn")?;
            Some((rest[at + 1].text.clone(), rest[at].line))
        };
        ignored.filter_map(name).collect::<Vec<_>>()
    };
    let found = repo.rust().flat_map(|file| names(&file.code()).into_iter().map(move |name| (file, name)));
    let unlisted = found.filter(|(_, (name, _))| !limits.contains(&format!("`{name}`")));
    unlisted
        .map(|(file, (name, line))| format!("{}:{line}: `{name}` is ignored, but not in docs/LIMITS.md", file.path))
        .collect()
}

/// No test sleeps to let things happen.
#[must_use]
pub fn sleeps(repo: &Repo) -> Vec<String> {
    let sleeps = |used: &UsedPath| ["thread::sleep", "time::sleep"].iter().any(|sleep| used.path.ends_with(sleep));
    let in_test = |file: &File| file.path.starts_with("tests/") || file.path.contains("/tests/");
    let found = repo.rust().flat_map(|file| file.code().paths().into_iter().map(move |used| (file, used)));
    let wrong = found.filter(|(file, used)| sleeps(used) && (used.test || in_test(file)));
    wrong
        .map(|(file, used)| format!("{}:{}: a test waits for an event, it does not sleep", file.path, used.line))
        .collect()
}

/// Nothing is left to be written later.
#[must_use]
pub fn unfinished(repo: &Repo) -> Vec<String> {
    let marks = [concat!("FIX", "ME"), concat!("X", "XX")];
    let in_text = repo.files().iter().filter(|file| ["rs", "md", "toml"].iter().any(|end| file.name().ends_with(end)));
    let in_text = in_text.flat_map(|file| lines_with(file, &marks));
    let macros = |code: &Code| ["todo", "unimplemented"].map(|name| code.find(&[name, "!"])).concat();
    let in_code = repo.rust().flat_map(|file| macros(&file.code()).into_iter().map(move |line| (file, line)));
    in_text.chain(in_code).map(|(file, line)| format!("{}:{line}: is left to be written later", file.path)).collect()
}

/// No file names a path of somebody's machine.
#[must_use]
pub fn machine_paths(repo: &Repo) -> Vec<String> {
    let homes = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/t", "mp/")];
    let found = repo.files().iter().flat_map(|file| lines_with(file, &homes));
    found.map(|(file, line)| format!("{}:{line}: names a path of some machine", file.path)).collect()
}

/// The numbers of the lines of `file` that have one of `words` in them.
fn lines_with<'a>(file: &'a File, words: &[&str]) -> Vec<(&'a File, usize)> {
    let has = |line: &str| words.iter().any(|word| line.contains(word));
    file.text.lines().zip(1..).filter(|(line, _)| has(line)).map(|(_, number)| (file, number)).collect()
}

fn in_src(file: &File) -> bool {
    file.path.contains("/src/")
}

fn is_or_is_in(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
