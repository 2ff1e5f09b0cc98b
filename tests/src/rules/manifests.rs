//! Rules about manifests, and about the reason for each dependency.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::repo::Repo;

/// The keys of `[package]` that come from the workspace.
const SHARED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// The page with the table of dependencies, and the table's header.
const REASONS: (&str, &str) = ("docs/ARCHITECTURE.md", "| dependency | used by | why |");

/// Every manifest takes versions, lints and dependencies from the workspace.
///
/// A dev-dependency may have a path and no version instead, which a package leaves out: the only way to test with a crate
/// that depends on the tested one.
#[must_use]
pub fn regular(repo: &Repo) -> Vec<String> {
    repo.packages().flat_map(|dir| irregularities(dir, &repo.manifest(dir))).collect()
}

/// Every dependency is used, and has its users and its reason in the page on architecture.
#[must_use]
pub fn dependencies(repo: &Repo) -> Vec<String> {
    let users = users(repo);
    let rows = reasons(repo);
    let (page, _) = REASONS;
    let mut wrong = Vec::new();
    for (name, users) in &users {
        let users = users.join(", ");
        match rows.get(name) {
            _ if users.is_empty() => wrong.push(format!("Cargo.toml: nobody uses `{name}`")),
            None => wrong.push(format!("{page}: has no row for `{name}`, used by {users}")),
            Some((told, _)) if *told != users => wrong.push(format!("{page}: `{name}` is used by {users}, not {told}")),
            Some((_, why)) if why.is_empty() => wrong.push(format!("{page}: `{name}` has no reason")),
            Some(_) => {}
        }
    }
    let stale = rows.keys().filter(|name| !users.contains_key(*name));
    wrong.extend(stale.map(|name| format!("{page}: `{name}` is no dependency")));
    wrong
}

fn irregularities(dir: &str, manifest: &Table) -> Vec<String> {
    let mut wrong = Vec::new();
    let package = manifest.get("package").and_then(Value::as_table).cloned().unwrap_or_default();
    let own = SHARED.iter().filter(|key| !package.get(**key).is_some_and(from_workspace));
    wrong.extend(own.map(|key| format!("{dir}/Cargo.toml: `{key}` is not the workspace's")));
    if !manifest.get("lints").is_some_and(from_workspace) {
        wrong.push(format!("{dir}/Cargo.toml: the lints are not the workspace's"));
    }
    let own = used(manifest).into_iter().filter(|(_, value)| !from_workspace(value) && !is_stripped(value));
    wrong.extend(own.map(|(name, _)| format!("{dir}/Cargo.toml: `{name}` is not taken from the workspace")));
    wrong
}

fn from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Whether Cargo leaves a dev-dependency out of the package; it refuses any other dependency without a version.
fn is_stripped(value: &Value) -> bool {
    value.get("path").is_some() && value.get("version").is_none()
}

/// Every dependency of a package, also those for one target only.
fn used(manifest: &Table) -> Vec<(&String, &Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, target)| target.as_table()).chain([manifest]);
    let kinds = ["dependencies", "build-dependencies", "dev-dependencies"];
    let all = tables.flat_map(|table| kinds.map(|kind| table.get(kind).and_then(Value::as_table)));
    all.flatten().flatten().collect()
}

/// Who uses each dependency that is not of this workspace.
fn users(repo: &Repo) -> BTreeMap<String, Vec<String>> {
    let root = repo.manifest("");
    let all = root.get("workspace").and_then(|workspace| workspace.get("dependencies")).and_then(Value::as_table);
    let foreign = all.into_iter().flatten().filter(|(_, value)| value.get("path").is_none());
    let mut users: BTreeMap<_, Vec<String>> = foreign.map(|(name, _)| (name.clone(), Vec::new())).collect();
    for dir in repo.packages() {
        let manifest = repo.manifest(dir);
        for (name, _) in used(&manifest) {
            let package = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
            let user = package.unwrap_or(dir).to_string();
            if let Some(users) = users.get_mut(name).filter(|users| !users.contains(&user)) {
                users.push(user);
            }
        }
    }
    users.values_mut().for_each(|users| users.sort());
    users
}

/// The rows of the table of dependencies: who is said to use it, and why.
fn reasons(repo: &Repo) -> BTreeMap<String, (String, String)> {
    let text = repo.file(REASONS.0).map_or("", |page| &page.text);
    let table = text.lines().skip_while(|line| *line != REASONS.1).skip(2).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split(" | ").map(|cell| cell.trim().replace('`', ""));
        Some((cells.next()?, (cells.next()?, cells.next()?)))
    };
    table.filter_map(row).collect()
}
