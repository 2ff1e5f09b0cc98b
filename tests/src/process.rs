//! Child processes that are always reaped, under a watchdog.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How a child ended, and what it wrote.
#[derive(Debug, Clone)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Runs `command` to its end; when it has not ended after `limit`, kills it.
///
/// # Errors
///
/// When it cannot be started, or when it had to be killed; it is reaped in any case.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Ended> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let deadline = Instant::now() + limit;
    let stdout = child.stdout.take().expect("it is piped");
    let stderr = child.stderr.take().expect("it is piped");
    let (done, end) = channel();
    let both = [reader(stdout, done.clone()), reader(stderr, done)];
    // A child that has ended, or was killed, has closed both pipes: the readers' end is the child's end.
    let in_time = (0..both.len()).all(|_| end.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_ok());
    if !in_time {
        child.kill()?;
    }
    let status = child.wait()?;
    let [stdout, stderr] = both.map(|reader| reader.join().expect("reading does not panic"));
    if in_time {
        Ok(Ended { status, stdout, stderr })
    } else {
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("no end within {limit:?}: {stdout}{stderr}")))
    }
}

/// Reads `pipe` to its end, and then says so.
fn reader<R>(mut pipe: R, done: Sender<()>) -> thread::JoinHandle<String>
where
    R: Read + Send + 'static,
{
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is all there is to tell.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = done.send(());
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_does_not_end_is_killed_and_reaped() {
        let error = run(Command::new("sleep").arg("1000"), Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn both_outputs_and_the_status_are_told() {
        let ended =
            run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), Duration::from_secs(60)).unwrap();
        assert_eq!((&*ended.stdout, &*ended.stderr, ended.status.code()), ("out\n", "err\n", Some(3)));
    }
}
