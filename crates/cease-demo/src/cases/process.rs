//! A binary under test: its lines as they come, its end, and a watchdog over both.
//!
//! Two threads read what it prints and pass every line on; the end of both streams is the end of the process.
//! Whoever waits for a line, or for the end, waits at most [`PATIENCE`]; then the process is killed and reaped.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a run may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// A process that runs; dropping it kills and reaps it.
pub(super) struct Run {
    child: Child,
    lines: Receiver<(Stream, String)>,
    deadline: Instant,
    stdout: String,
    stderr: String,
}

impl Run {
    /// Starts `program` and reads both of its streams.
    pub(super) fn start(program: &str, args: &[&str]) -> Self {
        Self::start_onto(Stdio::piped(), program, args)
    }

    /// Starts `program` with `stdout` as its stdout.
    pub(super) fn start_onto(stdout: Stdio, program: &str, args: &[&str]) -> Self {
        // Whoever runs the tests may ignore signals, `nohup` for instance, and a process inherits that.
        let mut command = Command::new("env");
        command
            .args(["--default-signal=HUP,INT,TERM", program])
            .args(args)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("could not start {program}: {error}"));
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            read(Stream::Stdout, stdout, sender.clone());
        }
        read(Stream::Stderr, child.stderr.take().expect("it is piped"), sender);
        Self { child, lines, deadline: Instant::now() + PATIENCE, stdout: String::new(), stderr: String::new() }
    }

    /// Waits until a line with `text` in it is printed.
    pub(super) fn wait_for(&mut self, stream: Stream, text: &str) {
        loop {
            match self.next_line() {
                Some((from, line)) if from == stream && line.contains(text) => return,
                Some(_) => {}
                None => panic!("it ended before it printed {text:?}:\n{}{}", self.stdout, self.stderr),
            }
        }
    }

    /// Sends it a signal, by the name that `kill` knows it by.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status();
        assert!(status.expect("a shell can be started").success(), "could not send {name}");
    }

    /// Waits until it has ended, and reaps it.
    pub(super) fn finish(mut self) -> Ended {
        while self.next_line().is_some() {}
        let status = self.child.wait().expect("it is not reaped yet");
        Ended {
            code: status.code(),
            stdout: std::mem::take(&mut self.stdout),
            stderr: std::mem::take(&mut self.stderr),
        }
    }

    /// The next line; `None` when both streams have ended.
    fn next_line(&mut self) -> Option<(Stream, String)> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok((stream, line)) => {
                match stream {
                    Stream::Stdout => self.stdout.push_str(&line),
                    Stream::Stderr => self.stderr.push_str(&line),
                }
                Some((stream, line))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs:\n{}{}", self.stdout, self.stderr),
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Both are errors, and harmless, when it has been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that has ended, and all that it printed.
#[derive(Debug)]
pub(super) struct Ended {
    /// The exit code; `None` when a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ended {
    /// All of stdout as one document.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }

    /// Stderr without its last line, and that line.
    pub(super) fn last_line(&self) -> (&str, &str) {
        let text = self.stderr.trim_end_matches('\n');
        text.rsplit_once('\n').unwrap_or(("", text))
    }

    /// Checks that stderr is one line, and has `text` in it.
    pub(super) fn assert_one_line(&self, text: &str) {
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.contains(text), "no {text:?} in {:?}", self.stderr);
    }
}

/// A socket that takes not one byte more, and the end of it that nobody reads.
pub(super) fn full_socket() -> (UnixStream, Stdio) {
    let (reader, mut writer) = UnixStream::pair().expect("a socket can be made");
    writer.set_nonblocking(true).expect("a socket can be set so");
    // Whatever room is left for a block may still take a byte.
    for block in [&[0; 4096][..], &[0]] {
        while writer.write(block).is_ok() {}
    }
    writer.set_nonblocking(false).expect("a socket can be set so");
    (reader, OwnedFd::from(writer).into())
}

/// Passes every line of `from` on, until it ends.
fn read(stream: Stream, from: impl Read + Send + 'static, to: Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if to.send((stream, std::mem::take(&mut line))).is_err() {
                return;
            }
        }
    });
}
