//! Many runs leave the machine as it was.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::Signal;

use crate::common::{LIMIT, OURS, Running, kinds, run};

#[test]
fn three_hundred_runs_leave_nothing() {
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
    let cgroups = cgroups();
    let left = cgroups.iter().filter(|name| pids.iter().any(|pid| name.starts_with(&format!("cease-{pid}-"))));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&String>::new());
    let own = std::process::id();
    let is_zombie = |pid: &&u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.contains(&format!(") Z {own} "))
    };
    assert_eq!(pids.iter().filter(is_zombie).count(), 0);
}

#[test]
fn what_a_killed_one_left_empty_is_removed_by_another() {
    if !kinds().contains(&"cgroup") {
        return;
    }
    let mut running = Running::start(OURS, &["60", "sh", "-c", "echo up; exec sleep 1000"]).once_up(1);
    let prefix = format!("cease-{}-", running.pid());
    let is_there = || cgroups().iter().any(|name| name.starts_with(&prefix));
    assert!(is_there());
    running.send(Signal::KILL);
    running.wait();
    running.nobody_is_left();
    let end = Instant::now() + LIMIT;
    while is_there() {
        assert!(Instant::now() < end, "not removed in time");
        run(OURS, &["-s", "KILL", ".01", "sleep", "1000"]);
    }
}

#[test]
fn a_command_that_cannot_be_run_leaves_nothing() {
    let mut running = Running::start(OURS, &["60", "/no/such/program"]);
    let prefix = format!("cease-{}-", running.pid());
    assert_eq!(running.wait().code(), Some(127));
    assert!(!cgroups().iter().any(|name| name.starts_with(&prefix)));
}

/// The names of the cgroups below the one that this process is in.
fn cgroups() -> Vec<String> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default().to_string();
    let places = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(|place| PathBuf::from(place).join(&own));
    let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
