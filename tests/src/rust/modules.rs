//! The modules of a target: what each defines, and which file each name leads to.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::tokens::is_for_tests;
use crate::repo::Repo;
use crate::rules::layout;

/// The files that targets start with.
#[must_use]
pub fn roots(repo: &Repo) -> BTreeSet<String> {
    let all = repo.packages().flat_map(|dir| layout::roots(repo, dir));
    all.filter(|path| repo.file(path).is_some()).collect()
}

/// The modules of one target.
#[derive(Debug)]
pub struct Modules {
    all: Vec<Module>,
}

#[derive(Debug, Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    bound: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
    /// Paths that are used, with their lines; a re-export counts where its name is used.
    used: Vec<(Vec<String>, usize)>,
}

enum Target {
    Module(usize),
    Item(usize),
}

impl Modules {
    /// Reads the target that starts with the file `root`.
    #[must_use]
    pub fn load(repo: &Repo, root: &str) -> Self {
        let mut modules = Self { all: Vec::new() };
        let dir = root.rsplit_once('/').map_or("", |(dir, _)| dir);
        modules.file(repo, root, dir, None);
        modules
    }

    /// Each file that uses another of the target, that other file, and the line.
    #[must_use]
    pub fn imports(&self) -> Vec<(String, String, usize)> {
        let mut found = Vec::new();
        for (at, module) in self.all.iter().enumerate() {
            for (path, line) in &module.used {
                if let Some(Target::Item(to)) = self.resolve(at, path, 0)
                    && self.all[to].file != module.file
                {
                    found.push((module.file.clone(), self.all[to].file.clone(), *line));
                }
            }
        }
        found
    }

    fn file(&mut self, repo: &Repo, path: &str, children: &str, parent: Option<usize>) -> Option<usize> {
        let stream: TokenStream = repo.file(path)?.text.parse().ok()?;
        Some(self.module(repo, path, children, parent, stream))
    }

    fn module(&mut self, repo: &Repo, file: &str, dir: &str, parent: Option<usize>, code: TokenStream) -> usize {
        let me = self.all.len();
        self.all.push(Module { file: file.into(), parent, ..Module::default() });
        let trees: Vec<_> = code.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            let (end, test, path) = item_end(&trees, at);
            if !test {
                self.item(repo, me, dir, &trees[at..end], path);
            }
            at = end;
        }
        me
    }

    fn item(&mut self, repo: &Repo, me: usize, dir: &str, item: &[TokenTree], path: Option<String>) {
        let words: Vec<_> = item.iter().map(ToString::to_string).collect();
        let Some(at) = words.iter().position(|word| KEYWORDS.contains(&&**word)) else {
            return self.code(me, item.iter().cloned().collect());
        };
        let name = words.get(at + 1).cloned().unwrap_or_default();
        match &*words[at] {
            "use" => return self.import(me, &item[at + 1..], words[..at].iter().any(|word| word == "pub")),
            "extern" if name == "crate" => {
                if words.get(at + 2).is_some_and(|word| word == "self") {
                    self.all[me].bound.extend(words.get(at + 4).map(|name| (name.clone(), vec!["crate".into()])));
                }
                return;
            }
            "mod" => {
                let inside = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
                let child = match item.last() {
                    Some(TokenTree::Group(body)) => {
                        let file = self.all[me].file.clone();
                        Some(self.module(repo, &file, &inside, Some(me), body.stream()))
                    }
                    _ => {
                        let beside = |file: String| if dir.is_empty() { file } else { format!("{dir}/{file}") };
                        let named = path.map(beside).unwrap_or_else(|| format!("{inside}.rs"));
                        self.file(repo, &named, &inside, Some(me))
                            .or_else(|| self.file(repo, &format!("{inside}/mod.rs"), &inside, Some(me)))
                    }
                };
                self.all[me].children.extend(child.map(|child| (name, child)));
                return;
            }
            "macro_rules" => {
                let name = words.get(at + 2).cloned().unwrap_or_default();
                if words[..at].iter().any(|word| word.contains("macro_export")) {
                    let path = path_to(&self.all, me, &name);
                    self.all[0].bound.insert(name.clone(), path);
                }
                self.all[me].defined.insert(name);
            }
            "impl" | "extern" => {}
            _ => drop(self.all[me].defined.insert(name)),
        }
        self.code(me, item.iter().cloned().collect());
    }

    /// Notes what `use` brings, given what follows the word.
    fn import(&mut self, me: usize, tree: &[TokenTree], public: bool) {
        let mut leaves = Vec::new();
        leaves_of(tree, &[], &mut leaves);
        for (path, alias, line) in leaves {
            if alias == "*" {
                self.all[me].globs.push(path);
                continue;
            }
            if !public {
                self.all[me].used.push((path.clone(), line));
            }
            self.all[me].bound.entry(alias).or_insert(path);
        }
    }

    /// Notes every path in `code`.
    fn code(&mut self, me: usize, code: TokenStream) {
        let trees: Vec<_> = code.into_iter().collect();
        let mut at = 0;
        let mut after_dot = false;
        while at < trees.len() {
            match &trees[at] {
                TokenTree::Ident(word) if word == "use" && matches!(trees.get(at + 1), Some(TokenTree::Ident(_))) => {
                    let end = trees[at..].iter().position(is_semicolon).map_or(trees.len(), |length| at + length);
                    self.import(me, &trees[at + 1..end], false);
                    at = end;
                    continue;
                }
                TokenTree::Ident(_) => {
                    let line = trees[at].span().start().line;
                    let mut path = vec![trees[at].to_string()];
                    while is_colons(&trees, at + 1)
                        && let Some(TokenTree::Ident(next)) = trees.get(at + 3)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if !after_dot {
                        self.all[me].used.push((path, line));
                    }
                }
                TokenTree::Group(group) => self.code(me, group.stream()),
                _ => {}
            }
            after_dot = matches!(&trees[at], TokenTree::Punct(punct) if punct.as_char() == '.')
                && !matches!(trees.get(at.wrapping_sub(1)), Some(TokenTree::Punct(before)) if before.as_char() == '.');
            at += 1;
        }
    }

    /// What `path` leads to from the module `from`; `None` for what is another crate's.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        if depth > 16 {
            return None;
        }
        let mut here = from;
        let mut anchored = false;
        for (index, name) in path.iter().enumerate() {
            let module = &self.all[here];
            // `extern crate self as name` at the top holds in every module.
            let is_own = || self.all[0].bound.get(name).is_some_and(|bound| bound.as_slice() == ["crate"]);
            let next = match name.as_str() {
                "crate" => Some(0),
                name if !anchored && !module.children.contains_key(name) && is_own() => Some(0),
                "self" => Some(here),
                "super" => Some(module.parent?),
                name => module.children.get(name).copied(),
            };
            if let Some(next) = next {
                (here, anchored) = (next, true);
                continue;
            }
            if module.defined.contains(name) {
                return Some(Target::Item(here));
            }
            if let Some(bound) = module.bound.get(name)
                && bound.as_slice() != [name.clone()]
            {
                match self.resolve(here, bound, depth + 1)? {
                    Target::Module(module) => here = module,
                    item => return Some(item),
                }
                anchored = true;
                continue;
            }
            let through = |glob: &Vec<String>| match self.resolve(here, glob, depth + 1)? {
                Target::Module(module) if module != from || anchored => self.resolve(module, &path[index..], depth + 4),
                Target::Module(_) => None,
                item => Some(item).filter(|_| false),
            };
            return module.globs.iter().find_map(through);
        }
        Some(Target::Module(here))
    }
}

const KEYWORDS: [&str; 14] = [
    "use",
    "mod",
    "fn",
    "struct",
    "enum",
    "union",
    "trait",
    "type",
    "const",
    "static",
    "macro_rules",
    "impl",
    "extern",
    "macro",
];

/// The path of `name` in the module `at`.
fn path_to(all: &[Module], mut at: usize, name: &str) -> Vec<String> {
    let mut path = vec![name.to_string()];
    while let Some(parent) = all[at].parent {
        let own = all[parent].children.iter().find(|(_, child)| **child == at).map(|(name, _)| name.clone());
        path.splice(0..0, own);
        at = parent;
    }
    path.insert(0, "crate".into());
    path
}

/// Where the item that starts at `at` ends, whether it is for tests only, and the file that an attribute names.
fn item_end(trees: &[TokenTree], at: usize) -> (usize, bool, Option<String>) {
    let (mut test, mut path, mut braces_end) = (false, None, true);
    for (offset, tree) in trees[at..].iter().enumerate() {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && offset > 0 => {
                test |= is_for_tests(group.stream());
                let text = group.stream().to_string();
                path = path.or_else(|| text.strip_prefix("path = \"").map(|rest| rest.trim_end_matches('"').into()));
            }
            TokenTree::Ident(word) if ["use", "const", "static", "type"].iter().any(|ends| word == ends) => {
                braces_end = false;
            }
            TokenTree::Ident(word) if word == "fn" || word == "unsafe" => braces_end = true,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && braces_end => {
                return (at + offset + 1, test, path);
            }
            tree if is_semicolon(tree) => return (at + offset + 1, test, path),
            _ => {}
        }
    }
    (trees.len(), test, path)
}

fn is_semicolon(tree: &TokenTree) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ';')
}

fn is_colons(trees: &[TokenTree], at: usize) -> bool {
    let colon = |at| matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

/// The leaves of a `use` tree: the path, the name it gets, and its line.
fn leaves_of(tree: &[TokenTree], base: &[String], leaves: &mut Vec<(Vec<String>, String, usize)>) {
    for part in tree.split(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ',')) {
        let mut path = base.to_vec();
        let mut alias = None;
        let mut line = 0;
        let mut renamed = false;
        let mut nested = false;
        for tree in part {
            match tree {
                TokenTree::Ident(word) if word == "as" => renamed = true,
                TokenTree::Ident(word) if renamed => alias = Some(word.to_string()),
                TokenTree::Ident(word) => {
                    line = word.span().start().line;
                    if word != "self" || path.is_empty() {
                        path.push(word.to_string());
                    }
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => alias = Some("*".into()),
                TokenTree::Group(group) => {
                    nested = true;
                    leaves_of(&group.stream().into_iter().collect::<Vec<_>>(), &path, leaves);
                }
                _ => {}
            }
        }
        if !nested && !path.is_empty() {
            let alias = alias.unwrap_or_else(|| path[path.len() - 1].clone());
            leaves.push((path, alias, line));
        }
    }
}
