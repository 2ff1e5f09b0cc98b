//! Whatever a job's processes do to get away, and however the job ends, nobody is left.
//!
//! Everything that a job starts has a variable in its environment that no other test has; who has it and has not ended is a
//! survivor.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use act::{Act, Ending, HASTY, LIMIT, Scratch, TAG, can_have, nobody_is_left};
use cease_core::{Exit, Strategy};
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::{GracePeriods, Stage};
use cease_process::{Process, StartError};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// What a job's processes do to get away, as shell scripts that print `ready` when they have.
const ESCAPES: [(&str, &str); 7] = [
    ("group", "sleep 1000 & echo ready; exec sleep 1000"),
    ("setsid", "setsid sleep 1000 & echo ready; exec sleep 1000"),
    ("double-fork", "(setsid sh -c 'sleep 1000 & sleep 1000' &); echo ready"),
    ("deaf", "trap '' TERM; setsid sh -c \"trap '' TERM; while :; do sleep 1000; done\" & echo ready; sleep 1000"),
    ("stopped", "setsid sh -c 'kill -STOP $$; sleep 1000' & echo ready; kill -STOP $$; sleep 1000"),
    ("holds-pipe", "setsid sleep 1000 & setsid sleep 1000 & echo ready; sleep 1000"),
    ("chain", "export CHAIN='setsid sh -c \"$CHAIN\" & exit'; sh -c \"$CHAIN\" & echo ready"),
];

const ENDINGS: [Ending; 7] =
    [Ending::Return, Ending::Panic, Ending::Exit, Ending::StoppedFuture, Ending::Deaf, Ending::Deafest, Ending::Frozen];

/// A tag that nobody else has.
fn new_tag(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // ORDERING: Relaxed: only the number matters.
    format!("{name}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn contained(kind: Kind, tag: &str) -> Process {
    Process::in_test("worker").containment(Containment::Require(kind)).budgets(HASTY).env(TAG, tag)
}

/// Whether `exit` is what a job with this ending comes to when it is stopped.
fn is_right(ending: Ending, exit: &Exit<String>) -> bool {
    match (ending, exit) {
        (Ending::Return, Exit::Finished(text)) => text == "returned",
        (Ending::Panic, Exit::Panicked(_)) | (Ending::StoppedFuture, Exit::Stopped(_)) => true,
        (Ending::Exit, Exit::Exited(code)) => *code == 7,
        // SIGTERM came through, also to what is stopped; a machine that stalls may be late.
        (Ending::Deaf | Ending::Frozen, Exit::Killed { signal, .. }) => [9, 15].contains(signal),
        (Ending::Deafest, Exit::Killed { signal, .. }) => *signal == 9,
        _ => false,
    }
}

/// Runs every escape with every ending, but those that `misses` says the containment does not hold.
fn matrix(kind: Kind, misses: impl Fn(&str, Ending) -> bool) {
    for (name, script) in ESCAPES {
        for ending in ENDINGS.into_iter().filter(|ending| !misses(name, *ending)) {
            let tag = new_tag(name);
            // Whoever leaves when asked has the time for it, on a machine that stalls too; so has what it leaves behind.
            let ask = if ending == Ending::StoppedFuture { Duration::from_secs(3) } else { HASTY.ask };
            let process = contained(kind, &tag).budgets(GracePeriods { ask, ..HASTY });
            let (ready, is_ready) = channel();
            let process = process.on_progress(move |_| _ = ready.send(()));
            let started = process.spawn_watched(Act::Escape(script.into(), ending), Default::default());
            let (worker, watch) = started.unwrap_or_else(|error| panic!("{name}: {error}"));
            if !matches!(ending, Ending::Return | Ending::Panic | Ending::Exit) {
                is_ready.recv_timeout(LIMIT).unwrap();
                worker.stop();
            }
            let exit = worker.join().unwrap();
            assert!(is_right(ending, &exit), "{name}, {ending:?}, {kind}: {exit:?}, {:?}", watch.report());
            let report = watch.report().unwrap();
            assert_eq!((report.containment, &report.unkillable[..]), (kind, &[][..]), "{name}, {ending:?}");
            nobody_is_left(&tag, Duration::ZERO, &format!("{name}, {ending:?}, {kind}, after join"));
        }
    }
}

#[test]
fn a_cgroup_holds_every_escape_at_every_ending() {
    if can_have(Kind::Cgroup) {
        matrix(Kind::Cgroup, |_, _| false);
    }
}

#[test]
fn a_pid_namespace_holds_every_escape_at_every_ending() {
    if can_have(Kind::PidNamespace) {
        matrix(Kind::PidNamespace, |_, _| false);
    }
}

/// Whoever a job leaves behind is told by SIGTERM, and has its time to end.
#[test]
fn who_is_left_behind_can_clean_up() {
    for kind in [Kind::Cgroup, Kind::PidNamespace, Kind::Group].into_iter().filter(|kind| can_have(*kind)) {
        let scratch = Scratch::new("cleans-up");
        let (bye, pipe) = (scratch.path("bye"), scratch.path("pipe"));
        // It waits for what never comes, without a process of its own for that.
        let wait = format!("mkfifo {0}; exec 3<>{0}; read never <&3", pipe.display());
        let script = format!("(trap 'echo > {}; exit' TERM; echo ready; {wait}) & wait", bye.display());
        let patient = GracePeriods { ask: LIMIT, term: LIMIT, kill: LIMIT };
        let process = contained(kind, &scratch.tag()).budgets(patient);
        let started = process.spawn_watched(Act::Escape(script, Ending::Return), Default::default());
        let (worker, watch) = started.unwrap();
        assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("returned"));
        let report = watch.report().unwrap();
        assert!(report.survivors > 0 && report.reached == Some(Stage::Term), "{kind}: {report:?}");
        assert!(scratch.has("bye"), "{kind}: it had no time to clean up");
        nobody_is_left(&scratch.tag(), Duration::ZERO, "after it was told by SIGTERM");
    }
}

/// A worker that exits by itself takes nobody along who has left its group: that is what this containment misses.
#[test]
fn the_descendants_are_held_as_long_as_the_leader_lives() {
    matrix(Kind::Descendants, missed_by_descendants);
}

/// What the page about containments says that this one misses: who has left the group when the leader ends by itself, and
/// chains that fork faster than they are looked at.
fn missed_by_descendants(name: &str, ending: Ending) -> bool {
    name == "chain" || ending == Ending::Exit && name != "group"
}

#[test]
fn a_group_holds_who_stays_in_it() {
    matrix(Kind::Group, |name, _| name != "group");
}

/// Where nobody may make a cgroup, the next best is taken, and said; the one that was required is an error.
#[test]
fn without_permission_the_next_best_is_taken_and_said() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can become somebody else");
        return;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_nobody", "--nocapture", "--test-threads=1"]).env("CEASE_TEST_NOBODY", "1");
    let output = command.uid(65534).gid(65534).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("held as nobody"), "{text}");
}

#[test]
fn as_nobody() {
    if std::env::var_os("CEASE_TEST_NOBODY").is_none() {
        return;
    }
    assert!(!can_have(Kind::Cgroup));
    let tag = new_tag("refused");
    let error = contained(Kind::Cgroup, &tag).spawn(Act::Return("precious".into())).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::Containment(error)) if error.kind == Kind::Cgroup));
    assert_eq!(error.into_job(), Act::Return("precious".into()));
    nobody_is_left(&tag, Duration::ZERO, "after a containment that was required");
    let tag = new_tag("nobody");
    let process = Process::in_test("worker").budgets(HASTY).env(TAG, &tag);
    let (worker, watch) = process.spawn_watched(Act::StoppedFuture, Default::default()).unwrap();
    worker.stop();
    assert!(worker.join().unwrap().as_stopped().is_some());
    let has_namespaces = can_have(Kind::PidNamespace);
    assert_eq!(watch.wait().containment, if has_namespaces { Kind::PidNamespace } else { Kind::Descendants });
    if has_namespaces {
        matrix(Kind::PidNamespace, |_, _| false);
        a_worker_has_workers();
    }
    matrix(Kind::Descendants, missed_by_descendants);
    println!("held as nobody");
}

/// In a namespace there may be others, though the numbers in /proc mean somebody else there.
fn a_worker_has_workers() {
    for ending in [Ending::Return, Ending::StoppedFuture, Ending::Deafest] {
        let tag = new_tag("nested");
        let patient = GracePeriods { ask: LIMIT, ..HASTY };
        let (ready, is_ready) = channel();
        let process = contained(Kind::PidNamespace, &tag).on_progress(move |_| _ = ready.send(()));
        let process = if ending == Ending::Deafest { process } else { process.budgets(patient) };
        let worker = process.spawn(Act::Nest(ending)).unwrap();
        if ending != Ending::Return {
            is_ready.recv_timeout(LIMIT).unwrap();
            worker.stop();
        }
        let exit = worker.join().unwrap();
        assert!(is_right(ending, &exit), "{ending:?}: {exit:?}");
        nobody_is_left(&tag, Duration::ZERO, "after a worker that had workers");
    }
}

/// Whoever supervises is killed: no process of a worker's tree outlives it, at whichever step that was.
#[test]
fn who_supervises_is_killed_and_nobody_is_left() {
    for kind in [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants].into_iter().filter(|kind| can_have(*kind)) {
        for (name, script) in ESCAPES.into_iter().filter(|(name, _)| kind != Kind::Descendants || *name != "chain") {
            kill_the_supervisor(kind, name, script, "ready");
        }
        for (name, step) in [("spawning", "spawning"), ("begun", "begun"), ("stopping", "stopping")] {
            kill_the_supervisor(kind, name, ESCAPES[1].1, step);
        }
    }
}

/// Kills a supervisor that has said `step`, and waits until everybody is gone.
fn kill_the_supervisor(kind: Kind, name: &str, script: &str, step: &str) {
    let tag = new_tag(name);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "supervisor", "--nocapture", "--test-threads=1"]).env("CEASE_TEST_SCRIPT", script);
    command.env("CEASE_TEST_KIND", kind.to_string()).env("CEASE_TEST_SUPERVISED", &tag);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.by_ref().map(Result::unwrap).find(|line| line.ends_with(step));
    let killed = child.kill();
    child.wait().unwrap();
    assert!(said.is_some() && killed.is_ok(), "the supervisor ended before it was {step}");
    nobody_is_left(&tag, LIMIT, &format!("{name}, {kind}, killed when {step}"));
}

/// A supervisor that says what step it is at, and never ends by itself.
#[test]
fn supervisor() {
    let Some(tag) = std::env::var_os("CEASE_TEST_SUPERVISED").and_then(|tag| tag.into_string().ok()) else { return };
    let script = std::env::var("CEASE_TEST_SCRIPT").unwrap();
    let kind = act::kind_called(&std::env::var("CEASE_TEST_KIND").unwrap());
    // What the worker inherits must not make it a supervisor.
    let process = contained(kind, &tag).env_remove("CEASE_TEST_SUPERVISED").budgets(Default::default());
    println!("\nspawning");
    let deaf = process.spawn(Act::Deaf).unwrap();
    println!("\nbegun");
    let told = process.clone().on_progress(|_| println!("\nready"));
    let worker = told.spawn(Act::Escape(script, Ending::Deafest)).unwrap();
    deaf.stop();
    println!("\nstopping");
    drop(worker.join());
}
