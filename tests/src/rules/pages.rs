//! Rules about the book, and about the links of all pages.

use std::collections::BTreeSet;
use std::path::Path;

use crate::markdown::Page;
use crate::repo::{File, Repo};
use crate::rules::layout::normal;

/// The book's table of contents.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Where functions stand that macros make tests of.
const CHECKS: [&str; 2] = ["crates/cease-conformance/src/laws/", "crates/cease-conformance/src/spawning.rs"];

/// The page that says by what each semantic is held.
const SEMANTICS: &str = "docs/SEMANTICS.md";

/// The pages for a reader who begins.
const FACE: [&str; 3] = ["README.md", "crates/cease/README.md", "docs/GUIDE.md"];

/// What runs the Rust examples of the pages.
const EXAMPLES: &str = "tests/src/lib.rs";

/// Every link leads to a file, and every anchor to a heading.
///
/// Links into the web are not followed, and paths of items are rustdoc's business.
#[must_use]
pub fn links(repo: &Repo) -> Vec<String> {
    let broken = |file: &File, link: &str| {
        let foreign = link.contains("://") || link.starts_with("mailto:") || link.contains("::");
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { file.path.clone() } else { normal(&Path::new(file.dir()).join(path)) };
        let leads_there = match repo.file(&target) {
            Some(page) => anchor.is_empty() || Page::parse(&page.text).anchors().iter().any(|known| known == anchor),
            None => anchor.is_empty() && is_dir(repo, target.trim_end_matches('/')),
        };
        !foreign && !leads_there
    };
    let links = |file: &File| Page::parse(&file.text).links;
    let all = repo.pages().flat_map(|file| links(file).into_iter().map(move |link| (file, link)));
    let broken = all.filter(|(file, (link, _))| broken(file, link));
    broken.map(|(file, (link, line))| format!("{}:{line}: `{link}` leads nowhere", file.path)).collect()
}

/// The book's table of contents lists every page of the book.
#[must_use]
pub fn summary(repo: &Repo) -> Vec<String> {
    let Some(summary) = repo.file(SUMMARY) else { return vec![format!("{SUMMARY}: is missing")] };
    let links = Page::parse(&summary.text).links;
    let listed: BTreeSet<_> = links.into_iter().map(|(link, _)| normal(&Path::new("docs").join(link))).collect();
    let missing = book(repo).filter(|page| !listed.contains(&page.path));
    missing.map(|page| format!("{SUMMARY}: does not list {}", page.path)).collect()
}

/// The Rust examples of every page of the book are run.
#[must_use]
pub fn examples(repo: &Repo) -> Vec<String> {
    let runner = repo.file(EXAMPLES).map_or("", |file| &file.text);
    let runs = |page: &File| runner.contains(&format!("include_str!(\"../../{}\")", page.path));
    let missing = book(repo).filter(|page| !runs(page));
    missing.map(|page| format!("{EXAMPLES}: does not run the examples of {}", page.path)).collect()
}

/// Each row of the page on semantics names a check or a test by which it is held, and each of those exists.
#[must_use]
pub fn semantics(repo: &Repo) -> Vec<String> {
    let Some(page) = repo.file(SEMANTICS) else { return vec![format!("{SEMANTICS}: is missing")] };
    let holds = |file: &&File| {
        let is_check = CHECKS.iter().any(|place| file.path.starts_with(place));
        file.path.starts_with("tests/") || file.path.contains("/tests/") || is_check
    };
    let functions: BTreeSet<_> = repo.rust().filter(holds).flat_map(|file| file.code().functions()).collect();
    let mut wrong = Vec::new();
    for (index, line) in page.text.lines().enumerate().filter(|(_, line)| line.starts_with("| ")) {
        let cell = line.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default().trim();
        let names: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        let place = format!("{SEMANTICS}:{}", index + 1);
        if names.is_empty() && cell != "held by" {
            wrong.push(format!("{place}: names nothing by which it is held"));
        }
        let unknown = names.into_iter().filter(|name| !functions.contains(*name));
        wrong.extend(unknown.map(|name| format!("{place}: `{name}` is no check and no test")));
    }
    wrong
}

/// The pages for a reader who begins name items through the face crate `cease`, and no crate behind it.
#[must_use]
pub fn face(repo: &Repo) -> Vec<String> {
    let behind = |line: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        line.split(|c| !is_name(c)).find(|name| name.starts_with("cease_")).map(str::to_owned)
    };
    let pages = FACE.iter().filter_map(|path| repo.file(path));
    let lines = pages.flat_map(|page| page.text.lines().enumerate().map(move |(index, line)| (page, index + 1, line)));
    let wrong = lines.filter_map(|(page, line, text)| Some((page, line, behind(text)?)));
    wrong.map(|(page, line, name)| format!("{}:{line}: `{name}` is behind the face `cease`", page.path)).collect()
}

/// The pages of the book, but for its table of contents.
fn book(repo: &Repo) -> impl Iterator<Item = &File> {
    repo.pages().filter(|page| page.path.starts_with("docs/") && page.path != SUMMARY)
}

fn is_dir(repo: &Repo, path: &str) -> bool {
    path.is_empty() || repo.files().iter().any(|file| file.path.starts_with(&format!("{path}/")))
}
