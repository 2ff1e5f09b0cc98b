//! Rust files as tokens that know their line, the item around them, and whether they are test code.
//!
//! Comments and strings are no tokens, so a word in them is never taken for code.

pub mod modules;
mod tokens;

use proc_macro2::LexError;

pub use tokens::Token;

/// The orderings of an atomic access.
pub const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// A Rust file.
#[derive(Debug)]
pub struct Code {
    lines: Vec<String>,
    tokens: Vec<Token>,
}

/// A path as it is written, with what a `use` group puts before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedPath {
    /// The path, such as `std::sync::Arc`.
    pub path: String,
    /// Its line, from 1.
    pub line: usize,
    /// Whether it is compiled for tests only.
    pub test: bool,
}

/// An atomic access with its reason: a comment that opens with `// ORDERING:`, and the code below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderingSite {
    /// The item around it.
    pub item: String,
    /// The orderings that the code names, or, when it names none, the first that the comment names.
    pub orderings: Vec<String>,
    /// The comment in one line.
    pub why: String,
}

impl Code {
    /// Reads `text`.
    ///
    /// # Errors
    ///
    /// When it is not Rust.
    pub fn parse(text: &str) -> Result<Self, LexError> {
        Ok(Self { lines: text.lines().map(String::from).collect(), tokens: tokens::read(text)? })
    }

    /// Every token, in order; delimiters are tokens too.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The lines in which the tokens `sequence` stand one after the other.
    #[must_use]
    pub fn find(&self, sequence: &[&str]) -> Vec<usize> {
        let same = |window: &&[Token]| window.iter().zip(sequence).all(|(token, text)| token.text == *text);
        self.tokens.windows(sequence.len()).filter(same).map(|window| window[0].line).collect()
    }

    /// The name of every function.
    pub fn functions(&self) -> Vec<String> {
        let names = self.tokens.windows(2).filter(|window| window[0].text == "fn");
        names.map(|window| window[1].text.clone()).collect()
    }

    /// Every path in the code, also in the groups of a `use`.
    #[must_use]
    pub fn paths(&self) -> Vec<UsedPath> {
        let mut found: Vec<UsedPath> = Vec::new();
        // What stands before each open brace that belongs to a `use` group; empty for every other brace.
        let mut bases = vec![String::new()];
        let mut goes_on = false;
        let mut after_word = false;
        for token in &self.tokens {
            let text = &*token.text;
            let base = bases.last().map_or("", String::as_str);
            let word = text.starts_with(|first: char| first.is_alphanumeric() || first == '_' || first == '*');
            match found.last_mut() {
                Some(last) if word && goes_on => last.path = format!("{}::{text}", last.path),
                _ if word => {
                    let path = if base.is_empty() { text.to_string() } else { format!("{base}::{text}") };
                    found.push(UsedPath { path, line: token.line, test: token.test });
                }
                last if text == "{" => {
                    bases.push(last.filter(|_| goes_on).map_or_else(String::new, |last| last.path.clone()));
                }
                _ if text == "}" => drop(bases.pop()),
                _ => {}
            }
            goes_on = text == "::" && after_word;
            after_word = word;
        }
        found
    }

    /// Every ordering that is an argument of a call: an atomic access.
    pub fn ordering_arguments(&self) -> impl Iterator<Item = &Token> {
        let mut open = Vec::new();
        self.tokens.iter().enumerate().filter_map(move |(at, token)| {
            match &*token.text {
                "(" | "[" | "{" => open.push(&*token.text),
                ")" | "]" | "}" => drop(open.pop()),
                _ => {}
            }
            let in_call = open.last() == Some(&"(");
            (in_call && ORDERINGS.contains(&&*token.text) && self.starts_an_argument(at)).then_some(token)
        })
    }

    /// Whether one of the lines above `line` opens with `marker`: no further up than six lines that are not comments.
    #[must_use]
    pub fn is_explained(&self, line: usize, marker: &str) -> bool {
        let above = self.lines[..line.saturating_sub(1)].iter().rev().map(|text| text.trim_start());
        let mut code_lines = 0;
        for text in above {
            if text.starts_with(marker) {
                return true;
            }
            code_lines += usize::from(!text.starts_with("//"));
            if code_lines > 6 {
                break;
            }
        }
        false
    }

    /// Every `// ORDERING:` comment outside tests, with what it explains.
    #[must_use]
    pub fn ordering_sites(&self) -> Vec<OrderingSite> {
        let mut sites = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let Some(first) = line.trim_start().strip_prefix("// ORDERING:") else { continue };
            let rest = self.lines[at + 1..].iter().map_while(|line| line.trim_start().strip_prefix("//"));
            let words: Vec<_> = std::iter::once(first).chain(rest).map(str::trim).collect();
            let below = at + words.len() + 1;
            let Some(start) = self.tokens.iter().position(|token| token.line >= below) else { continue };
            if !self.tokens[start].test {
                let item = self.tokens[start].item.to_string();
                let why = words.join(" ");
                sites.push(OrderingSite { item, orderings: self.orderings_from(start, &why), why });
            }
        }
        sites
    }

    /// The orderings in the statement that starts at token `start`.
    fn orderings_from(&self, start: usize, why: &str) -> Vec<String> {
        let mut depth = 0;
        let mut found = Vec::new();
        for token in &self.tokens[start..] {
            match &*token.text {
                ";" | "," | "{" | "}" if depth == 0 => break,
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 0 => break,
                ")" | "]" | "}" => depth -= 1,
                text if ORDERINGS.contains(&text) => found.push(text.to_string()),
                _ => {}
            }
        }
        if found.is_empty() {
            let named = why.split(|letter: char| !letter.is_alphanumeric()).find(|word| ORDERINGS.contains(word));
            found.extend(named.map(String::from));
        }
        found
    }

    /// Whether the path that ends at token `at` starts an argument.
    fn starts_an_argument(&self, at: usize) -> bool {
        let text = |at: usize| &*self.tokens[at].text;
        let mut first = at;
        while first >= 2 && text(first - 1) == "::" {
            first -= 2;
        }
        first >= 1 && matches!(text(first - 1), "(" | ",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"
        use std::{sync::{Arc, atomic}, thread};
        impl<F: Fn() -> u8> Drop for Guard<F> {
            fn drop(&mut self) {
                // ORDERING: Release pairs with
                // the Acquire in `is_open`.
                self.open.compare_exchange(
                    1, 0, AcqRel, Ordering::Acquire);
                let text = "std::hint";
                // ORDERING: Release, or the fault's own.
                self.open.store(1, order);
            }
        }
        #[cfg(all(test, not(loom)))]
        mod tests { use std::hint; }
        #[cfg(not(test))]
        fn after() {}
    "#;

    #[test]
    fn the_groups_of_a_use_are_opened() {
        let code = Code::parse(SAMPLE).unwrap();
        let paths = code.paths();
        let has = |path: &str, test| paths.iter().any(|used| used.path == path && used.test == test);
        assert!(has("std::sync::Arc", false) && has("std::sync::atomic", false) && has("std::thread", false));
        assert!(has("std::hint", true) && !has("std::hint", false), "a string is no path, and tests are marked");
        assert!(has("after", false), "{paths:?}");
    }

    #[test]
    fn an_ordering_comment_knows_its_item_and_its_orderings() {
        let sites = Code::parse(SAMPLE).unwrap().ordering_sites();
        let told: Vec<_> = sites.iter().map(|site| (&*site.item, site.orderings.join(", "), &*site.why)).collect();
        let first = ("Guard::drop", "AcqRel, Acquire".to_string(), "Release pairs with the Acquire in `is_open`.");
        let second = ("Guard::drop", "Release".to_string(), "Release, or the fault's own.");
        assert_eq!(told, [first, second]);
    }
}
