//! The laws under loom and under shuttle, and every seeded fault against every law that reaches it, as child processes.
//!
//! `cargo test --workspace` builds without a cfg, so the models are built here by a child cargo, with the repository's own
//! aliases `cargo loom` and `cargo shuttle`, into target directories of their own.
//!
//! # Which pairs are run
//!
//! A fault is made at its sites, the places that ask whether it is seeded, and nowhere else.
//! Each check is first explored with no fault, under the bound of the search, and notes every site that it reaches.
//! A fault none of whose sites it reached cannot change it, so that pair is not run.
//! For suppose that with the fault seeded something were different.
//! A model is deterministic, which loom itself relies on to replay it, and only one fault is seeded at a time; so up to the
//! first site that answers yes, both explorations take the same steps in the same order, interleaving for interleaving.
//! That site is one of the fault's own, and it is reached in both: the exploration without the fault would have noted it.
//! A fault that no check reaches is not killed by its law, and fails the test like any other that survives.
#![cfg(not(any(loom, shuttle)))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cease_conformance::faults::{Failure, Fault, SEEDED};
use cease_conformance::laws::{
    CHECKPOINT_CHECKS, CHECKS, Check, ITEM_CHECKS, MIRROR_CHECKS, PROCESS_CHECKS, UNWIND_CHECKS,
};
use cease_tests::process::{self, Ended};

/// The strategies with which faults are looked for, and the checks that each is good for.
const SUITES: [(&str, &[Check]); 7] = [
    ("flag", CHECKS),
    ("channel", ITEM_CHECKS),
    ("channel", MIRROR_CHECKS),
    ("unwind", UNWIND_CHECKS),
    ("token", CHECKPOINT_CHECKS),
    ("token", MIRROR_CHECKS),
    ("process", PROCESS_CHECKS),
];
/// A model that has not ended by then never will.
const LIMIT: Duration = Duration::from_secs(1200);
/// How often loom may take the processor from a thread that could go on.
const BOUND: &str = "LOOM_MAX_PREEMPTIONS";
/// The bound under which faults are looked for: each is found with two preemptions or fewer.
const FAULT_PREEMPTIONS: &str = "2";
/// Says to a program that it runs one law, which needs no other process of its own.
const HERE: (&str, &str) = ("CEASE_HERE", "1");
/// A law with a fault that has not ended after so many seconds never will.
const FAULT_LIMIT: (&str, &str) = ("CEASE_LAW_LIMIT", "300");
/// The strategy with which the primitive is explored as far as each check says.
///
/// The others run on the same primitive and, where they can, on the same threads; the common laws are explored with fewer
/// preemptions for them, and what is special to them as far as its checks say. `cargo loom` explores each as far as its own
/// bound says.
const PRIMITIVE: &str = "flag";
/// The bound for the common laws of the other strategies.
const SIBLING_PREEMPTIONS: &str = "2";
/// Faults by which somebody waits for ever, or is not stopped.
const LEFT_BEHIND: [Fault; 8] = [
    Fault::LostWakeup,
    Fault::OneWoken,
    Fault::BirthUnseen,
    Fault::CursorSkips,
    Fault::LoserDoesNotWait,
    Fault::CallbackNotAwaited,
    Fault::OrphanNotTold,
    Fault::OrphanUnmarked,
];

/// Faults of who ends a tree of processes.
const ENDING_A_TREE: [Fault; 4] =
    [Fault::TwoReports, Fault::LostResult, Fault::SignalAfterReap, Fault::ReapBeforeSweep];

#[test]
fn every_law_holds_under_loom() {
    let text = run_everything("loom");
    let mut explored = String::from("under loom:");
    for (strategy, check) in checks() {
        let test = test(strategy, check) + ": ";
        let line =
            text.lines().find_map(|line| line.split_once(&test).filter(|(_, said)| said.contains("interleavings")));
        let (_, said) = line.unwrap_or_else(|| panic!("{test}does not say how much it explored"));
        explored += &format!("\n{test}{said}");
    }
    say(&explored);
}

#[test]
fn every_law_holds_under_shuttle() {
    run_everything("shuttle");
}

#[test]
fn every_fault_is_killed_and_every_law_kills() {
    assert_eq!(SEEDED.len(), Fault::ALL.len(), "each fault stands in the table once");
    let cells = run_pairs();
    let unreached = cells.values().filter(|cell| **cell == Cell::Unreached).count();
    say(&format!("{}\n{unreached} of {} pairs need no run", matrix(&cells), cells.len()));

    let mut wrong = Vec::new();
    for seeded in SEEDED {
        let kinds = checks()
            .filter(|(_, check)| check.law == seeded.killer)
            .map(|(strategy, check)| cells[&key(seeded.fault, strategy, check)]);
        if !kinds.clone().any(|kind| kind == Cell::Killed(seeded.shows_as)) {
            let seen: Vec<_> = kinds.collect();
            wrong.push(format!(
                "{} must show as {:?} in {}, but: {seen:?}",
                seeded.fault.name(),
                seeded.shows_as,
                seeded.killer
            ));
        }
    }
    for (strategy, check) in checks() {
        let law = check.law;
        if !SEEDED.iter().any(|seeded| seeded.killer == law) {
            wrong.push(format!("{law} kills no fault"));
        }
        if !Fault::ALL.iter().any(|fault| matches!(cells[&key(*fault, strategy, check)], Cell::Killed(_))) {
            wrong.push(format!("{}::{strategy} kills no fault", check.name));
        }
    }
    for ((fault, strategy, check), cell) in &cells {
        if *cell == Cell::Unknown {
            wrong.push(format!("{fault} against {check}::{strategy} failed in an unknown way"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The crowds are too large for loom, and see what it sees in the small: each of these is found by one of them.
#[test]
fn crowds_notice_who_is_left_behind() {
    let programs = build("shuttle");
    let crowds = programs.iter().find(|program| program.target == "crowd").expect("the crowds are built");
    for fault in LEFT_BEHIND {
        let run = run(&crowds.path, &[("CEASE_FAULT", fault.name())], &[]);
        assert!(!run.status.success(), "no crowd notices {}", fault.name());
    }
    let processes = programs.iter().find(|program| is_laws(program, "process")).expect("its laws are built");
    for fault in ENDING_A_TREE {
        let run = run(&processes.path, &[("CEASE_FAULT", fault.name())], &["crowd::"]);
        let kind = Failure::of(&(run.stdout + &run.stderr));
        assert_eq!(
            (run.status.success(), kind),
            (false, Some(Failure::Assertion)),
            "no crowd notices {}",
            fault.name()
        );
    }
}

/// What one fault did to one law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// The law does not come to the fault, so that pair was not run.
    Unreached,
    Survived,
    Killed(Failure),
    Unknown,
}

type Cells = BTreeMap<(&'static str, &'static str, &'static str), Cell>;

/// Every check, with the strategy that is held to it.
fn checks() -> impl Iterator<Item = (&'static str, &'static Check)> + Clone {
    SUITES.into_iter().flat_map(|(strategy, checks)| checks.iter().map(move |check| (strategy, check)))
}

/// The path of the test that holds `strategy` to `check`.
fn test(strategy: &str, check: &Check) -> String {
    format!("{}::{strategy}", check.name)
}

fn key(fault: Fault, strategy: &'static str, check: &Check) -> (&'static str, &'static str, &'static str) {
    (fault.name(), strategy, check.name)
}

/// Runs each pair of a fault and a check that reaches it in a process of its own, as many at once as there are processors.
fn run_pairs() -> Cells {
    let programs = build("loom");
    let laws = |strategy| &programs.iter().find(|program| is_laws(program, strategy)).expect("its laws are built").path;
    let checks: Vec<_> = checks().collect();
    let reached = in_parallel(&checks, |(strategy, check)| sites(laws(strategy), strategy, check));
    let with_sites = || checks.iter().zip(&reached);
    let pairs: Vec<_> = Fault::ALL.iter().flat_map(|fault| with_sites().map(move |with| (*fault, with))).collect();
    let cells = in_parallel(&pairs, |(fault, ((strategy, check), sites))| {
        if !sites.contains(fault.name()) {
            return Cell::Unreached;
        }
        let env = [("CEASE_FAULT", fault.name()), (BOUND, FAULT_PREEMPTIONS), HERE, FAULT_LIMIT];
        let run = run(laws(strategy), &env, &["--exact", &test(strategy, check)]);
        match Failure::of(&(run.stdout + &run.stderr)) {
            _ if run.status.success() => Cell::Survived,
            Some(kind) => Cell::Killed(kind),
            None => Cell::Unknown,
        }
    });
    pairs
        .iter()
        .zip(cells)
        .map(|((fault, ((strategy, check), _)), cell)| (key(*fault, strategy, check), cell))
        .collect()
}

/// The names of the faults whose sites a check reaches when none is seeded.
fn sites(laws: &Path, strategy: &str, check: &Check) -> BTreeSet<String> {
    let test = test(strategy, check);
    let path = format!("{}/sites-of-{}-{strategy}", env!("CARGO_TARGET_TMPDIR"), check.name);
    // Runs add to the file, and an earlier one may have been of another build.
    fs::write(&path, "").expect("the directory is there");
    let run = run(laws, &[("CEASE_SITES", &path), (BOUND, FAULT_PREEMPTIONS), HERE], &["--exact", &test]);
    assert!(run.status.success(), "{test} fails with no fault:\n{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("running 1 test"), "{test} is not the path of one test:\n{}", run.stdout);
    let sites: BTreeSet<_> = fs::read_to_string(&path).expect("it was written").lines().map(str::to_owned).collect();
    assert!(!sites.is_empty(), "{test} notes no site, though everything asks on its way");
    sites
}

/// The matrix as people read it: a row a fault, a column a check.
fn matrix(cells: &Cells) -> String {
    let mut text = String::from("fault \\ law             ");
    for (_, check) in checks() {
        text += &format!("{:>4}", check.law.to_string());
    }
    for fault in Fault::ALL {
        text += &format!("\n{:<24}", fault.name());
        for (strategy, check) in checks() {
            let letter = match cells[&key(fault, strategy, check)] {
                Cell::Unreached => ' ',
                Cell::Survived => '.',
                Cell::Killed(kind) => kind.letter(),
                Cell::Unknown => '?',
            };
            text += &format!("{letter:>4}");
        }
    }
    text + "\nA assertion, D deadlock, H hang, K leak, P panic, R race, . not found by this law, ? unknown failure;\n\
        nothing where the law does not reach the fault"
}

/// Runs every test program that the alias `alias` builds, as many at once as there are processors, and returns what they
/// said.
fn run_everything(alias: &str) -> String {
    let mut programs = build(alias);
    for (strategy, _) in SUITES {
        let there = programs.iter().any(|program| is_laws(program, strategy));
        assert!(there, "`cargo {alias}` does not build the laws of the strategy {strategy}");
    }
    // The longest first.
    programs.sort_by_key(|program| !is_laws(program, PRIMITIVE));
    let runs = in_parallel(&programs, |program| {
        let own: Vec<_> = own_checks(program).map(|check| check.name).collect();
        let common = own.iter().flat_map(|name| ["--skip", name]).collect::<Vec<_>>();
        let is_sibling = program.target == "laws" && !is_laws(program, PRIMITIVE);
        let bound: &[_] = if is_sibling { &[(BOUND, SIBLING_PREEMPTIONS)] } else { &[] };
        let mut runs = vec![run(&program.path, bound, &common)];
        if !own.is_empty() {
            runs.push(run(&program.path, &[], &own));
        }
        runs
    });
    let mut all = String::new();
    for (program, runs) in programs.iter().zip(runs) {
        for run in runs {
            println!("{} of {}\n{}{}", program.target, program.package, run.stdout, run.stderr);
            assert!(run.status.success(), "{} of {} fails under {alias}", program.target, program.package);
            all += &run.stdout;
        }
    }
    all
}

/// The checks of a strategy that its laws are explored with beside the common ones.
fn own_checks(program: &Program) -> impl Iterator<Item = &'static Check> {
    let suites = SUITES.iter().filter(|(strategy, _)| *strategy != PRIMITIVE && is_laws(program, strategy));
    suites.flat_map(|(_, checks)| *checks)
}

/// Calls `act` with each of `items`, with as many at once as there are processors, and returns the answers in order.
fn in_parallel<T: Sync, R: Send>(items: &[T], act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let answers: Vec<_> = items.iter().map(|_| Mutex::new(None)).collect();
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    // ORDERING: Relaxed: only the number matters.
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    *answers[at].lock().expect("no holder panics") = Some(act(item));
                }
            });
        }
    });
    let answer = |slot: Mutex<Option<R>>| slot.into_inner().expect("no holder panics").expect("each item was taken");
    answers.into_iter().map(answer).collect()
}

/// Runs a test program to its end.
fn run(program: &Path, env: &[(&str, &str)], args: &[&str]) -> Ended {
    let mut command = Command::new(program);
    command.args(args).args(["--nocapture", "--test-threads=1"]).env_remove(BOUND).envs(env.iter().copied());
    process::run(&mut command, LIMIT).unwrap_or_else(|error| panic!("{} {args:?} {env:?}: {error}", program.display()))
}

/// Prints what people who run the tests want to see, past the test runner, which keeps the output of what passes.
fn say(text: &str) {
    // Nobody is left to tell when this fails.
    let _ = writeln!(io::stderr(), "\n{text}\n");
}

/// A test program that cargo built.
struct Program {
    package: String,
    target: String,
    path: PathBuf,
}

fn is_laws(program: &Program, strategy: &str) -> bool {
    program.target == "laws" && program.package.contains(&format!("cease-{strategy}"))
}

/// Builds the test programs of the alias `alias`, into a target directory of their own.
fn build(alias: &str) -> Vec<Program> {
    let output = Command::new(env!("CARGO"))
        .args([alias, "--no-run", "--message-format=json-render-diagnostics"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository"))
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_RUSTFLAGS")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "`cargo {alias}` does not build");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(program).collect()
}

/// The program, if this is a line in which cargo names one.
fn program(line: &str) -> Option<Program> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let path = text(&message["executable"])?.into();
    Some(Program { package: text(&message["package_id"])?, target: text(&message["target"]["name"])?, path })
}
