//! What the tests of this package share: the repository as text, the rules it is held to, and children under a watchdog.

pub mod blocks;
pub mod markdown;
pub mod process;
pub mod repo;
pub mod rules;
pub mod rust;

/// The Rust examples of the pages, run as doc tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    mod readme {}
    #[doc = include_str!("../../docs/ABANDON.md")]
    mod abandon {}
    #[doc = include_str!("../../docs/ARCHITECTURE.md")]
    mod architecture {}
    #[doc = include_str!("../../docs/CHANNEL.md")]
    mod channel {}
    #[doc = include_str!("../../docs/COMPARISON.md")]
    mod comparison {}
    #[doc = include_str!("../../docs/CONTRACT.md")]
    mod contract {}
    #[doc = include_str!("../../docs/CONTRIBUTING.md")]
    mod contributing {}
    #[doc = include_str!("../../docs/FLAG.md")]
    mod flag {}
    #[doc = include_str!("../../docs/GUIDE.md")]
    mod guide {}
    #[doc = include_str!("../../docs/LIMITS.md")]
    mod limits {}
    #[doc = include_str!("../../docs/ORDERINGS.md")]
    mod orderings {}
    #[doc = include_str!("../../docs/OS.md")]
    mod os {}
    #[doc = include_str!("../../docs/PERFORMANCE.md")]
    mod performance {}
    #[doc = include_str!("../../docs/PRIMITIVE.md")]
    mod primitive {}
    #[doc = include_str!("../../docs/PROCESS.md")]
    mod process {}
    #[doc = include_str!("../../docs/SEMANTICS.md")]
    mod semantics {}
    #[doc = include_str!("../../docs/TIMEOUT.md")]
    mod timeout {}
    #[doc = include_str!("../../docs/TOKEN.md")]
    mod token {}
    #[doc = include_str!("../../docs/UNWIND.md")]
    mod unwind {}
    #[doc = include_str!("../../docs/TRACE.md")]
    mod trace {}
}
