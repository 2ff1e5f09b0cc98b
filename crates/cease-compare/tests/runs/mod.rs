//! The comparison as a user runs it, for all of its tests.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::fs;
use std::io::{self, PipeWriter, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a machine that is busy; what takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A run that is killed and reaped at the latest when the test ends.
pub(crate) struct Run {
    pub(crate) child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        // Whoever runs the tests may ignore signals, `nohup` for instance, and a process inherits that.
        let program = ["--default-signal=HUP,INT,TERM", env!("CARGO_BIN_EXE_cease")];
        Self::of(Command::new("env").args(program).args(arguments))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let (reader, writer) = io::pipe().unwrap();
        let mut run = Self::writing_to(command, writer);
        run.stdout = read_to_end(reader);
        run
    }

    /// Starts a command, in a process group of its own as a shell does; nobody reads its standard output.
    pub(crate) fn writing_to(command: &mut Command, stdout: PipeWriter) -> Self {
        let command = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().unwrap();
        // The command would keep the writing end open here.
        command.stdout(Stdio::null());
        let stderr = read_to_end(child.stderr.take().unwrap());
        Self { child, stdout: read_to_end(io::empty()), stderr }
    }

    /// Waits for the end of the run, and of every process that it started: they share its standard error.
    pub(crate) fn end(mut self) -> Ended {
        let stderr = self.stderr.recv_timeout(PATIENCE).expect("the run, or a process of it, hangs");
        let stdout = self.stdout.recv_timeout(PATIENCE).expect("the run hangs");
        Ended { code: self.child.wait().unwrap().code(), stdout, stderr }
    }

    /// Waits until a cell runs, and says which process it is.
    ///
    /// It counts once it is this program again: between fork and exec it is still in the process group of the run.
    pub(crate) fn wait_for_cell(&self) -> u32 {
        let is_cell = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("--run-one-cell"))
        };
        wait_for(|| children_of(self.child.id()).into_iter().find(is_cell), "no cell was started")
    }

    /// Kills the run, and waits until these processes, which are the cell's and not the test's, have ended with it.
    pub(crate) fn kill_and_wait_for(&mut self, processes: &[u32]) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), None);
        self.stderr.recv_timeout(PATIENCE).expect("they live on");
        // They closed what they share with the test; the last moments of their end are waited for here.
        for pid in processes {
            let stat = || fs::read_to_string(format!("/proc/{pid}/stat"));
            wait_for(|| stat().map_or(true, |stat| stat.contains(") Z")).then_some(()), "one lives on");
        }
    }

    /// Sends a signal to the whole process group, as a terminal does, and waits until it was taken.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} -- -{}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        // Of two that wait at the same moment, the second one can be handed over first.
        let started = Instant::now();
        while fs::read_to_string(format!("/proc/{}/status", self.child.id())).is_ok_and(|status| {
            status
                .lines()
                .filter_map(|line| line.strip_prefix("ShdPnd:"))
                .any(|pending| pending.trim() != "0000000000000000")
        }) {
            assert!(started.elapsed() < PATIENCE, "{name} waits");
            thread::yield_now();
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both only fail when the child was reaped before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The result, which is all that was written to the standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it ended with `code` and said why in one line.
    pub(crate) fn failed_with(&self, code: i32, why: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        assert!(self.stderr.starts_with("cease: ") && self.stderr.contains(why), "{self:?}");
    }
}

/// The children of a process, whichever of its threads has started them.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
}

/// Waits until there is something to be had.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>, otherwise: &str) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{otherwise}");
        thread::yield_now();
    }
}

/// Reads all that a pipe yields, on a thread of its own; a result means that nobody holds its other end any more.
fn read_to_end(mut pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        let _ = tell.send(text);
    });
    told
}

pub(crate) fn run(arguments: &[&str]) -> Ended {
    Run::start(arguments).end()
}
