//! Whatever gets away, however the command ends, and by whatever it is kept together: nothing survives.

use rustix::process::Signal;

use crate::common::{OURS, Running, is_there, kinds, run};

/// What gets away: how many say that they are up, and a script that then waits for a line.
const ESCAPES: [(&str, usize, &str); 8] = [
    ("group", 1, "sh -c 'echo up; exec sleep 1000' &"),
    ("setsid", 1, "setsid sh -c 'echo up; exec sleep 1000' &"),
    ("double fork", 1, "(setsid sh -c 'sh -c \"echo up; exec sleep 1000\" & exit' &)"),
    (
        "deaf",
        2,
        "sh -c 'trap \"\" TERM HUP INT; echo up; exec sleep 1000' & setsid sh -c 'trap \"\" TERM; echo up; exec sleep 1000' &",
    ),
    ("stopped", 1, "setsid sh -c 'echo up; kill -STOP $$; exec sleep 1000' &"),
    ("deaf and stopped", 1, "setsid sh -c 'trap \"\" TERM; echo up; kill -STOP $$; exec sleep 1000' &"),
    ("holds pipes", 2, "setsid sh -c 'echo up; exec sleep 1000' & sh -c 'echo up; exec sleep 1000' 3>&1 4>&2 &"),
    ("fork chain", 1, "setsid sh -c 'echo up; f() { (f) & exit; }; f' &"),
];

/// How the command ends, and what its part of the script is.
const ENDINGS: [(&str, &str); 6] = [
    ("by itself", "read go; exit 7"),
    ("by a signal of its own", "read go; kill -KILL $$"),
    ("time", "read go; exit 7"),
    ("time, deaf", "trap '' TERM; echo up; while :; do sleep 1000; done"),
    ("signal", "read go; exit 7"),
    ("two signals", "trap '' TERM INT; echo up; while :; do sleep 1000; done"),
];

/// Runs every escape with every ending under one containment; `program` and `before` begin the command line.
fn nothing_survives(program: &str, before: &[&str], kind: &str) {
    for (escape, ups, script) in ESCAPES {
        for (ending, last) in ENDINGS {
            let script = format!("{script}\n{last}");
            let tree = format!("--tree={kind}");
            let grace = if ending == "two signals" { "60" } else { ".1" };
            let words = [before, &[&tree, "-k", grace, "60", "sh", "-c", &script]].concat();
            let mut running = Running::start(program, &words).once_up(ups + last.matches("echo up").count());
            match ending {
                "time" | "time, deaf" => running.send(Signal::ALARM),
                "signal" => running.send(Signal::TERM),
                "two signals" => {
                    // One could be merged into another of its kind that is still pending.
                    running.send(Signal::TERM);
                    running.send(Signal::INT);
                }
                _ => running.go(),
            }
            let ended = running.end();
            let expected = match ending {
                "by itself" => (Some(7), None),
                "time" => (Some(124), None),
                "signal" => (None, Some(15)),
                _ => (None, Some(9)),
            };
            let context = format!("{escape}, ended by {ending}, in {kind}: {}", ended.stderr);
            assert_eq!((ended.code, ended.signal), expected, "{context}");
        }
    }
}

#[test]
fn nothing_survives_in_a_cgroup() {
    if kinds().contains(&"cgroup") {
        nothing_survives(OURS, &[], "cgroup");
    }
}

#[test]
fn nothing_survives_in_a_namespace() {
    if kinds().contains(&"pidns") {
        nothing_survives(OURS, &[], "pidns");
    }
}

#[test]
fn nothing_survives_a_sweep() {
    nothing_survives(OURS, &[], "sweep");
}

/// Nobody has no cgroup, as a rule, and a namespace only together with one of users.
#[test]
fn nothing_survives_that_nobody_started() {
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", OURS];
    if !is_there("setpriv", &[&nobody[..], &["60", "true"]].concat()) {
        return;
    }
    for kind in ["auto", "pidns"] {
        let tree = format!("--tree={kind}");
        if is_there("setpriv", &[&nobody[..], &[&tree, "60", "true"]].concat()) {
            nothing_survives("setpriv", &nobody, kind);
        }
    }
}

#[test]
fn a_group_is_ended_and_no_more_is_promised() {
    let script = "sh -c 'echo up; exec sleep 1000' & read go; exit 7";
    let mut running = Running::start(OURS, &["--tree=group", "60", "sh", "-c", script]).once_up(1);
    running.go();
    assert_eq!(running.end().code, Some(7));
}

#[test]
fn a_namespace_ends_with_a_killed_timeout() {
    if !kinds().contains(&"pidns") {
        return;
    }
    for (escape, ups, script) in ESCAPES {
        let script = format!("{script}\nread go");
        let mut running = Running::start(OURS, &["--tree=pidns", "60", "sh", "-c", &script]).once_up(ups);
        running.send(Signal::KILL);
        running.wait();
        eprintln!("{escape}");
        running.nobody_is_left();
    }
}

#[test]
fn the_command_itself_ends_with_a_killed_timeout() {
    let mut running = Running::start(OURS, &["60", "sh", "-c", "echo up; exec sleep 1000"]).once_up(1);
    running.send(Signal::KILL);
    running.wait();
    running.nobody_is_left();
}

#[test]
fn the_background_is_kept_on_a_normal_end_only() {
    let script = "setsid sh -c 'echo up; exec sleep 1000' & read go; exit 7";
    for kind in ["auto", "sweep"] {
        let tree = format!("--tree={kind}");
        let words = [&tree, "--keep-background", "60", "sh", "-c", script];
        let mut running = Running::start(OURS, &words).once_up(1);
        running.go();
        assert_eq!(running.wait().code(), Some(7));
        assert_eq!(running.left().len(), 1, "{kind}");
        let running = Running::start(OURS, &words).once_up(1);
        running.send(Signal::ALARM);
        assert_eq!(running.end().code, Some(124), "{kind}");
    }
}

#[test]
fn who_is_left_is_listed_with_the_containment() {
    for kind in kinds() {
        let script = "setsid sh -c 'echo up; exec sleep 1000' & read go; exit 7";
        let tree = format!("--tree={kind}");
        let mut running = Running::start(OURS, &["-v", &tree, "60", "sh", "-c", script]).once_up(1);
        let sleeps = running.left();
        running.go();
        let ended = running.end();
        let listed = sleeps.iter().any(|pid| ended.stderr.contains(&format!("found by {kind}): {pid} (")));
        assert!(listed, "{sleeps:?}: {}", ended.stderr);
    }
}

#[test]
fn without_a_grace_the_command_lives_and_its_rest_does_not() {
    // As GNU's, `-k 0` never kills the command; what it leaves behind is still not left.
    let script =
        "trap 'echo up' TERM; setsid sh -c 'trap \"\" TERM; echo up; exec sleep 1000' & read go; read go; exit 7";
    let mut running = Running::start(OURS, &["-k", "0", "60", "sh", "-c", script]).once_up(1);
    running.send(Signal::TERM);
    running = running.once_up(1);
    running.hang_up();
    assert_eq!(running.end().code, Some(7));
}

#[test]
fn a_containment_that_cannot_be_had_is_an_error() {
    let words = ["--tree=what", "60", "true"];
    assert_eq!(run(OURS, &words).code, Some(125));
}
