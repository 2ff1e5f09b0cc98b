//! Links `cease-timeout` statically where that can be done: to load the C library takes longer than all that it does itself.
//!
//! A feature of the compiler would do the same, but for every crate of a build; so the linker, which looks for shared
//! libraries, is shown a directory in which each of them is a line that names the static one.
//! Where something is missing nothing is said, and the program is linked as any other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the standard library is linked with, and the archives that stand in for it.
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("gcc_s", &["libgcc_eh.a", "libgcc.a"]),
    ("c", &["libc.a", "libgcc_eh.a", "libgcc.a"]),
    ("m", &["libm.a"]),
    ("rt", &["librt.a"]),
    ("pthread", &["libpthread.a"]),
    ("dl", &["libdl.a"]),
    ("util", &["libutil.a"]),
];

/// What a static program begins with, wherever it is loaded.
const BEGINNING: &str = "rcrt1.o";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(dir) = env::var_os("OUT_DIR").map(PathBuf::from).filter(|_| is_for_this_machine()) else { return };
    if place(BEGINNING).is_some() && LIBRARIES.iter().all(|(name, archives)| stand_in(&dir, name, archives).is_some()) {
        println!("cargo::rustc-link-arg-bin=cease-timeout=-L{}", dir.display());
        println!("cargo::rustc-link-arg-bin=cease-timeout=-static-pie");
    }
}

/// Whether this is Linux with the GNU C library, and no other machine's.
fn is_for_this_machine() -> bool {
    let is = |key: &str, value: &str| env::var(key).is_ok_and(|found| found == value);
    let wanted = env::var_os("CARGO_FEATURE_TIMEOUT").is_some();
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let is_static = features.split(',').any(|feature| feature == "crt-static");
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    wanted && !is_static && is_native && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu")
}

/// Writes what the linker takes for the shared library `name`.
fn stand_in(dir: &Path, name: &str, archives: &[&str]) -> Option<()> {
    let places = archives.iter().map(|archive| Some(place(archive)?.display().to_string()));
    let places = places.collect::<Option<Vec<_>>>()?;
    fs::write(dir.join(format!("lib{name}.so")), format!("GROUP ( {} )\n", places.join(" "))).ok()
}

/// Where the C compiler, which is the linker, has `file`; without one it says the bare name.
fn place(file: &str) -> Option<PathBuf> {
    let output = Command::new("cc").arg(format!("-print-file-name={file}")).output().ok()?;
    let place = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    (place.is_absolute() && place.is_file()).then_some(place)
}
