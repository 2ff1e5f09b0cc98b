//! The repository as text: which files belong to it, and what is in them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::rust::Code;

/// What the top level consists of, beside files whose name starts with a dot.
pub const TOP_LEVEL: [&str; 9] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "docs",
    "tests",
];

/// One file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path from the top level, with `/` between the parts.
    pub path: String,
    /// Its text; empty when it has none.
    pub text: String,
}

impl File {
    /// The text as Rust.
    ///
    /// # Panics
    ///
    /// When it is none, which the compiler would also say.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::parse(&self.text).unwrap_or_else(|error| panic!("{} is not Rust: {error}", self.path))
    }

    /// The directory it is in, without a `/` at the end.
    #[must_use]
    pub fn dir(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// Its name without directory.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(&*self.path, |(_, name)| name)
    }
}

/// Every file of the repository, or the few of an example.
#[derive(Debug, Clone)]
pub struct Repo {
    files: Vec<File>,
}

impl Repo {
    /// The repository that this package is in.
    ///
    /// In a git checkout these are the files that git knows, and new ones that it does not ignore, if they are where
    /// files belong; a stray file of a developer is not the repository's.
    /// In an unpacked archive it is everything but `target`.
    ///
    /// # Panics
    ///
    /// When a file cannot be read.
    #[must_use]
    pub fn load() -> Self {
        let top = top();
        let mut paths = git_files(&top).unwrap_or_else(|| walk(&top).expect("the repository can be listed"));
        paths.retain(|path| top.join(path).is_file());
        paths.sort();
        paths.dedup();
        let read = |path: String| {
            let bytes = fs::read(top.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
            File { path, text: String::from_utf8(bytes).unwrap_or_default() }
        };
        Self { files: paths.into_iter().map(read).collect() }
    }

    /// A repository made up of `files`, each a path and a text.
    #[must_use]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into() };
        Self { files: files.iter().map(file).collect() }
    }

    /// Every file, by path.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The file at `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The files whose name ends in `.extension`.
    pub fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a File> {
        let ends = move |name: &str| name.rsplit_once('.').is_some_and(|(_, end)| end == extension);
        self.files.iter().filter(move |file| ends(file.name()))
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.with_extension("rs")
    }

    /// The pages: Markdown at the top level, in `docs`, and each crate's own.
    pub fn pages(&self) -> impl Iterator<Item = &File> {
        self.with_extension("md")
    }

    /// The directories of the packages.
    pub fn packages(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter(|file| file.name() == "Cargo.toml" && file.path != "Cargo.toml").map(File::dir)
    }

    /// The manifest of the package at `dir`; empty when it cannot be read, which Cargo would also say.
    #[must_use]
    pub fn manifest(&self, dir: &str) -> toml::Table {
        let path = if dir.is_empty() { "Cargo.toml".to_string() } else { format!("{dir}/Cargo.toml") };
        self.file(&path).and_then(|file| file.text.parse().ok()).unwrap_or_default()
    }

    /// The directories of the strategies' crates: those that have a `CONTRACT`.
    pub fn strategies(&self) -> impl Iterator<Item = &str> {
        let has_contract = |dir: &&str| {
            let lib = self.file(&format!("{dir}/src/lib.rs"));
            lib.is_some_and(|lib| lib.text.lines().any(|line| line.starts_with("pub const CONTRACT: Contract")))
        };
        self.packages().filter(has_contract)
    }
}

/// The top level of the repository.
#[must_use]
pub fn top() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("this package is one level below the top").to_path_buf()
}

/// What git says belongs to the checkout, or `None` when this is none.
fn git_files(top: &Path) -> Option<Vec<String>> {
    if !top.join(".git").exists() {
        return None;
    }
    let list = |options: &[&str]| {
        let output = Command::new("git").arg("-C").arg(top).args(["ls-files", "-z"]).args(options).output().ok()?;
        let text = output.status.success().then(|| String::from_utf8(output.stdout).ok()).flatten()?;
        Some(text.split_terminator('\0').map(String::from).collect::<Vec<_>>())
    };
    let mut files = list(&["--cached"])?;
    let new = list(&["--others", "--exclude-standard"])?;
    let belongs = |path: &String| TOP_LEVEL.contains(&path.split('/').next().unwrap_or_default());
    files.extend(new.into_iter().filter(belongs));
    Some(files)
}

/// Every file below `top`, but what is built there.
fn walk(top: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(top.join(&dir))? {
            let entry = entry?;
            let path = dir.join(entry.file_name());
            if !entry.file_type()?.is_dir() {
                found.push(path.to_string_lossy().into_owned());
            } else if !["target", ".git", "docs/book"].iter().any(|built| path == Path::new(built)) {
                open.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpacked_archive_is_walked() {
        let files = walk(&top()).unwrap();
        assert!(files.iter().any(|file| file == "tests/src/repo.rs"));
        assert!(!files.iter().any(|file| file.starts_with("target/") || file.starts_with(".git/")));
    }
}
