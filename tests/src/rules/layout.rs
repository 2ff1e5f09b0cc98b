//! Rules about which files there are, and that each is compiled.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::markdown;
use crate::repo::{File, Repo, TOP_LEVEL};

/// The top level has exactly the agreed entries, beside dotfiles.
#[must_use]
pub fn top_level(repo: &Repo) -> Vec<String> {
    let entry = |file: &File| file.path.split('/').next().unwrap_or_default().to_string();
    let found: BTreeSet<_> = repo.files().iter().map(entry).filter(|entry| !entry.starts_with('.')).collect();
    let strays = found.iter().filter(|entry| !TOP_LEVEL.contains(&entry.as_str()));
    let missing = TOP_LEVEL.iter().filter(|entry| !found.contains(**entry));
    let strays = strays.map(|entry| format!("{entry}: does not belong at the top level"));
    strays.chain(missing.map(|entry| format!("{entry}: is missing at the top level"))).collect()
}

/// Every Rust file first says what it is, in a paragraph that ends in a dot.
#[must_use]
pub fn headers(repo: &Repo) -> Vec<String> {
    let wrong = |file: &File| {
        let first = file.text.lines().next().unwrap_or_default();
        let paragraph = if let Some(path) = first.strip_prefix("#![doc = include_str!(\"") {
            let page = normal(&Path::new(file.dir()).join(path.strip_suffix("\")]")?));
            markdown::first_paragraph(&repo.file(&page)?.text)
        } else {
            let lines = file.text.lines().map_while(|line| line.strip_prefix("//!"));
            markdown::first_paragraph(&lines.collect::<Vec<_>>().join("\n"))
        };
        paragraph.ends_with('.').then_some(())
    };
    let files = repo.rust().filter(|file| wrong(file).is_none());
    files.map(|file| format!("{}: does not open with a sentence that says what it is", file.path)).collect()
}

/// Every Rust file belongs to a target: Cargo finds it, a manifest names it, or another file has a `mod` for it; or a test
/// has it compiled by trybuild.
///
/// A test that is registered nowhere would never run.
#[must_use]
pub fn compiled(repo: &Repo) -> Vec<String> {
    let roots: BTreeSet<String> = repo.packages().flat_map(|dir| roots(repo, dir)).collect();
    let orphans = repo.rust().filter(|file| {
        !roots.contains(&file.path) && !is_module(repo, &roots, file) && !is_compiled_by_a_test(repo, &roots, file)
    });
    orphans.map(|file| format!("{}: belongs to no target, so it is never compiled", file.path)).collect()
}

/// The files that targets of the package at `dir` start with.
pub(crate) fn roots(repo: &Repo, dir: &str) -> Vec<String> {
    let manifest = repo.manifest(dir);
    let in_package = |path: &str| format!("{dir}/{path}");
    let mut roots: Vec<_> = ["src/lib.rs", "src/main.rs", "build.rs"].map(in_package).to_vec();
    let finds = |key: &str| {
        let package = manifest.get("package").and_then(|package| package.get(key));
        package.and_then(toml::Value::as_bool).unwrap_or(true)
    };
    let places =
        [("autobins", "src/bin"), ("autotests", "tests"), ("autobenches", "benches"), ("autoexamples", "examples")];
    for (_, place) in places.iter().filter(|(key, _)| finds(key)) {
        let place = in_package(place);
        let flat = |file: &&File| file.dir() == place || file.name() == "main.rs" && up(file.dir()) == place;
        roots.extend(repo.rust().filter(flat).map(|file| file.path.clone()));
    }
    for kind in ["bin", "test", "bench", "example"] {
        let targets = manifest.get(kind).and_then(toml::Value::as_array).into_iter().flatten();
        let paths = targets.filter_map(|target| target.get("path")?.as_str());
        roots.extend(paths.map(in_package));
    }
    roots
}

/// Whether a file that may declare `file` as its module does so.
fn is_module(repo: &Repo, roots: &BTreeSet<String>, file: &File) -> bool {
    let (dir, stem) = match file.name() {
        "mod.rs" => (up(file.dir()), file.dir().rsplit('/').next().unwrap_or_default()),
        name => (file.dir(), name.trim_end_matches(".rs")),
    };
    let literal = format!("\"{}\"", file.name());
    repo.rust().any(|parent| {
        let above = parent.path == format!("{dir}.rs");
        let beside = parent.dir() == dir && (parent.name() == "mod.rs" || roots.contains(&parent.path));
        let declares = |code: &[&str]| !parent.code().find(code).is_empty();
        (above || beside) && declares(&["mod", stem, ";"])
            || parent.dir() == file.dir() && declares(&["path", "=", &literal])
    })
}

/// Whether a test hands the directory of `file` to trybuild, which makes a program of each file in it.
fn is_compiled_by_a_test(repo: &Repo, roots: &BTreeSet<String>, file: &File) -> bool {
    repo.packages().filter_map(|dir| Some((dir, file.dir().strip_prefix(&format!("{dir}/tests/"))?))).any(
        |(dir, place)| {
            let all = format!("\"tests/{place}/*.rs\"");
            let hands_over = |test: &File| {
                let code = test.code();
                !code.find(&["trybuild", "::"]).is_empty()
                    && ["pass", "compile_fail"].iter().any(|act| !code.find(&[".", act, "(", &all]).is_empty())
            };
            repo.rust()
                .filter(|test| test.dir() == format!("{dir}/tests") && roots.contains(&test.path))
                .any(hands_over)
        },
    )
}

fn up(dir: &str) -> &str {
    dir.rsplit_once('/').map_or("", |(up, _)| up)
}

/// `path` without `.` and `..`, which leads nowhere else.
pub(super) fn normal(path: &Path) -> String {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal.to_string_lossy().into_owned()
}
