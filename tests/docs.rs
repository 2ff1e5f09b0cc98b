//! Tables in the pages are made of data, and are current.
//!
//! `UPDATE_DOCS=1 cargo test -p cease-tests --test docs` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;

use cease_conformance::faults::{Failure, SEEDED, Seeded};
use cease_conformance::laws::{CHECKS, ITEM_CHECKS, MIRROR_CHECKS, PROCESS_CHECKS, UNWIND_CHECKS};
use cease_core::{Contract, Law};
use cease_tests::markdown::table;
use cease_tests::repo::{File, Repo, top};
use cease_tests::{blocks, rust};
use serde_json::Value;

/// Every strategy there is.
const STRATEGIES: &[&Contract] = &[
    &cease_flag::CONTRACT,
    &cease_channel::CONTRACT,
    &cease_unwind::CONTRACT,
    &cease_trace::CONTRACT,
    &cease_token::CONTRACT,
    &cease_process::CONTRACT,
    &cease_abandon::CONTRACT,
];

/// Modes with a contract of their own, in the crate of a strategy.
const MODES: &[&Contract] = &[&cease_token::ABORT_CONTRACT];

/// Where each table stands, beside a strategy's own row, which stands in its README.
const PLACES: [(&str, &[&str]); 5] = [
    ("README.md", &["verdicts", "contracts", "crates"]),
    ("docs/COMPARISON.md", &["contracts", "verdicts"]),
    ("docs/CONTRACT.md", &["laws", "faults"]),
    ("docs/ORDERINGS.md", &["orderings"]),
    ("docs/PERFORMANCE.md", &["bench"]),
];

/// The file with the verdicts that the comparison expects.
const EXPECTED: &str = "crates/cease-compare/src/expected.txt";

/// What the bench measured, in its own words.
const MEASURED: &str = "crates/cease-bench/measured.json";

/// The file in which each seeded fault is described.
const FAULTS: &str = "crates/cease-core/src/fault.rs";

#[test]
fn every_table_is_current() {
    let repo = Repo::load();
    let update = std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1");
    let mut old = Vec::new();
    for page in repo.pages() {
        let Some(renewed) = renewed(&repo, page) else { continue };
        if update {
            fs::write(top().join(&page.path), renewed).expect("the pages can be written");
        } else {
            old.push(format!("{}:\n{}", page.path, blocks::diff(&page.text, &renewed)));
        }
    }
    assert!(old.is_empty(), "UPDATE_DOCS=1 cargo test -p cease-tests --test docs\n\n{}", old.join("\n"));
}

#[test]
fn every_table_has_its_place() {
    let repo = Repo::load();
    let found: Vec<_> =
        repo.pages().flat_map(|page| blocks::parts(&page.text).map(|(name, _)| (&*page.path, name))).collect();
    for (path, names) in PLACES {
        let here: Vec<_> = found.iter().filter(|(page, _)| *page == path).map(|(_, name)| *name).collect();
        assert_eq!(here, names, "the tables of {path}");
    }
    for contract in STRATEGIES {
        let readme = format!("crates/cease-{}/README.md", contract.strategy);
        let row = format!("strategy {}", contract.strategy);
        assert!(found.contains(&(&readme, &row)), "{readme} has no `{row}`");
    }
}

#[test]
fn every_strategy_is_in_the_tables() {
    let there: BTreeSet<_> = Repo::load().strategies().map(String::from).collect();
    let listed = STRATEGIES.iter().map(|contract| format!("crates/cease-{}", contract.strategy)).collect();
    assert_eq!(there, listed);
}

#[test]
fn an_old_table_is_noticed() {
    let repo = Repo::load();
    let mut page = repo.file("docs/CONTRACT.md").expect("the page exists").clone();
    page.text = renewed(&repo, &page).unwrap_or(page.text);
    assert_eq!(renewed(&repo, &page), None, "what was just rendered is current");
    page.text = page.text.replace(Law::L1.promise(), "nothing");
    let again = renewed(&repo, &page).expect("the old promise is noticed");
    let difference = blocks::diff(&page.text, &again);
    assert!(difference.contains("- | L1 | nothing |") && difference.contains(Law::L1.promise()), "{difference}");
}

#[test]
fn every_fault_is_described() {
    let repo = Repo::load();
    for seeded in SEEDED {
        assert!(mistake(&repo, seeded).is_some(), "{FAULTS} does not describe {:?}", seeded.fault);
    }
}

/// The text of `page` with current tables, if that differs.
fn renewed(repo: &Repo, page: &File) -> Option<String> {
    let renewed = blocks::renew(&page.text, |name| render(repo, name));
    let renewed = renewed.unwrap_or_else(|error| panic!("{}: {error}", page.path));
    (renewed != page.text).then_some(renewed)
}

fn render(repo: &Repo, name: &str) -> Option<String> {
    match name {
        "bench" => Some(measured(&repo.file(MEASURED)?.text)),
        "contracts" => Some(contracts(&[STRATEGIES, MODES].concat())),
        "crates" => Some(crates(repo)),
        "faults" => Some(faults(repo)),
        "laws" => Some(laws()),
        "orderings" => Some(orderings(repo)),
        "verdicts" => Some(verdicts(&repo.file(EXPECTED)?.text)),
        _ => {
            let strategy = name.strip_prefix("strategy ")?;
            let contract = STRATEGIES.iter().chain(MODES).find(|contract| contract.strategy == strategy)?;
            Some(contracts(&[contract]))
        }
    }
}

/// The figures of a run of the bench, which it wrote itself.
fn measured(report: &str) -> String {
    let report: Value = serde_json::from_str(report).unwrap_or_else(|error| panic!("{MEASURED}: {error}"));
    let number = |value: &Value| value.as_f64().map_or_else(String::new, |number| format!("{number:.3}"));
    let mut lines = Vec::new();
    for row in report["rows"].as_array().expect("a report has rows") {
        let name = row["row"].as_str().expect("a row has a name");
        let unit = row["unit"].as_str().expect("a row has a unit");
        let amount = |value: &Value| value.as_f64().map_or_else(String::new, |value| format!("{value:.2} {unit}"));
        for (peer, value) in row["peers"].as_object().expect("a row has peers") {
            let [low, high] = [0, 1].map(|end| number(&row["spread"][peer][end]));
            lines.push([
                code(name),
                amount(&row["ours"]),
                peer.clone(),
                amount(value),
                number(&row["ratio"][peer]),
                format!("{low} .. {high}"),
                number(&row["targets"][peer]),
            ]);
        }
    }
    table(&["row", "ours", "peer", "peer's", "ratio", "spread", "at most"], &lines)
}

fn laws() -> String {
    let row = |law: &Law| {
        let checks = CHECKS.iter().chain(ITEM_CHECKS).chain(MIRROR_CHECKS).chain(PROCESS_CHECKS).chain(UNWIND_CHECKS);
        let checks = checks.filter(|check| check.law == *law).map(|check| code(check.name));
        let faults = SEEDED.iter().filter(|seeded| seeded.killer == *law).map(|seeded| code(seeded.fault.name()));
        let [checks, faults] = [listed(checks, "not built yet"), listed(faults, "")];
        [law.to_string(), law.promise().into(), checks, faults]
    };
    table(&["law", "promise", "checks", "faults it must find"], Law::ALL.iter().map(row))
}

fn faults(repo: &Repo) -> String {
    let row = |seeded: &Seeded| {
        let shows_as = match seeded.shows_as {
            Failure::Assertion => "a failed assertion",
            Failure::Deadlock => "a deadlock",
            Failure::Race => "a data race",
            Failure::Leak => "a leak",
            Failure::Panic => "a panic",
            Failure::Hang => "a hang",
        };
        let mistake = mistake(repo, seeded).unwrap_or_default();
        [code(seeded.fault.name()), mistake, seeded.killer.to_string(), shows_as.into()]
    };
    table(&["fault", "mistake", "must be found by", "shows as"], SEEDED.iter().map(row))
}

/// What the source says about a fault.
fn mistake(repo: &Repo, seeded: &Seeded) -> Option<String> {
    let variant = format!("{:?},", seeded.fault);
    let lines: Vec<_> = repo.file(FAULTS)?.text.lines().map(str::trim).collect();
    let at = lines.iter().position(|line| *line == variant)?;
    let above = lines[..at].iter().rev().map_while(|line| line.strip_prefix("/// "));
    let mut sentences: Vec<_> = above.collect();
    sentences.reverse();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn contracts(contracts: &[&Contract]) -> String {
    let header = ["strategy", "how it stops", "runs on", "stops at", "cannot stop", "loom sees", "laws not kept"];
    let row = |contract: &&Contract| {
        let not_kept = contract.exceptions.iter().map(|exception| format!("{} ({})", exception.law, exception.why));
        let Contract { strategy, technique, runs_on, stops_at, cannot_stop, modelled, .. } = contract;
        let cells: [&dyn Display; 6] = [strategy, technique, runs_on, stops_at, cannot_stop, modelled];
        let [a, b, c, d, e, f] = cells.map(ToString::to_string);
        [a, b, c, d, e, f, listed(not_kept, "none")]
    };
    table(&header, contracts.iter().map(row))
}

/// One row a strategy, one column a workload, in the order in which the file has them.
fn verdicts(expected: &str) -> String {
    let words =
        |line: &'_ str| line.split('#').next().unwrap_or_default().split_whitespace().map(code).collect::<Vec<_>>();
    let cells: Vec<_> = expected.lines().map(words).filter(|words| !words.is_empty()).collect();
    let (strategies, workloads) = (distinct(&cells, 0), distinct(&cells, 1));
    let verdict = |strategy: &str, workload: &str| {
        let cell = cells.iter().find(|cell| cell[0] == strategy && cell[1] == workload);
        cell.map_or_else(String::new, |cell| cell[2].clone())
    };
    let row = |strategy: &&str| -> Vec<String> {
        let verdicts = workloads.iter().map(|workload| verdict(strategy, workload));
        std::iter::once((*strategy).to_string()).chain(verdicts).collect()
    };
    let header: Vec<_> = std::iter::once("strategy").chain(workloads.iter().copied()).collect();
    table(&header, strategies.iter().map(row))
}

/// What stands in column `at`, each once.
fn distinct(cells: &[Vec<String>], at: usize) -> Vec<&str> {
    let mut found = Vec::new();
    for cell in cells {
        let word = &*cell[at];
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

fn orderings(repo: &Repo) -> String {
    let mut rows = Vec::new();
    for file in repo.rust().filter(|file| file.path.starts_with("crates/") && file.path.contains("/src/")) {
        let row = |site: rust::OrderingSite| {
            [code(&file.path), code(&site.item), listed(site.orderings.into_iter(), ""), site.why]
        };
        rows.extend(file.code().ordering_sites().into_iter().map(row));
    }
    table(&["file", "in", "ordering", "why"], rows)
}

fn crates(repo: &Repo) -> String {
    let mut rows: Vec<_> = repo.packages().filter_map(|dir| crate_row(repo, dir.strip_prefix("crates/")?)).collect();
    rows.sort();
    table(&["crate", "what it is"], rows)
}

fn crate_row(repo: &Repo, name: &str) -> Option<[String; 2]> {
    let manifest = repo.manifest(&format!("crates/{name}"));
    let description = manifest.get("package")?.get("description")?.as_str()?;
    Some([format!("[{name}](crates/{name})"), description.into()])
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// `items` with commas between them, or `none` when there is none.
fn listed(items: impl Iterator<Item = String>, none: &str) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() { none.into() } else { items.join(", ") }
}
