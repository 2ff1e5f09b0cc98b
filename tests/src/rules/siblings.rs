//! Rules that keep the strategies' crates alike, so that two of them can be read side by side.

use std::collections::BTreeSet;

use crate::markdown::Page;
use crate::repo::{File, Repo};

/// What every strategy's crate has.
const FILES: [&str; 6] = ["Cargo.toml", "README.md", "src/lib.rs", "src/main.rs", "tests/cli.rs", "tests/laws.rs"];

/// What one strategy's crate has beside the others', and why; one that ends in `/` is a directory.
const EXTRAS: &[(&str, &str, &str)] = &[
    ("crates/cease-flag", "tests/scoped.rs", "only a thread can borrow from the stack"),
    ("crates/cease-channel", "src/stop_receiver.rs", "only here is the stop an end of a channel"),
    ("crates/cease-channel", "src/items.rs", "only here are there items to lose"),
    ("crates/cease-channel", "src/consume.rs", "only here are there items to lose"),
    ("crates/cease-channel", "src/refused.rs", "only here are there items to lose"),
    ("crates/cease-channel", "tests/items.rs", "only here are there items to lose"),
    ("crates/cease-channel", "src/library.rs", "models cannot look into crossbeam, and get a stand-in"),
    ("crates/cease-channel", "src/stand_in.rs", "models cannot look into crossbeam, and get a stand-in"),
    ("crates/cease-process", "build.rs", "only here is there a program whose start has to be quick"),
    ("crates/cease-process", "src/bin/", "a command with a time limit is a program, not a job"),
    ("crates/cease-process", "benches/", "a command with a time limit is a program, not a job"),
    ("crates/cease-process", "tests/timeout/", "a command with a time limit is a program, not a job"),
    ("crates/cease-process", "src/cgroup/", "only here is there a tree of processes to hold"),
    ("crates/cease-process", "src/containment/", "only here is there a tree of processes to hold"),
    ("crates/cease-process", "src/ladder/", "only here is there something firmer than asking"),
    ("crates/cease-process", "src/supervisor/", "only here is a worker somewhere else"),
    ("crates/cease-process", "src/watch_escalated.rs", "only here can a watcher end a job"),
    ("crates/cease-process", "src/worker/", "only here is a worker somewhere else"),
    ("crates/cease-process", "src/frame.rs", "only here do jobs travel"),
    ("crates/cease-process", "src/message.rs", "only here do jobs travel"),
    ("crates/cease-process", "src/travels.rs", "only here do jobs travel"),
    ("crates/cease-process", "src/member.rs", "only here are there processes"),
    ("crates/cease-process", "src/descriptor.rs", "only here does a job need descriptors that stay open"),
    ("crates/cease-process", "src/exit_pipe.rs", "only here are there processes"),
    ("crates/cease-process", "src/timeout.rs", "only here is the operating system waited for"),
    ("crates/cease-process", "src/pidfd.rs", "only here are there processes"),
    ("crates/cease-process", "src/ended.rs", "only here are there processes"),
    ("crates/cease-process", "src/options.rs", "only here has a worker an environment, a directory and budgets"),
    ("crates/cease-process", "tests/init.rs", "only here does a program have to say that it is a worker"),
    ("crates/cease-process", "src/process.rs", "only here has a worker an environment, a directory and budgets"),
    ("crates/cease-process", "src/pool/", "only here does a worker cost so much that it is used again"),
    ("crates/cease-process", "src/procfs.rs", "only here are there processes"),
    ("crates/cease-process", "src/report.rs", "only here are there so many ways to end"),
    ("crates/cease-process", "src/tree.rs", "only here is there a tree of processes to hold"),
    ("crates/cease-process", "src/vfork.rs", "only here are there processes"),
    ("crates/cease-process", "tests/act/", "a job that travels, for all of its tests"),
    ("crates/cease-process", "tests/escapes.rs", "only here can something get away"),
    ("crates/cease-process", "tests/exits.rs", "only here are there so many ways to end"),
    ("crates/cease-process", "tests/kept.rs", "only here does a worker do one job after the other"),
    ("crates/cease-process", "tests/ladder.rs", "only here is there something firmer than asking"),
    ("crates/cease-process", "tests/hostile.rs", "only here does it matter in which state the program was started"),
    ("crates/cease-process", "tests/many.rs", "the suite's own job cannot travel, so L18 is counted with one that can"),
    ("crates/cease-process", "tests/pool.rs", "only here does a worker cost so much that it is used again"),
    ("crates/cease-process", "tests/reuse.rs", "only here can a number become a stranger's"),
    ("crates/cease-process", "tests/stranger/", "only here can a number become a stranger's"),
    ("crates/cease-process", "tests/steps.rs", "only here can the one who supervises be killed between two steps"),
    ("crates/cease-process", "tests/standard_streams.rs", "only here does a job need descriptors that stay open"),
    ("crates/cease-process", "tests/travelling.rs", "the suite's job is a closure, and does not travel"),
    ("crates/cease-process", "tests/tree.rs", "only here is there a tree of processes to hold"),
    ("crates/cease-process", "tests/unkillable.rs", "only here can a worker be what nothing ends"),
    ("crates/cease-unwind", "tests/unwind.rs", "only here does a stop pass frames, guards and threads"),
    ("crates/cease-unwind", "examples/abort.rs", "only here is a program refused for how it was built"),
    ("crates/cease-trace", "src/blocks.rs", "only here are the loops of others changed"),
    ("crates/cease-trace", "tests/inside.rs", "only here is a checkpoint wanted in each loop of others"),
    ("crates/cease-trace", "tests/same/", "only here are the loops of others changed"),
    ("crates/cease-trace", "tests/traced.rs", "only here is code stopped that knows nothing of it"),
    ("crates/cease-token", "src/task.rs", "only here do jobs await"),
    ("crates/cease-token", "src/task_stop.rs", "only here do jobs await"),
    ("crates/cease-token", "src/abort.rs", "only here can a job be dropped in the middle"),
    ("crates/cease-token", "src/blocking.rs", "only here does a runtime of another library run the jobs"),
    ("crates/cease-token", "src/blocking_model.rs", "only here does a runtime of another library run the jobs"),
    ("crates/cease-token", "src/task_state.rs", "only here does a runtime of another library run the jobs"),
    ("crates/cease-token", "src/task_registry.rs", "only here does a runtime of another library run the jobs"),
    ("crates/cease-token", "src/token_stop.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "src/cancel_on_stop.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "src/from_tokio.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "src/to_tokio.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "src/propagation.rs", "only here is the stop a token of another library"),
    (
        "crates/cease-token",
        "src/token.rs",
        "only here do other modules add to the strategy, which the root cannot hold then",
    ),
    ("crates/cease-token", "src/propagation.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "src/timer.rs", "a runtime has a clock of its own"),
    ("crates/cease-token", "src/stream.rs", "only async code has streams"),
    ("crates/cease-token", "tests/bridge.rs", "only here is the stop a token of another library"),
    ("crates/cease-token", "tests/timer.rs", "a runtime has a clock of its own"),
    ("crates/cease-token", "tests/stream.rs", "only async code has streams"),
    ("crates/cease-token", "tests/tasks.rs", "only here do jobs await"),
    ("crates/cease-token", "tests/async_code.rs", "only here do jobs await"),
    ("crates/cease-token", "tests/driven/mod.rs", "only here do jobs await"),
    ("crates/cease-token", "tests/abort.rs", "only here can a job be dropped in the middle"),
    ("crates/cease-token", "tests/shutdown.rs", "only here does a runtime of another library run the jobs"),
    ("crates/cease-token", "tests/on_runtime/mod.rs", "the suite needs a runtime for each run of a law"),
    ("crates/cease-abandon", "src/account.rs", "only here is anything left behind"),
    ("crates/cease-abandon", "src/checkpoint.rs", "only here does it matter when a checkpoint was last passed"),
    ("crates/cease-abandon", "src/left.rs", "only here is anything left behind"),
    ("crates/cease-abandon", "src/marks.rs", "only here does it matter when a checkpoint was last passed"),
    ("crates/cease-abandon", "src/marks_model.rs", "models have no clock, and get a stand-in"),
    ("crates/cease-abandon", "src/thread.rs", "only here does a thread outlive its worker"),
    ("crates/cease-abandon", "tests/account.rs", "only here is anything left behind"),
    ("crates/cease-abandon", "tests/danger.rs", "only here is anything left behind"),
    ("crates/cease-abandon", "tests/letting_go.rs", "only here is anything left behind"),
    ("crates/cease-abandon", "tests/release.rs", "only here is anything left behind"),
];

/// The headings of a strategy's README, in order.
const HEADINGS: [&str; 7] = [
    "How it works",
    "Guarantees",
    "What it cannot stop",
    "Memory ordering",
    "When to use, when not",
    "Example",
    "Compared with the others",
];

/// The headings that the page of every strategy has, in order; others stand between them.
const PAGE_HEADINGS: [&str; 3] = ["Beside Python's", "Where to look", "What it says about itself"];

/// Every strategy's crate has the same files, beside extras that are listed with a reason.
#[must_use]
pub fn same_files(repo: &Repo) -> Vec<String> {
    let files = |dir: &str| -> BTreeSet<String> {
        let is = |extra: &str, path: &str| extra == path || extra.ends_with('/') && path.starts_with(extra);
        let extra = |path: &str| EXTRAS.iter().any(|&(place, extra, _)| place == dir && is(extra, path));
        let paths = repo.files().iter().filter_map(|file| file.path.strip_prefix(&format!("{dir}/")));
        paths.filter(|path| !extra(path)).map(String::from).collect()
    };
    let crates: Vec<_> = repo.strategies().map(|dir| (dir, files(dir))).collect();
    let mut all: BTreeSet<&str> = FILES.into();
    all.extend(crates.iter().flat_map(|(_, files)| files.iter().map(String::as_str)));
    let missing = crates.iter().flat_map(|(dir, files)| {
        all.iter()
            .filter(|file| !files.contains(**file))
            .map(move |file| format!("{dir}: has no {file}, unlike others"))
    });
    let stale = EXTRAS.iter().filter(|(dir, extra, _)| {
        let extra = format!("{dir}/{extra}");
        !repo.files().iter().any(|file| file.path == extra || extra.ends_with('/') && file.path.starts_with(&extra))
    });
    missing.chain(stale.map(|(dir, file, _)| format!("{dir}: {file} is listed as its own, but is not there"))).collect()
}

/// Every strategy's README has the same headings in the same order.
#[must_use]
pub fn same_headings(repo: &Repo) -> Vec<String> {
    let readme = |dir: &str| repo.file(&format!("{dir}/README.md"));
    let headings = |file: &File| Page::parse(&file.text).headings;
    let wrong = repo.strategies().filter_map(readme).filter(|file| headings(file) != HEADINGS);
    wrong.map(|file| format!("{}: its headings are not {}", file.path, HEADINGS.join(" · "))).collect()
}

/// Every strategy has a page in the book, with the same headings in the same order among its own.
#[must_use]
pub fn same_page_headings(repo: &Repo) -> Vec<String> {
    let page = |dir: &str| {
        let name = dir.rsplit('-').next().unwrap_or_default().to_uppercase();
        format!("docs/{name}.md")
    };
    let common = |file: &File| -> Vec<String> {
        let headings = Page::parse(&file.text).headings.into_iter();
        headings.filter(|heading| PAGE_HEADINGS.contains(&heading.as_str())).collect()
    };
    let pages = repo.strategies().map(page);
    let wrong = pages.filter(|page| repo.file(page).is_none_or(|file| common(file) != PAGE_HEADINGS));
    wrong.map(|page| format!("{page}: its headings have not {} in this order", PAGE_HEADINGS.join(" · "))).collect()
}
