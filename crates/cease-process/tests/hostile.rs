//! Wherever and however a program is started: its workers start, stop and end as always, or it is told why not.
//!
//! Each state is that of a process of its own, which notes in a file that it held, because not each of them has an output.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "a mask of signals has no safe wrapper")]

mod act;

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use act::{Act, Ending, HASTY, LIMIT, Scratch, TAG, nobody_is_left};
use cease_core::{Exit, StopSource, Strategy};
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::GracePeriods;
use cease_process::{Process, StartError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// Says to a process what is to be done there, and where to note that it held.
const STATE: &str = "CEASE_TEST_STATE";
const NOTE: &str = "CEASE_TEST_NOTE";
/// The tag of what is started there, which the process itself does not have.
const FOR_WORKERS: &str = "CEASE_TEST_FOR_WORKERS";
/// In what its workers are contained, if not in the best that can be had.
const KIND: &str = "CEASE_TEST_KIND";

/// Runs `state` in a process of its own that is started by the shell line `how`, in which `"$@"` is the process; and once more with
/// workers in PID namespaces, where there is more that can go wrong on the way.
fn held(state: &str, how: &str) {
    held_as(state, how, |_| ());
}

/// As above, with more to be done to the command.
fn held_as(state: &str, how: &str, change: impl Fn(&mut Command)) {
    held_in(None, state, how, &change);
    if act::can_have(Kind::PidNamespace) {
        held_in(Some(Kind::PidNamespace), state, how, &change);
    }
}

fn held_in(kind: Option<Kind>, state: &str, how: &str, change: impl Fn(&mut Command)) {
    let scratch = Scratch::new(state);
    let mut command = Command::new("sh");
    command.args(["-c", how, "sh"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "in_a_state", "--nocapture", "--test-threads=1"]);
    command.env(STATE, state).env(NOTE, scratch.path("note")).env(FOR_WORKERS, scratch.tag());
    command.envs(kind.map(|kind| (KIND, kind.to_string())));
    // Whoever it runs as may note something there.
    fs::set_permissions(scratch.tag(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    change(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let note = fs::read_to_string(scratch.path("note"));
    assert!(
        output.status.success() && note.as_deref().is_ok_and(|note| note == "held"),
        "{state}, {kind:?}: {note:?}: {text}"
    );
    nobody_is_left(&scratch.tag(), Duration::ZERO, state);
}

/// What is done in a process that was started for it.
#[test]
fn in_a_state() {
    let Ok(state) = std::env::var(STATE) else { return };
    match &*state {
        "blocked" => {
            block_all_signals();
            everything_works();
        }
        "deleted-directory" => {
            let scratch = Scratch::new("directory");
            std::env::set_current_dir(scratch.tag()).unwrap();
            drop(scratch);
            assert!(std::env::current_dir().is_err(), "it is gone");
            everything_works();
        }
        "deleted-program" => {
            fs::remove_file(std::env::current_exe().unwrap()).unwrap();
            everything_works();
        }
        "replaced-program" => {
            let own = std::env::current_exe().unwrap();
            let other = own.with_extension("other");
            fs::write(&other, "this is no program").unwrap();
            fs::rename(other, own).unwrap();
            everything_works();
        }
        "few-descriptors" => few_descriptors(),
        "few-processes" => few_processes(),
        "nested" => nested(),
        "no-proc" => without_proc(),
        _ => everything_works(),
    }
    fs::write(std::env::var_os(NOTE).map(PathBuf::from).unwrap(), "held").unwrap();
}

#[test]
fn signals_that_are_blocked_where_a_worker_is_started() {
    held("blocked", r#"exec "$@""#);
}

#[test]
fn signals_that_were_ignored_from_the_start() {
    held("ignored", r#"trap '' TERM INT HUP PIPE QUIT USR1; exec "$@""#);
}

#[test]
fn standard_streams_that_are_closed() {
    for how in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
        held("closed", &format!(r#"exec "$@" {how}"#));
    }
}

#[test]
fn a_working_directory_that_is_gone() {
    held("deleted-directory", r#"exec "$@""#);
}

#[test]
fn a_program_that_was_deleted_or_replaced_since_it_was_started() {
    for state in ["deleted-program", "replaced-program"] {
        let scratch = Scratch::new("program");
        let copy = scratch.path("program");
        held_as(state, &format!(r#"rm -f {0}; cp "$1" {0}; shift; exec {0} "$@""#, copy.display()), |_| ());
    }
}

#[test]
fn an_environment_that_says_that_it_is_a_worker() {
    for mark in ["", "rubbish", "0", "-1", "1", "18446744073709551615", "18446744073709551616"] {
        held_as("marked", r#"exec "$@""#, |command| _ = command.env("CEASE_PROCESS_WORKER", mark));
    }
}

/// Until there are enough descriptors each start is refused, with the job handed back and nothing left.
#[test]
fn descriptors_that_are_few() {
    held("few-descriptors", r#"exec "$@""#);
}

/// Until there may be enough processes and threads each start is refused, with the job handed back and nothing left.
#[test]
fn processes_that_are_few() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can become somebody else, who has no other processes");
    }
    // Whoever it is, it is nobody whose processes count against it.
    held_as("few-processes", r#"exec "$@""#, |command| _ = command.uid(54_321).gid(54_321));
}

#[test]
fn a_program_that_is_the_first_process_of_a_namespace() {
    for (state, options) in [("first-process", "--mount-proc"), ("first-process-with-foreign-proc", "")] {
        let unshare = format!("unshare --pid --fork --kill-child {options}");
        let probe = Command::new("sh").args(["-c", &format!("{unshare} true")]).output().unwrap();
        if !probe.status.success() {
            println!("skipped, because there is no namespace: {}", String::from_utf8_lossy(&probe.stderr));
            return;
        }
        held(state, &format!(r#"exec {unshare} "$@""#));
    }
}

/// There its own program cannot be found, and is told by the operating system; one that is named by its path does its job.
#[test]
fn a_system_without_proc() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: only root can mount something over it");
    }
    held("no-proc", r#"exec unshare --mount sh -c 'mount -t tmpfs none /proc && exec "$@"' sh "$@""#);
}

#[test]
fn a_job_that_has_workers_of_its_own() {
    held("nested", r#"exec "$@""#);
}

fn process() -> Process {
    let process = Process::in_test("worker").budgets(HASTY).env_remove(STATE);
    let process = process.env_remove(KIND).env(TAG, std::env::var_os(FOR_WORKERS).unwrap());
    let kind = std::env::var(KIND).ok().map(|kind| act::kind_called(&kind));
    kind.iter().fold(process, |process, kind| process.containment(Containment::Require(*kind)))
}

/// Workers start, yield, hear of a stop, and end by SIGTERM and SIGKILL.
fn everything_works() {
    let patient = GracePeriods { ask: LIMIT, term: LIMIT, kill: LIMIT };
    let run = |act: Act, budgets: GracePeriods| {
        let worker = process().budgets(budgets).spawn(act).unwrap_or_else(|error| panic!("{}", error.os_error()));
        worker.stop();
        worker.join().unwrap()
    };
    let exit = process().spawn(Act::Return("value".into())).unwrap().join().unwrap();
    assert_eq!(exit.into_finished().as_deref(), Some("value"));
    let exit = run(Act::StoppedFuture, patient);
    assert!(exit.as_stopped().is_some());
    let exit = run(Act::Deaf, GracePeriods { ask: Duration::ZERO, ..patient });
    assert!(matches!(exit, Exit::Killed { signal: 15, .. }), "SIGTERM comes through: {exit:?}");
    let exit = run(Act::Deaf, GracePeriods { ask: Duration::ZERO, term: Duration::ZERO, kill: LIMIT });
    assert!(matches!(exit, Exit::Killed { signal: 9, .. }), "{exit:?}");
    let exit = process().spawn(Act::Exit(7)).unwrap().join().unwrap();
    assert!(matches!(exit, Exit::Exited(7)), "{exit:?}");
}

/// Tries a start that may be refused for want of something, and says whether it was not.
fn is_enough() -> bool {
    let job = Act::Return("precious".into());
    match process().spawn(job.clone()) {
        Ok(worker) => {
            assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("precious"));
            true
        }
        Err(error) => {
            let why = error.os_error();
            println!("refused: {why}");
            assert!(why.raw_os_error().is_some() || StartError::of(&error).is_some(), "it says why: {why}");
            assert_eq!(error.into_job(), job, "the job is handed back");
            false
        }
    }
}

/// Goes on with more and more of `resource` until a worker could be had; some starts before that were refused.
fn with_more_and_more(resource: Resource, from: u64) {
    let held = || (descriptors(), threads(), act::cgroups_of(std::process::id()));
    let before = held();
    let enough = getrlimit(resource);
    let refused = (from..from + 200).take_while(|limit| {
        setrlimit(resource, Rlimit { current: Some(*limit), ..enough }).unwrap();
        let is_enough = is_enough();
        // Whoever looks needs some of it too.
        setrlimit(resource, enough).unwrap();
        nobody_is_left(&std::env::var(FOR_WORKERS).unwrap(), Duration::ZERO, "after a start that was refused");
        act::until("as before", || held() == before);
        !is_enough
    });
    let refused = refused.count();
    assert!((1..200).contains(&refused), "{refused} starts were refused");
    assert!(is_enough());
}

fn few_descriptors() {
    // Those that are open for good.
    with_more_and_more(Resource::Nofile, 3);
    no_descriptors_at_the_end();
}

/// Of a worker that gets away no process is left, though nothing can be opened any more when it is ended.
fn no_descriptors_at_the_end() {
    let tag = std::env::var(FOR_WORKERS).unwrap();
    let (ready, is_ready) = channel();
    let script = "(setsid sh -c 'sleep 1000 & sleep 1000' &); echo ready";
    let process = process().on_progress(move |_| _ = ready.send(()));
    let (worker, watch) =
        process.spawn_watched(Act::Escape(script.into(), Ending::Deafest), StopSource::new()).unwrap();
    is_ready.recv_timeout(LIMIT).unwrap();
    let enough = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..enough }).unwrap();
    let others: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    assert!(!others.is_empty() && fs::File::open("/dev/null").is_err());
    worker.stop();
    let exit = worker.join().unwrap();
    drop(others);
    setrlimit(Resource::Nofile, enough).unwrap();
    assert!(matches!(exit, Exit::Killed { signal: 9, .. }), "{exit:?}");
    let contained = [Kind::Cgroup, Kind::PidNamespace].contains(&watch.wait().containment);
    if contained {
        nobody_is_left(&tag, Duration::ZERO, "after an end without descriptors");
    } else {
        println!("skipped: without a cgroup and a namespace nobody can be looked for then");
    }
}

fn few_processes() {
    with_more_and_more(Resource::Nproc, 1);
}

fn descriptors() -> usize {
    // One is that of the look itself.
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

fn without_proc() {
    assert!(!is_enough());
    let own = std::env::args_os().next().unwrap();
    let worker = process().program(own).spawn(Act::Return("value".into())).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("value"));
}

/// A worker has workers, and they are its tree: whatever ends it ends them.
fn nested() {
    let exit = process().spawn(Act::Nest(Ending::Return)).unwrap().join().unwrap();
    assert_eq!(exit.into_finished().as_deref(), Some("returned"));
    let tag = std::env::var(FOR_WORKERS).unwrap();
    nobody_is_left(&tag, Duration::ZERO, "after the job that had workers");
    for ending in [Ending::StoppedFuture, Ending::Deaf, Ending::Deafest] {
        let (ready, is_ready) = channel();
        let process = process().on_progress(move |_| _ = ready.send(()));
        let (worker, watch) = process.spawn_watched(Act::Nest(ending), StopSource::new()).unwrap();
        is_ready.recv_timeout(LIMIT).unwrap();
        assert!(act::tagged(&tag).len() >= 2, "both are there");
        worker.stop();
        let exit = worker.join().unwrap();
        assert!(matches!(exit, Exit::Stopped(_) | Exit::Killed { .. }), "{ending:?}: {exit:?}");
        let report = watch.report().unwrap();
        assert!(report.unkillable.is_empty(), "{ending:?}: {report:?}");
        nobody_is_left(&tag, LIMIT, "after a job with workers was stopped");
    }
}

fn block_all_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` has room for a set.
    assert_eq!(unsafe { libc::sigfillset(all.as_mut_ptr()) }, 0);
    // SAFETY: `all` is a set, which was just made, and nobody asks for the old one.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) };
    assert_eq!(error, 0, "{}", io::Error::from_raw_os_error(error));
}
