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

#[test]
fn a_package_that_has_only_the_face_is_traced_and_fails_with_a_question_mark() {
    run("cease", "");
    run("halt", "package = \"cease\", ");
}

/// Builds and runs the program in a package and workspace of its own, where the face is called `name`.
fn run(name: &str, package: &str) {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("face-{name}"));
    fs::create_dir_all(dir.join("src")).unwrap();
    let face = top().join("crates/cease");
    let manifest = format!(
        "[package]\nname = \"alone\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n\
         {name} = {{ {package}path = {face:?}, features = [\"trace\"] }}\n"
    );
    fs::write(dir.join("Cargo.toml"), manifest).unwrap();
    fs::write(dir.join("src/main.rs"), PROGRAM.replace("FACE", name)).unwrap();
    fs::copy(top().join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--offline", "--target-dir"]);
    let output = cargo.arg(dir.with_file_name("face")).current_dir(&dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
