//! Rules that keep the strategies' crates alike where they do the same; a crate is free to have more.

use crate::markdown::Page;
use crate::repo::{File, Repo};

/// The files that every strategy's crate has.
const FILES: [&str; 6] = ["Cargo.toml", "README.md", "src/lib.rs", "src/main.rs", "tests/cli.rs", "tests/laws.rs"];

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
const PAGE_HEADINGS: [&str; 2] = ["Where to look", "What it says about itself"];

/// Every strategy's crate has the common files; it may have others.
#[must_use]
pub fn common_files(repo: &Repo) -> Vec<String> {
    let missing = repo.strategies().flat_map(|dir| {
        let is_missing = move |file: &&str| repo.file(&format!("{dir}/{file}")).is_none();
        FILES.into_iter().filter(is_missing).map(move |file| format!("{dir}: has no {file}"))
    });
    missing.collect()
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
