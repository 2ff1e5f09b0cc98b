//! Many runs leave the machine as it was.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rustix::process::Signal;

use crate::common::{LIMIT, OURS, Running, kinds, run};

/// Runs 1 000 of them, with each kind of containment that is given and each kind of end, and prints their numbers.
///
/// Before and after that it prints how many descriptors, threads and children it has itself.
const RUNS: &str = "
count() { set -- /proc/$$/fd/*; fds=$#; set -- /proc/$$/task/*; echo counts $fds $# $(cat /proc/$$/task/*/children | wc -w); }
program=$1; shift
count
round=0
while [ $round -lt 1000 ]; do
    for kind; do
        for script in 'exit 0' 'setsid sleep 1000 & exit 0' 'sleep 1000' 'kill -KILL $$'; do
            case $script in sleep*) limit=.005 ;; *) limit=60 ;; esac
            $program --tree=$kind $limit sh -c \"$script\" 2>/dev/null & echo $!
            wait $!
            round=$((round + 1))
        done
    done
done
count
";

#[test]
fn a_thousand_runs_leave_nothing() {
    let ended = run("sh", &[&["-c", RUNS, "sh", OURS], kinds()].concat());
    let counts: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("counts")).collect();
    let pids: Vec<_> = ended.stdout.lines().filter(|line| !line.starts_with("counts")).collect();
    assert!(pids.len() >= 1000, "{}", ended.stderr);
    assert_eq!((counts.len(), counts[0]), (2, counts[1]));
    // Nobody is left, which was seen at the end of the run; there are no zombies, or the count of children would be another.
    let cgroups = cgroups();
    let left = cgroups.iter().filter(|name| pids.iter().any(|pid| name.starts_with(&format!("cease-{pid}-"))));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<&String>::new());
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
