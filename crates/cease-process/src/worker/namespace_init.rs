//! The first process of a namespace: it starts the worker, takes in the orphans of its tree, and goes when nobody is left.
//!
//! # How it works
//!
//! When it ends the kernel ends everybody in its namespace, however they try to get away; and it ends when its supervisor does.
//! It is the same program as the worker, and nothing of the user's but what stands before [`crate::init`] runs in it.
//! The kernel keeps a signal from it that it has no handler for, so the worker, who is to die of SIGTERM, is its child.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait};

use super::identity::is_marked;
use super::inherited;
use crate::ended::Ended;
use crate::exit_pipe::Line;

/// Says to the first process of a namespace that it is one: the numbers of two descriptors.
pub(crate) const NAMESPACE_INIT: &str = "CEASE_PROCESS_FIRST";

/// What [`NAMESPACE_INIT`] says: where it notes how the worker has ended, and what is readable when the supervisor has.
pub(crate) fn is_told(note: &OwnedFd, supervisor: &OwnedFd) -> String {
    format!("{},{}", note.as_raw_fd(), supervisor.as_raw_fd())
}

/// What the first process of a namespace works with.
pub(super) struct NamespaceInit {
    note: OwnedFd,
    supervisor: OwnedFd,
}

/// The post, if this process was started for it.
pub(super) fn take_namespace_init() -> Option<NamespaceInit> {
    let told = env::var(NAMESPACE_INIT).ok().filter(|_| rustix::process::getpid() == Pid::INIT && is_marked())?;
    let (note, supervisor) = told.split_once(',')?;
    let [note, supervisor] = [note, supervisor].map(|number| inherited::take(number.parse().ok()?));
    Some(NamespaceInit { note: note?, supervisor: supervisor? })
}

impl NamespaceInit {
    /// Stands there until nobody is left, and says with which code to exit.
    pub(super) fn run(self) -> i32 {
        let Self { note, supervisor } = self;
        let worker = match prepare(&note, supervisor).and_then(|()| start_worker()) {
            Ok(worker) => worker,
            Err(error) => {
                let error = Errno::from_io_error(&error).unwrap_or(Errno::CHILD);
                // Nobody may be there to read it.
                let _ = Line::NotStarted(error).write(&note);
                return 1;
            }
        };
        loop {
            match wait(WaitOptions::empty()) {
                Ok(Some((pid, status))) if pid == worker => {
                    let core = libc::WCOREDUMP(status.as_raw());
                    let ended = Ended::from_parts(status.exit_status(), status.terminating_signal(), core);
                    let _ = Line::Ended(ended).write(&note);
                }
                Ok(_) | Err(Errno::INTR) => {}
                // Nobody is left.
                Err(_) => return 0,
            }
        }
    }
}

/// Makes ready for signals from outside, and for the end of the supervisor.
fn prepare(note: &OwnedFd, supervisor: OwnedFd) -> io::Result<()> {
    inherited::put_right()?;
    inherited::hand_on_signals()?;
    let note = note.try_clone()?;
    let watch = move || {
        loop {
            // The pipe is broken when nobody reads it any more.
            let mut fds = [PollFd::new(&supervisor, PollFlags::IN), PollFd::new(&note, PollFlags::empty())];
            if poll(&mut fds, None) != Err(Errno::INTR) {
                inherited::leave();
            }
        }
    };
    thread::Builder::new().name("cease-first".into()).spawn(watch).map(drop)
}

/// Starts the same program once more, as the worker, with the socket, which from then on is the worker's alone.
fn start_worker() -> io::Result<Pid> {
    let mut words = env::args_os();
    let program = words.next().unwrap_or_else(|| OsString::from("/proc/self/exe"));
    let mut command = Command::new(program);
    let child = command.args(words).env_remove(NAMESPACE_INIT).process_group(0).spawn()?;
    let null = File::open("/dev/null");
    // Without it, whoever supervises hears of the worker's end a moment later.
    if let Ok(null) = null {
        let _ = rustix::stdio::dup2_stdin(null.as_fd());
    }
    Ok(Pid::from_child(&child))
}
