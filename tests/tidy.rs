//! The repository's own rules: each holds, and each notices an example that breaks it.

use cease_tests::repo::Repo;
use cease_tests::rules::{Rule, circles, layout, manifests, pages, siblings, source};

/// One module for each rule: `holds` for this repository, and `notices` each example, which is what is said about it and
/// the files it is made of.
macro_rules! rules {
    ($($name:ident: $rule:path, $([$said:expr, $($path:literal => $text:expr),+]),+;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn holds() {
                    assert_holds($rule);
                }

                #[test]
                fn notices() {
                    $(assert_notices($rule, $said, &[$(($path, $text)),+]);)+
                }
            }
        )*
    };
}

rules! {
    the_top_level_is_as_agreed: layout::top_level,
        ["notes.txt: does not belong", "notes.txt" => ""],
        ["README.md: is missing", "Cargo.toml" => ""];

    every_file_says_what_it_is: layout::headers,
        ["src/a.rs", "src/a.rs" => "fn a() {}\n"],
        ["src/a.rs", "src/a.rs" => "//! Not a sentence\n"],
        ["a/src/lib.rs", "a/src/lib.rs" => "#![doc = include_str!(\"../README.md\")]\n", "a/README.md" => "# Title\n"];

    every_file_is_compiled: layout::compiled,
        ["a/tests/deep/b.rs: belongs to no target", "a/Cargo.toml" => "", "a/tests/deep/b.rs" => ""],
        ["a/src/b.rs: belongs to no target", "a/Cargo.toml" => "", "a/src/lib.rs" => "", "a/src/b.rs" => ""],
        ["tests/b.rs", "tests/Cargo.toml" => "[package]\nautotests = false\n", "tests/b.rs" => ""],
        ["a/tests/ui/b.rs: belongs to no target", "a/Cargo.toml" => "", "a/tests/ui/b.rs" => "",
            "a/tests/c.rs" => "fn d() { trybuild::TestCases::new().pass(\"tests/other/*.rs\") }"];

    models_see_every_thread_and_lock: source::facade,
        ["a.rs:1: `std::sync::Arc`", "crates/cease-core/src/a.rs" => "use std::{fmt, sync::Arc};"],
        ["a.rs:1: `std::hint::spin_loop`", "crates/cease-core/src/a.rs" => "fn a() { std::hint::spin_loop() }"],
        ["lib.rs:2: `std::thread`", "crates/b/Cargo.toml" => "",
            "crates/b/src/lib.rs" => "pub const CONTRACT: Contract = C;\nuse std::thread;"],
        ["is allowed to use `std::thread::Result`, but does not", "crates/cease-core/src/boundary.rs" => ""];

    every_atomic_access_has_its_reason: source::orderings,
        ["src/a.rs:1: `Release`", "a/src/a.rs" => "fn a(b: &AtomicBool) { b.store(true, Ordering::Release); }"],
        ["src/a.rs:1: `SeqCst`", "a/src/a.rs" => "fn a() { fence(SeqCst); }\n// ORDERING: too late."];

    every_ignored_test_is_a_known_limit: source::ignored,
        ["`slow` is ignored", "tests/a.rs" => "#[test]\n#[ignore = \"slow\"]\nfn slow() {}"];

    no_test_sleeps: source::sleeps,
        ["tests/a.rs:1", "tests/a.rs" => "fn a() { std::thread::sleep(b) }"],
        ["a/src/b.rs:1", "a/src/b.rs" => "#[cfg(test)] mod tests { use std::thread::{self, sleep}; }"];

    nothing_is_left_for_later: source::unfinished,
        ["a.rs:1", "a.rs" => "fn a() { todo!() }"],
        ["a.md:2", "a.md" => concat!("# A\nFIX", "ME: write this.\n")];

    no_path_of_a_machine: source::machine_paths,
        ["a.sh:1", "a.sh" => concat!("cd /ho", "me/somebody\n")];

    modules_import_in_one_direction: circles::acyclic,
        ["a/src/b.rs:1 -> a/src/c.rs:1 -> a/src/b.rs: a circle", "a/Cargo.toml" => "", "a/src/lib.rs" => "mod b; mod c;",
            "a/src/b.rs" => "use crate::c::C; pub struct B;", "a/src/c.rs" => "pub struct C; fn d() { super::b::B; }"],
        ["a/src/b.rs:2 -> a/src/c.rs:1 -> a/src/d.rs:1 -> a/src/b.rs: a circle", "a/Cargo.toml" => "",
            "a/src/lib.rs" => "mod b; mod c; mod d;", "a/src/b.rs" => "pub struct B;\nuse super::{d, c::{self, C}};",
            "a/src/c.rs" => "use crate::d::*; pub struct C(D);", "a/src/d.rs" => "use super::b; pub struct D(b::B);"],
        ["a/src/b.rs:1 -> a/src/c.rs:1 -> a/src/b.rs: a circle", "a/Cargo.toml" => "",
            "a/src/lib.rs" => "mod b; mod c; pub use b::B; pub use c::C;",
            "a/src/b.rs" => "use crate::C; pub struct B;", "a/src/c.rs" => "use crate::B; pub struct C;"],
        ["a/src/b.rs:1 -> a/src/c.rs:1 -> a/src/b.rs: a circle", "a/Cargo.toml" => "",
            "a/src/lib.rs" => "extern crate self as own; mod b; mod c;",
            "a/src/b.rs" => "use crate as me; pub struct B(me::c::C);", "a/src/c.rs" => "pub struct C(own::b::B);"],
        ["a/src/b.rs:1 -> a/src/lib.rs:1 -> a/src/b.rs: a circle", "a/Cargo.toml" => "",
            "a/src/lib.rs" => "mod b; use b::B; pub struct A;", "a/src/b.rs" => "use super::A; pub struct B;"],
        ["is allowed a circle with crates/cease-core/src/current.rs, but is in none", "a/Cargo.toml" => ""];

    manifests_are_regular: manifests::regular,
        ["the lints", "a/Cargo.toml" => "[package]\nname = \"a\"\n"],
        ["`edition`", "a/Cargo.toml" => "[package]\nedition = \"2024\"\n"],
        ["`libc` is not taken", "a/Cargo.toml" => "[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n"];

    every_dependency_has_its_reason: manifests::dependencies,
        ["has no row for `libc`, used by a", "Cargo.toml" => "[workspace.dependencies]\nlibc = \"0.2\"\n",
            "a/Cargo.toml" => "[dependencies]\nlibc.workspace = true\n"],
        ["nobody uses `libc`", "Cargo.toml" => "[workspace.dependencies]\nlibc = \"0.2\"\n"],
        ["`libc` is no dependency", "docs/ARCHITECTURE.md" => DEPENDENCIES],
        ["`libc` is used by b, not a", "docs/ARCHITECTURE.md" => DEPENDENCIES,
            "Cargo.toml" => "[workspace.dependencies]\nlibc = \"0.2\"\n",
            "b/Cargo.toml" => "[package]\nname = \"b\"\n[dependencies]\nlibc.workspace = true\n"];

    strategies_have_the_common_files: siblings::common_files,
        ["crates/a: has no tests/laws.rs", "crates/a/Cargo.toml" => "", "crates/a/src/lib.rs" => CONTRACT];

    strategies_have_the_same_headings: siblings::same_headings,
        ["crates/a/README.md", "crates/a/Cargo.toml" => "", "crates/a/src/lib.rs" => CONTRACT,
            "crates/a/README.md" => "A.\n\n# Guarantees\n\n# How it works\n"];

    strategies_have_pages_with_the_same_headings: siblings::same_page_headings,
        ["docs/A.md", "crates/cease-a/Cargo.toml" => "", "crates/cease-a/src/lib.rs" => CONTRACT],
        ["docs/A.md", "crates/cease-a/Cargo.toml" => "", "crates/cease-a/src/lib.rs" => CONTRACT,
            "docs/A.md" => "# A\n\n## What it says about itself\n\n## Where to look\n"];

    every_link_leads_somewhere: pages::links,
        ["docs/a.md:1: `b.md`", "docs/a.md" => "[b](b.md)\n"],
        ["docs/a.md:3: `#c`", "docs/a.md" => "# B\n\n[c](#c)\n"],
        ["docs/a.md:1: `../b.md#c`", "docs/a.md" => "[c](../b.md#c)\n", "b.md" => "# B\n"];

    the_book_lists_every_page: pages::summary,
        ["does not list docs/b.md", "docs/SUMMARY.md" => "[a](a.md)\n", "docs/a.md" => "", "docs/b.md" => ""];

    every_semantic_is_held_by_something: pages::semantics,
        ["docs/SEMANTICS.md: is missing", "docs/a.md" => ""],
        ["docs/SEMANTICS.md:3: names nothing", "docs/SEMANTICS.md" => "| a | held by |\n|---|---|\n| `b` | yes |\n"],
        ["docs/SEMANTICS.md:1: `c` is no check", "docs/SEMANTICS.md" => "| a | `b`, `c` |\n",
            "a/tests/a.rs" => "fn b() { c(); }\n"];

    the_first_pages_name_the_face_only: pages::face,
        ["README.md:2: `cease_flag` is behind", "README.md" => "use cease::flag;\nuse cease_flag::Flag;\n"],
        ["docs/GUIDE.md:1: `cease_core` is behind", "docs/GUIDE.md" => "[a](cease_core::Worker)\n"];

    the_examples_of_every_page_are_run: pages::examples,
        ["does not run the examples of docs/b.md", "docs/b.md" => "", "tests/src/lib.rs" => ""];
}

/// A parent that passes its children on, and the tests of a module, are in no circle.
#[test]
fn a_re_export_and_a_test_are_no_imports() {
    let files = [
        ("a/Cargo.toml", ""),
        ("a/src/lib.rs", "mod b; pub use b::B; pub struct A;"),
        ("a/src/b.rs", "use super::A; pub struct B(A);\n#[cfg(test)] mod tests { use crate::c::C; }"),
    ];
    let wrong = circles::acyclic(&Repo::of(&files));
    assert!(!wrong.iter().any(|wrong| wrong.contains("a circle of modules")), "{wrong:#?}");
}

const CONTRACT: &str = "pub const CONTRACT: Contract = C;\n";

const DEPENDENCIES: &str = "| dependency | used by | why |\n|---|---|---|\n| `libc` | a | the system |\n";

fn assert_holds(rule: Rule) {
    let violations = rule(&Repo::load());
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

fn assert_notices(rule: Rule, said: &str, files: &[(&str, &str)]) {
    let violations = rule(&Repo::of(files));
    assert!(violations.iter().any(|violation| violation.contains(said)), "no `{said}` in {violations:#?}");
}
