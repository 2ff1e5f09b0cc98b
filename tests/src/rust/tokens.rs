//! Reads tokens, and notes for each its line, the item around it, and whether it is test code.

use std::rc::Rc;

use proc_macro2::{Delimiter, LexError, Spacing, TokenStream, TokenTree};

/// One token.
#[derive(Debug, Clone)]
pub struct Token {
    /// What is written there; `::` is one token.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
    /// The item around it, such as `Node::request`; empty at the top of a file.
    pub item: Rc<str>,
    /// Whether it is compiled for tests only.
    pub test: bool,
}

/// The tokens of a file.
pub(super) fn read(text: &str) -> Result<Vec<Token>, LexError> {
    let mut tokens = Vec::new();
    flatten(text.parse()?, &Rc::from(""), false, &mut tokens);
    Ok(tokens)
}

/// Appends the tokens of `stream`, which is inside `item`.
fn flatten(stream: TokenStream, item: &Rc<str>, test: bool, tokens: &mut Vec<Token>) {
    let mut scanner = Items::default();
    let trees: Vec<_> = stream.into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        scanner.see(&trees, at);
        let test = test || scanner.for_tests;
        let token = |text: &str, line| Token { text: text.into(), line, item: Rc::clone(item), test };
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                let body = group.delimiter() == Delimiter::Brace;
                let inside = scanner.name.take_if(|_| body).map(|name| join(item, &name));
                tokens.push(token(open, group.span_open().start().line));
                flatten(group.stream(), inside.as_ref().unwrap_or(item), test, tokens);
                tokens.push(token(close, group.span_close().start().line));
            }
            TokenTree::Punct(punct) => {
                let second = at > 0
                    && matches!(&trees[at - 1], TokenTree::Punct(before) if before.as_char() == ':'
                        && before.spacing() == Spacing::Joint);
                match tokens.last_mut() {
                    Some(last) if second && punct.as_char() == ':' && last.text == ":" => last.text.push(':'),
                    _ => tokens.push(token(&punct.to_string(), punct.span().start().line)),
                }
            }
            tree => tokens.push(token(&tree.to_string(), tree.span().start().line)),
        }
        scanner.leave(tree);
    }
}

fn join(outer: &str, name: &str) -> Rc<str> {
    if outer.is_empty() { Rc::from(name) } else { Rc::from(format!("{outer}::{name}")) }
}

/// Which item the tokens of one level belong to.
#[derive(Default)]
struct Items {
    /// The item whose body is still to come.
    name: Option<String>,
    /// Whether an attribute says that the item is for tests only.
    for_tests: bool,
}

impl Items {
    fn see(&mut self, trees: &[TokenTree], at: usize) {
        let next = trees.get(at + 1);
        match &trees[at] {
            TokenTree::Ident(word) if self.name.is_none() => {
                self.name = match (word.to_string().as_str(), next) {
                    ("fn" | "mod" | "trait", Some(TokenTree::Ident(name))) => Some(name.to_string()),
                    ("impl", Some(_)) => implemented_for(&trees[at + 1..]),
                    _ => None,
                };
            }
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = next {
                    self.for_tests |= is_for_tests(attribute.stream());
                }
            }
            _ => {}
        }
    }

    fn leave(&mut self, tree: &TokenTree) {
        let ends = match tree {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        if ends {
            *self = Self::default();
        }
    }
}

/// The type of an `impl`, given what follows that word, or `None` when no body does.
fn implemented_for(trees: &[TokenTree]) -> Option<String> {
    let mut depth = 0;
    let mut name = None;
    let mut arrow = false;
    for tree in trees {
        let after_arrow =
            std::mem::replace(&mut arrow, matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '-'));
        match tree {
            TokenTree::Punct(_) if after_arrow => {}
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' => depth -= 1,
            TokenTree::Punct(punct) if punct.as_char() == ';' => return None,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return name,
            TokenTree::Ident(word) if depth == 0 && word == "where" => return name,
            TokenTree::Ident(word) if depth == 0 && word != "for" => name = Some(word.to_string()),
            _ => {}
        }
    }
    None
}

/// Whether an attribute is `test`, or a `cfg` that asks for `test`.
pub(super) fn is_for_tests(attribute: TokenStream) -> bool {
    let trees: Vec<_> = attribute.into_iter().collect();
    match &trees[..] {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "cfg" => asks_for_tests(group.stream()),
        _ => false,
    }
}

fn asks_for_tests(condition: TokenStream) -> bool {
    let mut negated = false;
    for tree in condition {
        match tree {
            TokenTree::Ident(word) if word == "test" => return true,
            TokenTree::Group(group) if !negated && asks_for_tests(group.stream()) => return true,
            tree => negated = matches!(tree, TokenTree::Ident(word) if word == "not"),
        }
    }
    false
}
