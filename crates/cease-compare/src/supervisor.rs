//! Runs each cell in a process of its own, and leaves none behind.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use cease_core::StopToken;

use crate::audit;
use crate::cell::Seen;
use crate::child;
use crate::spec::Spec;

/// This program as it runs, also when its file was replaced or removed meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Runs cells one after the other; clones share the cell that runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Supervisor {
    /// How many cells there were.
    started: Arc<AtomicU32>,
    current: Arc<Mutex<Option<Process>>>,
}

/// The process of a cell.
#[derive(Debug)]
struct Process {
    child: Child,
    /// Its end ends the child, also when this process is killed.
    rope: ChildStdin,
}

impl Supervisor {
    /// Runs one cell to its end; whatever goes wrong is told in the result.
    pub(crate) fn run(&self, spec: &Spec, input: &Path, stop: &StopToken) -> Seen {
        match self.start(spec, input) {
            Ok(output) => self.finish(&output, spec.limit(), stop),
            Err(error) => Seen::failed(format!("cannot start the process of the cell: {error}")),
        }
    }

    /// Lets the cell that runs begin no further trial.
    pub(crate) fn finish_early(&self) {
        if let Some(process) = &mut *self.lock() {
            // A child that is gone needs no telling.
            let _ = process.rope.write_all(b"\n");
        }
    }

    /// Kills and reaps the process of the cell that runs, and leaves this one at once.
    pub(crate) fn kill_and_exit(&self, code: u8) -> ! {
        // Held to the end, so that whoever waits for the cell does not go on to report it.
        let mut current = self.lock();
        current.take().and_then(Process::end);
        process::exit(code.into())
    }

    /// Starts the child, and a thread that reads what it says until it is gone.
    fn start(&self, spec: &Spec, input: &Path) -> io::Result<Receiver<String>> {
        let spec = serde_json::to_string(spec)?;
        // ORDERING: Relaxed: only the number matters.
        let number = self.started.fetch_add(1, Relaxed);
        let mut child = Command::new(THIS_PROGRAM)
            .args([OsStr::new(child::MARK), OsStr::new(&spec), input.as_os_str()])
            .env(audit::MARK, format!("{}-{number}", process::id()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for this process alone.
            .process_group(0)
            .spawn()?;
        let rope = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let process = Process { child, rope };
        match read_to_end(stdout) {
            Ok(output) => {
                *self.lock() = Some(process);
                Ok(output)
            }
            Err(error) => {
                process.end();
                Err(error)
            }
        }
    }

    /// Waits for the child's end, but not longer than `limit`.
    fn finish(&self, output: &Receiver<String>, limit: Duration, stop: &StopToken) -> Seen {
        if stop.is_stop_requested() {
            self.finish_early();
        }
        let said = output.recv_timeout(limit);
        let status = self.lock().take().and_then(Process::end);
        let Ok(said) = said else {
            return Seen::failed(format!("the process of the cell hung for {limit:.0?}, and was killed"));
        };
        serde_json::from_str(&said).unwrap_or_else(|_| {
            let status = status.map_or_else(|| "in an unknown way".to_owned(), |status| status.to_string());
            Seen::failed(format!("the process of the cell ended without a result ({status})"))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Process {
    /// Kills the child, which changes nothing when it has ended, and reaps it.
    fn end(mut self) -> Option<ExitStatus> {
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

/// Reads all that `stdout` will ever say, on a thread of its own.
fn read_to_end(mut stdout: ChildStdout) -> io::Result<Receiver<String>> {
    let (tell, told) = mpsc::channel();
    thread::Builder::new().name("cell-output".to_owned()).spawn(move || {
        let mut said = String::new();
        // What is cut off is no result, and is reported as that.
        let _ = stdout.read_to_string(&mut said);
        let _ = tell.send(said);
    })?;
    Ok(told)
}
