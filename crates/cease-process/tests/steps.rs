//! Whoever starts a worker is killed after each of its system calls in turn, and after each that the new process makes before it
//! executes something: nothing outlives it.
//!
//! It is traced from call to call, so each step is met exactly, and nobody has to sleep until it is likely to have come.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]
#![allow(unsafe_code, reason = "ptrace has no safe wrapper")]

mod act;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::fs;
use std::io::{self, BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use act::{Act, LIMIT, Scratch, TAG, cgroups_of, nobody_is_left};
use cease_core::Strategy;
use cease_process::Process;
use cease_process::containment::{Containment, Kind};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// Says to a process that it is to start one worker, and in what: with the tag of the worker behind it.
const KIND: &str = "CEASE_TEST_KIND";
const FOR_WORKERS: &str = "CEASE_TEST_FOR_WORKERS";
/// How a process ends that has started its worker and was not killed.
const DONE: i32 = 42;

#[test]
fn in_a_cgroup_nothing_outlives_who_is_killed_after_any_call() {
    killed_after_each_call(Kind::Cgroup);
}

#[test]
fn in_a_pid_namespace_nothing_outlives_who_is_killed_after_any_call() {
    killed_after_each_call(Kind::PidNamespace);
}

#[test]
fn among_descendants_nothing_outlives_who_is_killed_after_any_call() {
    killed_after_each_call(Kind::Descendants);
}

/// A program that starts one worker, waits for nothing, and ends without a word to it.
#[test]
fn starts_one() {
    let Ok(kind) = std::env::var(KIND) else { return };
    let kind = act::kind_called(&kind);
    println!("\nthere");
    io::stdin().read_line(&mut String::new()).unwrap();
    let process = Process::in_test("worker").containment(Containment::Require(kind)).env_remove(KIND);
    match process.env(TAG, std::env::var_os(FOR_WORKERS).unwrap()).spawn(Act::Deaf) {
        // SAFETY: it ends the process at once, with the worker and all.
        Ok(_running) => unsafe { libc::_exit(DONE) },
        Err(error) => panic!("{}", error.os_error()),
    }
}

fn killed_after_each_call(kind: Kind) {
    let (mut killed, mut killed_with_child) = (Vec::new(), 0);
    for calls in 0.. {
        let scratch = Scratch::new("steps");
        let mut traced = Traced::start(kind, &scratch.tag());
        let pid = traced.child.id();
        if let Err(error) = traced.seize() {
            traced.child.kill().unwrap();
            traced.child.wait().unwrap();
            return println!("skipped, because it cannot be traced: {error}");
        }
        let end = traced.run(calls);
        let what = format!("{kind}: after {calls} calls ({end:?})");
        nobody_is_left(&scratch.tag(), LIMIT, &what);
        if kind == Kind::Cgroup {
            assert!(populated_cgroups_of(pid).is_empty(), "{what}: {:?}", populated_cgroups_of(pid));
        }
        match end {
            End::Killed { with_child } => {
                killed.push(pid);
                killed_with_child += usize::from(with_child);
            }
            End::Exited(DONE) => {
                // No later process of this test removes its cgroup; one of another test may.
                for path in act::cgroup_paths_of(pid) {
                    let removed = fs::remove_dir(&path);
                    assert!(removed.is_ok() || !path.exists(), "{}: {removed:?}", path.display());
                }
                break;
            }
            End::Exited(code) if !act::can_have(kind) => {
                return println!("skipped, because it ended with {code}: no {kind} can be had");
            }
            End::Exited(code) => panic!("{what}: it ended with {code}"),
        }
    }
    // An empty cgroup may be left of each, which the next one removes, whose own is left in turn.
    let left = killed.iter().filter(|pid| cgroups_of(**pid) > 0).count();
    assert_eq!(left, 0, "of {} that were killed: their cgroups were not removed", killed.len());
    assert!(killed.len() > 20, "there are more calls on the way than {}", killed.len());
    assert!(
        killed_with_child >= 3,
        "{kind}: it was killed {killed_with_child} times with a child that was not loaded yet"
    );
    println!("{kind}: killed after each of {} calls, in {killed_with_child} of them of the child", killed.len());
}

/// How a traced process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Perhaps with a child that had not executed anything.
    Killed {
        with_child: bool,
    },
    Exited(i32),
}

/// A process that stops at each of its system calls, and so does what it starts, until that executes something.
struct Traced {
    child: Child,
    stdin: ChildStdin,
    /// Kept open: what it starts writes there too.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Traced {
    /// Starts one that is about to start a worker of this kind, with this tag.
    fn start(kind: Kind, tag: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "starts_one", "--nocapture", "--test-threads=1"]);
        command.env(KIND, kind.to_string()).env(FOR_WORKERS, tag);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap() == "there"), "it ended before it began");
        Self { stdin: child.stdin.take().unwrap(), child, _stdout: lines }
    }

    /// Traces all of its threads, and those that are to come; it is killed when this process ends.
    fn seize(&self) -> io::Result<()> {
        for entry in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let thread = entry?.file_name().to_str().and_then(|name| name.parse().ok()).expect("it is a number");
            let (there, before) = (libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL, libc::PTRACE_O_TRACEEXEC);
            let options = there | before | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_TRACEVFORK;
            ptrace(libc::PTRACE_SEIZE, thread, options)?;
            ptrace(libc::PTRACE_INTERRUPT, thread, 0)?;
        }
        Ok(())
    }

    /// Lets it go on for so many calls, and then kills it; it may have ended by then.
    fn run(&mut self, calls: usize) -> End {
        let pid = raw(self.child.id());
        self.stdin.write_all(b"go\n").unwrap();
        let (mut seen, mut inside, mut own) = (0, BTreeMap::new(), BTreeSet::new());
        // What it has started and has not executed anything; and whether that stands still.
        let (mut started, mut stands, mut end) = (None, false, None);
        loop {
            if let (Some(end), true) = (end, started.is_none() || stands) {
                // From here on that goes its way, as if nobody had looked on.
                started.into_iter().for_each(detach);
                return end;
            }
            let (thread, status) = wait_for_traced();
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
                if thread == pid {
                    end = Some(code.map_or(End::Killed { with_child: started.is_some() }, End::Exited));
                } else if started == Some(thread) {
                    started = None;
                }
                continue;
            }
            // A thread that was killed is not listed any more, so it is known by an earlier look.
            let is_own = thread == pid || own.contains(&thread) || self.has(thread);
            if is_own {
                own.insert(thread);
            } else {
                started = Some(thread);
            }
            let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
            let mut pass_on = 0;
            if event == libc::PTRACE_EVENT_EXEC {
                detach(thread);
                started = None;
                continue;
            }
            if signal == libc::SIGTRAP | 0x80 {
                // Each thread stops twice for a call: on the way in, and on the way out.
                let was_inside = match inside.get(&thread) {
                    Some(was_inside) => Some(*was_inside),
                    None => is_on_the_way_out(thread),
                };
                // A thread that was killed since it stopped is seen to end by a later wait.
                let Some(was_inside) = was_inside else { continue };
                let is_inside = !was_inside;
                inside.insert(thread, is_inside);
                seen += usize::from(is_inside);
                if is_inside && seen > calls {
                    // Once its end was seen it is reaped, and its number may be that of another process.
                    if end.is_none() {
                        self.child.kill().unwrap();
                    }
                    stands = !is_own;
                    continue;
                }
            } else if event == 0 {
                pass_on = signal;
            }
            if end.is_some() {
                stands = !is_own;
                continue;
            }
            // One that was killed meanwhile is gone.
            let _ = ptrace(libc::PTRACE_SYSCALL, thread, pass_on);
        }
    }

    /// Whether this is a thread of it.
    fn has(&self, thread: libc::pid_t) -> bool {
        fs::exists(format!("/proc/{}/task/{thread}", self.child.id())).unwrap_or(false)
    }
}

/// Whether a thread that stops for the first time was inside a call already when it was first traced; `None` when it was killed
/// since it stopped.
fn is_on_the_way_out(thread: libc::pid_t) -> Option<bool> {
    let mut info = [0_u8; 128];
    // SAFETY: `info` has as much room as the call is told, and the call only writes to it.
    let size =
        unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, info.len(), info.as_mut_ptr().cast::<c_void>()) };
    if size > 0 {
        return Some(info[0] == libc::PTRACE_SYSCALL_INFO_EXIT);
    }
    let error = io::Error::last_os_error();
    assert_eq!(error.raw_os_error(), Some(libc::ESRCH), "{error}");
    None
}

/// Lets a process go that is traced and stands still; one that was killed since then is gone.
fn detach(child: libc::pid_t) {
    if let Err(error) = ptrace(libc::PTRACE_DETACH, child, 0) {
        assert_eq!(error.raw_os_error(), Some(libc::ESRCH), "{error}");
    }
}

fn ptrace(request: libc::c_uint, thread: libc::pid_t, data: libc::c_int) -> io::Result<()> {
    let none = std::ptr::null_mut::<c_void>();
    // SAFETY: these requests take a number, and neither read nor write any memory.
    let answer = unsafe { libc::ptrace(request, thread, none, libc::c_long::from(data)) };
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until something that the calling thread traces stops or ends.
fn wait_for_traced() -> (libc::pid_t, libc::c_int) {
    let mut status = 0;
    loop {
        // SAFETY: `status` has room for one; only what this thread traces or has started is waited for.
        let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
        if thread > 0 {
            return (thread, status);
        }
        let error = io::Error::last_os_error();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted, "{error}");
    }
}

/// The cgroups that process `pid` has made and that somebody still runs in.
fn populated_cgroups_of(pid: u32) -> Vec<String> {
    let end = std::time::Instant::now() + LIMIT;
    loop {
        let populated: Vec<_> = act::cgroup_paths_of(pid)
            .into_iter()
            .filter(|path| {
                fs::read_to_string(path.join("cgroup.events")).is_ok_and(|text| text.contains("populated 1"))
            })
            .map(|path| path.display().to_string())
            .collect();
        if populated.is_empty() || std::time::Instant::now() >= end {
            return populated;
        }
        std::thread::yield_now();
    }
}

fn raw(pid: u32) -> libc::pid_t {
    pid.try_into().expect("a number of a process is small")
}
