//! The repository's own rules: each is a function from its files to one line for each violation.
//!
//! | file | what its rules are about |
//! |---|---|
//! | `circles.rs` | that modules import one another in one direction |
//! | `layout.rs` | which files there are, and that each is compiled |
//! | `source.rs` | what may be written in a Rust file |
//! | `manifests.rs` | manifests, and the reason for each dependency |
//! | `siblings.rs` | that two strategies can be read side by side |
//! | `pages.rs` | the book, and the links of all pages |

pub mod circles;
pub mod layout;
pub mod manifests;
pub mod pages;
pub mod siblings;
pub mod source;

use crate::repo::Repo;

/// A rule: from the files of a repository to one line for each violation.
pub type Rule = fn(&Repo) -> Vec<String>;
