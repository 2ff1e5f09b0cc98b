//! A tree of processes is ended as one thing, whatever its members do to get away.
#![cfg(not(any(loom, shuttle)))]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cease_process::containment::{Enclosure, Kind};
use cease_process::pidfd::{Ended, Leader};
use cease_process::tree::Tree;
use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(60);

/// Everything of a test has this variable in its environment, with a value that no other test has.
const TAG: &str = "CEASE_TEST_TREE";

/// Starts a shell with `script`, and waits for its first line.
fn start(tag: &str, script: &str, kind: Kind) -> Tree {
    let mut command = Command::new("sh");
    command.args(["-c", script]).env(TAG, tag).stdin(Stdio::piped()).stdout(Stdio::piped());
    let enclosure = Enclosure::prepare(kind).unwrap();
    // The shell waits for a line before it begins, so that it is inside when it starts something.
    let (leader, mut pipes) = Leader::spawn(&mut command, true).unwrap();
    enclosure.admit(&leader).unwrap();
    std::io::Write::write_all(pipes.stdin.as_mut().unwrap(), b"go\n").unwrap();
    let mut line = String::new();
    BufReader::new(pipes.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "{script}");
    Tree::new(leader, enclosure)
}

/// Who has the tag and has not ended.
fn tagged(tag: &str) -> Vec<String> {
    let wanted = format!("{TAG}={tag}");
    let has = |pid: &str| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    pids.filter(|pid| pid.parse::<u32>().is_ok() && has(pid)).collect()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "not {what} in time");
        std::thread::yield_now();
    }
}

/// Ends it as the ladder does: kill, until nobody is left, and reap last.
fn kill_and_reap(mut tree: Tree) -> Ended {
    tree.kill().unwrap();
    let end = Instant::now() + LIMIT;
    let mut ended = tree.leader().peek().unwrap().is_some();
    while !ended || !tree.survivors().is_empty() {
        assert!(Instant::now() < end, "some are left: {:?}", tree.survivors());
        let seen = tree.wait(Some(end), &[]).unwrap();
        ended |= seen.leader_ended;
        tree.kill().unwrap();
    }
    tree.reap().unwrap().0
}

/// What members do to get away, as shell scripts that print `ready`; each reads the line that lets it begin.
const ESCAPES: [(&str, &str); 6] = [
    ("group", "read go; sleep 1000 & echo ready; wait"),
    ("setsid", "read go; setsid sleep 1000 & echo ready; wait"),
    ("double-fork", "read go; (setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo ready; sleep 1000"),
    ("deaf", "read go; trap '' TERM; sh -c 'trap \"\" TERM; sleep 1000' & echo ready; while :; do sleep 1000; done"),
    (
        "stopped",
        "read go; sh -c 'kill -STOP $$' & setsid sh -c 'kill -STOP $$' & echo ready; kill -STOP $$; sleep 1000",
    ),
    ("holds-pipe", "read go; setsid sleep 1000 & setsid sleep 1000 & echo ready; exec sleep 1000"),
];

fn every_escape_is_killed(kind: Kind) {
    for (name, script) in ESCAPES {
        let tag = format!("{name}-{kind}-{}", std::process::id());
        let tree = start(&tag, script, kind);
        let ended = kill_and_reap(tree);
        assert_eq!(ended, Ended::Signaled { signal: 9, core: false }, "{name}");
        until("gone", || tagged(&tag).is_empty());
    }
}

#[test]
fn a_cgroup_holds_every_escape() {
    if let Err(error) = Enclosure::prepare(Kind::Cgroup) {
        eprintln!("skipped: {error}: {}", error.error);
        return;
    }
    every_escape_is_killed(Kind::Cgroup);
}

#[test]
fn the_leader_is_told_apart_by_how_it_ended() {
    for (script, expected) in [
        ("exit 7", Ended::Exited(7)),
        ("kill -TERM $$", Ended::Signaled { signal: 15, core: false }),
        ("exit 0", Ended::Exited(0)),
    ] {
        let (leader, _) = Leader::spawn(Command::new("sh").args(["-c", script]), true).unwrap();
        assert_eq!(leader.wait_timeout(LIMIT).unwrap(), Some(expected), "{script}");
        assert_eq!(leader.peek().unwrap(), Some(expected), "looking takes nothing away");
        leader.signal(Signal::KILL).unwrap();
        leader.signal_group(Signal::KILL).unwrap();
        assert_eq!(leader.reap().unwrap(), expected);
    }
}

#[test]
fn a_leader_that_runs_is_not_reaped_and_dropping_it_ends_it() {
    let tag = format!("drop-{}", std::process::id());
    let (leader, _) = Leader::spawn(Command::new("sleep").arg("1000").env(TAG, &tag), true).unwrap();
    assert_eq!(leader.wait_timeout(Duration::ZERO).unwrap(), None);
    let leader = leader.reap().unwrap_err();
    let pid = leader.pid();
    drop(leader);
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap() || tagged(&tag).is_empty());
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error = Leader::spawn(&mut Command::new("/no/such/program"), true).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_tree_that_is_let_go_of_runs_on() {
    let Ok(enclosure) = Enclosure::prepare(Kind::Cgroup) else { return };
    let (leader, _) = Leader::spawn(Command::new("sleep").arg("1000"), true).unwrap();
    enclosure.admit(&leader).unwrap();
    enclosure.release();
    assert_eq!(leader.wait_timeout(Duration::ZERO).unwrap(), None);
}

#[test]
fn a_cgroup_is_gone_as_soon_as_it_is_seen_that_nobody_is_left() {
    let Ok(enclosure) = Enclosure::prepare(Kind::Cgroup) else { return };
    let cgroup = enclosure.cgroup().unwrap();
    let (leader, _) = Leader::spawn(Command::new("sleep").arg("1000"), true).unwrap();
    enclosure.admit(&leader).unwrap();
    let mut tree = Tree::new(leader, enclosure);
    assert!(tree.survivors().is_empty() && cgroup.exists(), "the leader runs in it");
    tree.kill().unwrap();
    let end = Instant::now() + LIMIT;
    while !tree.wait(Some(end), &[]).unwrap().leader_ended {
        assert!(Instant::now() < end, "it was killed");
    }
    until("empty", || tree.survivors().is_empty());
    assert!(!cgroup.exists());
    tree.kill().unwrap();
    assert!(tree.survivors().is_empty(), "once more is harmless");
    assert!(tree.reap().is_ok());
}
