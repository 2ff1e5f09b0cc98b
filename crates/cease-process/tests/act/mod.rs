//! The job of the tests, which does what it is told, and what they all need.
#![allow(unsafe_code, reason = "to ignore a signal has no safe wrapper")]
#![allow(dead_code, reason = "not every test needs all of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Checkpoint, Job, Stopped, Strategy, Worker};
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::GracePeriods;
use cease_process::{Process, RemoteJob, StartError};
use rustix::process::{Pid, Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

/// What has not happened by then never will.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A ladder that goes up fast, and waits long for what was killed.
pub(crate) const HASTY: GracePeriods =
    GracePeriods { ask: Duration::from_millis(20), term: Duration::from_millis(20), kill: Duration::from_secs(30) };

/// A number that two processes do not share.
pub(crate) static SHARED: AtomicU32 = AtomicU32::new(0);

/// What a job is told to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    /// Return this.
    Return(String),
    /// Wait for the stop, and leave.
    StoppedFuture,
    /// Wait for the stop, and return its reason.
    ReasonOfStop,
    /// Wait for the stop, and return what is in [`SHARED`].
    SharedAtStop,
    /// Check, make this file, and return.
    TouchAfterCheck(PathBuf),
    /// Make the second file, wait for the stop, and leave; the first is made by a destructor.
    TouchWhenDropped(PathBuf, PathBuf),
    /// As above, but wait for ever.
    DeafWhenDropped(PathBuf, PathBuf),
    /// Panic with this.
    Panic(String),
    /// Exit with this code.
    Exit(i32),
    /// Send this signal to oneself.
    Signal(i32),
    /// Never check.
    Deaf,
    /// Tell something, and return.
    Tell,
    /// Run this shell script, which prints `ready` when it has got away, and go on as told.
    Escape(String, Ending),
    /// Write to the standard output, and return what the standard input has.
    Stdio,
    /// Start a thread that never ends, and return.
    LeaveThread,
    /// Return so many bytes.
    Many(usize),
    /// Have a deaf worker of one's own, tell when it is there, and go on as told; to return, stop it first.
    Nest(Ending),
}

/// How a job goes on when others have got away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// Return.
    Return,
    /// Panic.
    Panic,
    /// Exit by oneself.
    Exit,
    /// Wait for the stop.
    StoppedFuture,
    /// Never check.
    Deaf,
    /// Never check, and do not care for SIGTERM.
    Deafest,
    /// Stop as by ctrl-Z.
    Frozen,
}

/// Makes a file when it is dropped.
struct Touch(PathBuf);

impl Drop for Touch {
    fn drop(&mut self) {
        fs::write(&self.0, "").unwrap();
    }
}

impl RemoteJob for Act {
    const NAME: &'static str = "act";
}

impl Job for Act {
    type Output = String;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<String, Stopped> {
        match self {
            Self::Return(text) => Ok(text),
            Self::StoppedFuture => stop.sleep(Duration::MAX).map(|()| "woke up".into()),
            Self::ReasonOfStop => Ok(stop.sleep(Duration::MAX).unwrap_err().reason().to_string()),
            Self::SharedAtStop => {
                let _ = stop.sleep(Duration::MAX);
                // ORDERING: SeqCst, and still not seen: it is another memory.
                Ok(SHARED.load(Ordering::SeqCst).to_string())
            }
            Self::TouchAfterCheck(path) => {
                stop.check()?;
                fs::write(path, "").unwrap();
                Ok("touched".into())
            }
            Self::TouchWhenDropped(path, running) => {
                let _touch = Touch(path);
                fs::write(running, std::process::id().to_string()).unwrap();
                stop.sleep(Duration::MAX).map(|()| "woke up".into())
            }
            Self::DeafWhenDropped(path, running) => {
                let _touch = Touch(path);
                fs::write(running, std::process::id().to_string()).unwrap();
                for_ever()
            }
            Self::Panic(text) => panic!("{text}"),
            Self::Exit(code) => std::process::exit(code),
            Self::Signal(signal) => signal_oneself(signal),
            Self::Deaf => for_ever(),
            Self::Tell => {
                assert!(cease_process::progress(&("half", 50)).unwrap());
                assert!(cease_process::log("going on").unwrap());
                Ok("told".into())
            }
            Self::Escape(script, ending) => {
                escape(&script);
                if ending == Ending::Deafest {
                    ignore(libc::SIGTERM);
                }
                let _ = cease_process::progress("ready");
                ending.go_on(stop)
            }
            Self::Stdio => {
                println!("this is the user's");
                Ok(std::io::read_to_string(std::io::stdin()).unwrap())
            }
            Self::LeaveThread => {
                thread::spawn(|| for_ever());
                Ok("left".into())
            }
            Self::Many(bytes) => Ok("x".repeat(bytes)),
            Self::Nest(ending) => {
                let inner = Process::in_test("worker").budgets(HASTY).spawn(Self::Deaf).unwrap();
                if ending == Ending::Deafest {
                    ignore(libc::SIGTERM);
                }
                let _ = cease_process::progress("ready");
                let outcome = ending.go_on(stop);
                drop(inner);
                outcome
            }
        }
    }
}

impl Ending {
    fn go_on<C: Checkpoint>(self, stop: &C) -> Result<String, Stopped> {
        match self {
            Self::Return => Ok("returned".into()),
            Self::Panic => panic!("on purpose"),
            Self::Exit => std::process::exit(7),
            Self::StoppedFuture => stop.sleep(Duration::MAX).map(|()| "woke up".into()),
            Self::Deaf | Self::Deafest => for_ever(),
            Self::Frozen => signal_oneself(libc::SIGSTOP),
        }
    }
}

/// Does the job, in a process that was started for one.
pub(crate) fn init() {
    cease_process::init([cease_process::job::<Act>()]);
}

/// A strategy whose listeners can take the worker of a job that tells something.
pub(crate) fn worker_of(make: impl FnOnce(Slot) -> Process) -> Worker<String> {
    let slot = Slot::default();
    let worker = make(slot.clone()).spawn(Act::Tell).unwrap();
    slot.put(worker);
    slot.take_back()
}

/// A place where a worker changes hands: it is put there, taken, and put back.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<(Mutex<Place>, Condvar)>);

/// A worker, and how often one was put there.
type Place = (Option<Worker<String>>, u32);

impl Slot {
    pub(crate) fn put(&self, worker: Worker<String>) {
        let mut place = self.0.0.lock().unwrap();
        *place = (Some(worker), place.1 + 1);
        self.0.1.notify_all();
    }

    pub(crate) fn take(&self) -> Worker<String> {
        self.take_after(1)
    }

    fn take_back(&self) -> Worker<String> {
        self.take_after(2)
    }

    fn take_after(&self, puts: u32) -> Worker<String> {
        let place = self.0.0.lock().unwrap();
        let mut place = self.0.1.wait_while(place, |place| place.1 < puts || place.0.is_none()).unwrap();
        place.0.take().unwrap()
    }
}

/// A directory of a test's own, removed at its end; its path is the tag by which its processes are found.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // ORDERING: Relaxed: only the number matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Whether the process that has written its number into this file is a child of this one, zombies included.
    pub(crate) fn is_child(&self, name: &str) -> bool {
        let pid = fs::read_to_string(self.path(name)).unwrap().parse().unwrap();
        parent_of(pid) == Some(std::process::id())
    }

    pub(crate) fn tag(&self) -> String {
        self.0.display().to_string()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The variable by which processes of a test are found.
pub(crate) const TAG: &str = "CEASE_TEST_TAG";

/// The processes that have the tag and have not ended; those that have are without an environment.
pub(crate) fn tagged(tag: &str) -> Vec<u32> {
    let wanted = format!("{TAG}={tag}");
    let has = |pid: &u32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    processes().into_iter().filter(has).collect()
}

/// Fails when somebody with the tag is left after `timeout`, and leaves nobody behind for other tests.
pub(crate) fn nobody_is_left(tag: &str, timeout: Duration, what: &str) {
    let end = Instant::now() + timeout;
    loop {
        let left = tagged(tag);
        if left.is_empty() {
            return;
        }
        if Instant::now() >= end {
            for pid in &left {
                // It has the tag, so it is this test's own.
                let _ = kill_process(Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap(), Signal::KILL);
            }
            panic!("{what}: some are left: {left:?}");
        }
        thread::yield_now();
    }
}

/// Every process.
pub(crate) fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The parent of a process, if it is there.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The containment of this name.
pub(crate) fn kind_called(name: &str) -> Kind {
    let kinds = [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group];
    kinds.into_iter().find(|kind| kind.to_string() == name).unwrap()
}

/// Whether a worker that is contained like that can be had here; if not, says so.
pub(crate) fn can_have(kind: Kind) -> bool {
    let process = Process::in_test("worker").containment(Containment::Require(kind));
    match process.spawn(Act::Return(String::new())) {
        Ok(worker) => worker.join().is_ok(),
        Err(error) => {
            println!("skipped, because no {kind} can be had: {}", error.os_error());
            assert!(matches!(StartError::of(&error), Some(StartError::Containment(_))), "{}", error.os_error());
            false
        }
    }
}

/// How many cgroups a process has made that are still there.
pub(crate) fn cgroups_of(pid: u32) -> usize {
    cgroup_paths_of(pid).len()
}

/// Where the cgroups are that a process has made.
pub(crate) fn cgroup_paths_of(pid: u32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let point =
        mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).and_then(|line| line.split(' ').nth(1));
    let Some(point) = point else { return Vec::new() };
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let Ok(entries) = fs::read_dir(Path::new(point).join(own)) else { return Vec::new() };
    let is_its = |name: &str| name.starts_with("cease-") && name.contains(&format!("-{pid}-"));
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_its)).collect()
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "not {what} in time");
        thread::yield_now();
    }
}

/// Runs a script until it says that it has got away; its standard output stays open.
#[allow(clippy::zombie_processes, reason = "it is left behind: that somebody ends it is what is tested")]
fn escape(script: &str) {
    let mut command = Command::new("sh");
    let mut child = command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    assert_eq!(line, "ready\n", "{script}");
}

fn for_ever() -> ! {
    loop {
        thread::park();
    }
}

fn signal_oneself(signal: i32) -> ! {
    let signal = Signal::from_named_raw(signal).unwrap();
    kill_process(getpid(), signal).unwrap();
    for_ever()
}

/// Ignores SIGTERM or SIGCHLD in this process.
pub(crate) fn ignore(signal: i32) {
    assert!([libc::SIGTERM, libc::SIGCHLD].contains(&signal));
    // SAFETY: it is a signal, and to ignore it needs no handler that would have to be sound.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}
