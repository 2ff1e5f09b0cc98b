//! Programs that are started, watched, and never left behind.
#![allow(unsafe_code, reason = "to give signals their meaning back has no safe wrapper")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

/// How long anything may take before a test gives up.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Everything of a test has this variable in its environment, with a value that nothing else has.
const TAG: &str = "CEASE_TEST_TIMEOUT";

/// The program under test.
pub(crate) const OURS: &str = env!("CARGO_BIN_EXE_cease-timeout");

/// A program that runs, and is ended with everything it has started when this goes.
pub(crate) struct Running {
    child: Child,
    tag: String,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// How a program ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Running {
    /// Starts `program` with `words`, in the plainest of locales.
    pub(crate) fn start(program: &str, words: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // ORDERING: Relaxed: only the number matters.
        let tag = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(program);
        command.args(words).env("LC_ALL", "C").env(TAG, &tag);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: `minds_interrupts` is sound between fork and exec.
        unsafe { command.pre_exec(minds_interrupts) };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { stdin: child.stdin.take(), stdout, child, tag }
    }

    /// Waits for `count` lines that each say `up`.
    pub(crate) fn once_up(mut self, count: usize) -> Self {
        for _ in 0..count {
            assert_eq!(self.line(), "up");
        }
        self
    }

    /// The next line that the command prints; empty when it has closed its output.
    pub(crate) fn line(&mut self) -> String {
        let mut fds = [PollFd::new(self.stdout.get_ref(), PollFlags::IN)];
        let wait = Timespec::try_from(LIMIT).unwrap();
        let ready = !self.stdout.buffer().is_empty() || poll(&mut fds, Some(&wait)).unwrap() > 0;
        assert!(ready, "not up in time");
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_string()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        // It is not reaped, so the number is its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Writes a line to the standard input of the command, which waits for one.
    pub(crate) fn go(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }

    /// Ends the standard input of the command, so that nothing more is waited for.
    pub(crate) fn hang_up(&mut self) {
        self.stdin = None;
    }

    /// Who has the tag and has not ended, beside the program itself.
    pub(crate) fn left(&self) -> Vec<u32> {
        tagged(&self.tag).into_iter().filter(|pid| *pid != self.pid()).collect()
    }

    /// Waits for its end, and for the end of everybody who has its pipes.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.wait();
        let (mut stdout, mut stderr) = (String::new(), Vec::new());
        // Who is left and holds a pipe would be waited for: first see that nobody is.
        self.nobody_is_left();
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ended { code: status.code(), signal: status.signal(), stdout, stderr }
    }

    /// The same, or `None` when it has left somebody behind for a while.
    pub(crate) fn end_unless_left(mut self) -> Option<Ended> {
        self.wait();
        let end = Instant::now() + Duration::from_secs(1);
        while !self.left().is_empty() {
            if Instant::now() >= end {
                return None;
            }
            std::thread::yield_now();
        }
        Some(self.end())
    }

    /// Waits for its end alone.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        if let Some(status) = self.child.try_wait().unwrap() {
            return status;
        }
        let fd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
        let wait = Timespec::try_from(LIMIT).unwrap();
        let ended = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&wait)).unwrap() > 0;
        assert!(ended, "no end in time");
        self.child.wait().unwrap()
    }

    /// Waits until nobody has the tag any more.
    pub(crate) fn nobody_is_left(&self) {
        let end = Instant::now() + LIMIT;
        while let [pid, ..] = self.left()[..] {
            let status = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            assert!(Instant::now() < end, "not gone in time: {}", status());
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in tagged(&self.tag) {
            let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { continue };
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Gives SIGINT and SIGQUIT their meaning back: a shell has what it starts in the background ignore both, these tests too.
fn minds_interrupts() -> io::Result<()> {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: both are signals, and the default needs no handler that would have to be sound.
        if unsafe { libc::signal(signal, libc::SIG_DFL) } == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Runs `program` with `words` to its end.
pub(crate) fn run(program: &str, words: &[&str]) -> Ended {
    Running::start(program, words).end()
}

/// Whether `program` is there; when it is not, that is said.
pub(crate) fn is_there(program: &str, words: &[&str]) -> bool {
    let tried = Command::new(program).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: `{program} {}` does not work here", words.join(" "));
    }
    works
}

/// Where Python is, asked once: what is called `python3` may be a slow script that looks for it.
pub(crate) fn python() -> Option<&'static str> {
    static PYTHON: OnceLock<Option<String>> = OnceLock::new();
    let look = || {
        let script = "import sys; print(sys.executable, end='')";
        is_there("python3", &["-c", script]).then(|| run("python3", &["-c", script]).stdout)
    };
    PYTHON.get_or_init(look).as_deref()
}

/// The kinds of containment that can be had here.
pub(crate) fn kinds() -> &'static [&'static str] {
    static KINDS: OnceLock<Vec<&str>> = OnceLock::new();
    KINDS.get_or_init(|| {
        let can_be_had = |kind: &&str| is_there(OURS, &[&format!("--tree={kind}"), "60", "true"]);
        ["cgroup", "pidns", "sweep"].into_iter().filter(can_be_had).collect()
    })
}

/// Who has the tag in the environment; a process that has ended and is not reaped has none.
fn tagged(tag: &str) -> Vec<u32> {
    let wanted = format!("{TAG}={tag}");
    let has = |pid: &u32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(has).collect()
}
