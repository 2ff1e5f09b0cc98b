//! Plays a scene in a process of its own, for what belongs to a whole process: signals, limits, counts of descriptors.

use std::process::Command;
use std::time::Duration;

use cease_tests::process::{self, Ended};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const ALONE: &str = "CEASE_OS_ALONE";

/// Plays `scene` in a process of its own and says how that ended; `None` when this is that process.
///
/// `before` may change how that process is started.
pub(crate) fn alone_after(test: &str, before: impl FnOnce(&mut Command), scene: impl FnOnce()) -> Option<Ended> {
    if std::env::var_os(ALONE).is_some() {
        scene();
        return None;
    }
    // Whoever runs the tests may ignore signals, `nohup` for instance, and a process inherits that.
    let mut command = Command::new("env");
    command.arg("--default-signal=HUP,INT,TERM").arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1", "--nocapture"]).env(ALONE, "1");
    before(&mut command);
    let ended = process::run(&mut command, 2 * PATIENCE).unwrap();
    assert!(ended.stdout.contains("running 1 test"), "{test} is not the name of one test: {ended:?}");
    Some(ended)
}

/// Plays `scene` in a process of its own, which has to end well.
#[allow(dead_code, reason = "not every test file has such a scene")]
pub(crate) fn alone(test: &str, scene: impl FnOnce()) {
    let ended = alone_after(test, |_| (), scene);
    assert!(ended.as_ref().is_none_or(|ended| ended.status.success()), "{ended:?}");
}

/// How many entries a directory of this process has, below `/proc/self`.
#[allow(dead_code, reason = "not every test file counts")]
pub(crate) fn count(directory: &str) -> usize {
    std::fs::read_dir(format!("/proc/self/{directory}")).unwrap().count()
}
