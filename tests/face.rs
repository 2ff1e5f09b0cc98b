//! A package that depends on `cease` alone, also under another name, has all that the pages show.
#![cfg(not(any(loom, shuttle)))]

use std::fs;
use std::path::Path;
use std::process::Command;

use cease_tests::repo::top;

const PROGRAM: &str = r#"
use FACE::trace::{Trace, traced};
use FACE::{Checkpoint, Exit, SpawnFn};
use std::fs::File;

#[traced]
fn count() -> u64 {
    let mut number = 0_u64;
    loop {
        number = number.wrapping_add(1);
    }
}

fn main() {
    let worker = Trace::new().spawn_fn(|_| Ok(count())).unwrap();
    worker.stop();
    assert!(worker.join().unwrap().as_stopped().is_some());

    let worker = FACE::flag::Flag::new().spawn_fallible(|stop| {
        let file = File::open("/there is no such file")?;
        stop.check()?;
        Ok(file.metadata()?.len())
    });
    assert!(matches!(worker.unwrap().join().unwrap(), Exit::Finished(Err(_))));
}
"#;

const BESIDE: &str = r#"
use cease::SpawnFn;
use hooks::{Trace, traced};

#[traced(every = 64)]
fn count() -> u64 {
    let mut number = 0_u64;
    for step in 0.. {
        number ^= step;
    }
    number
}

fn main() {
    let worker = Trace::new().spawn_fn(|_| Ok(count())).unwrap();
    worker.stop();
    assert!(worker.join().unwrap().as_stopped().is_some());
}
"#;

#[test]
fn a_package_that_has_only_the_face_is_traced_and_fails_with_a_question_mark() {
    for (name, package) in [("cease", ""), ("halt", "package = \"cease\", ")] {
        let face = top().join("crates/cease");
        let dependencies = format!("{name} = {{ {package}path = {face:?}, features = [\"trace\"] }}\n");
        run(&format!("face-{name}"), &dependencies, &PROGRAM.replace("FACE", name));
    }
}

/// The face may lack the attribute, so the crate that has it comes first.
#[test]
fn a_package_that_has_the_face_and_the_crate_of_the_attribute_is_traced_through_the_crate() {
    let [face, trace] = ["crates/cease", "crates/cease-trace"].map(|dir| top().join(dir));
    let dependencies = format!(
        "cease = {{ path = {face:?} }}\nhooks = {{ package = \"cease-trace\", path = {trace:?}, default-features = false }}\n"
    );
    run("face-beside", &dependencies, BESIDE);
}

/// Builds and runs `program` in a package and workspace of its own with these dependencies.
fn run(dir: &str, dependencies: &str, program: &str) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(dir);
    fs::create_dir_all(dir.join("src")).unwrap();
    let manifest = format!(
        "[package]\nname = \"alone\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         {dependencies}"
    );
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.join("src/main.rs"), program).unwrap();
    fs::copy(top().join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--target-dir"]);
    let output = cargo.arg(dir.with_file_name("face")).current_dir(&dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
