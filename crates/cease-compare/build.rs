//! Notes which compiler builds the comparison, because its figures depend on it.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version =
        Command::new(rustc).arg("--version").output().ok().and_then(|said| String::from_utf8(said.stdout).ok());
    println!("cargo::rustc-env=CEASE_RUSTC={}", version.as_deref().map_or("unknown", str::trim));
}
