//! Many runs leave the machine as it was.

use std::fs;
use std::path::PathBuf;

use crate::common::{OURS, Running, kinds};

#[test]
fn three_hundred_runs_leave_nothing() {
    let before = descriptors();
    let kinds = kinds();
    let mut pids = Vec::new();
    for round in 0..300 {
        let tree = format!("--tree={}", kinds[round % kinds.len()]);
        let script = ["exit 0", "setsid sleep 1000 & exit 0", "sleep 1000", "kill -KILL $$"][round / 3 % 4];
        let limit = if script == "sleep 1000" { ".01" } else { "60" };
        let running = Running::start(OURS, &[&tree, limit, "sh", "-c", script]);
        pids.push(running.pid());
        running.end();
    }
    assert_eq!(descriptors(), before);
    let cgroups = cgroups();
    let left = cgroups.iter().filter(|name| pids.iter().any(|pid| name.starts_with(&format!("cease-timeout-{pid}-"))));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&String>::new());
    let own = std::process::id();
    let is_zombie = |pid: &&u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains(&format!(") Z {own} "))
    };
    assert_eq!(pids.iter().filter(is_zombie).count(), 0);
}

/// How many pipes this process has open; other tests open some at the same time, but those it would lose pile up.
fn descriptors() -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap().count();
    open / 100
}

/// The names of the cgroups below the one that this process is in.
fn cgroups() -> Vec<String> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default().to_string();
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(|place| PathBuf::from(place).join(&own));
    let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
