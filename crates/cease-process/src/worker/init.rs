//! The entry point of a worker: from the call of [`init`] to the end of the process.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, kill_current_process_group, set_child_subreaper, set_parent_process_death_signal};

use super::identity::{build, is_marked};
use super::inbox::Inbox;
use super::job::{No, accept, outcome, started, take_job};
use super::pooled::{self, Left};
use super::{current, inherited, link, namespace_init};
use crate::cgroup;
use crate::containment::kill_descendants;
use crate::frame::{Decoder, Kind, encode};
use crate::message::{Hello, Order, PROTOCOL};
use crate::travels::Entry;

/// Whether this process has called [`init`].
static INIT_RAN: AtomicBool = AtomicBool::new(false);

/// Whether this process has called [`init`], so that the same program, started again, calls it too.
pub(crate) fn init_ran() -> bool {
    // ORDERING: relaxed; the flag guards no other memory.
    INIT_RAN.load(Ordering::Relaxed)
}

/// Runs the job that this process was started for, and ends it; returns at once in a process that is no worker.
///
/// It is the first line of `main`: what stands before it runs in every worker too; and where workers are in PID namespaces, in the
/// first process of each.
///
/// ```no_run
/// # use cease_core::{Checkpoint, Job, Stopped};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Count;
/// # impl Job for Count {
/// #     type Output = u64;
/// #     fn run<C: Checkpoint>(self, stop: &C) -> Result<u64, Stopped> { Ok(7) }
/// # }
/// # impl cease_process::RemoteJob for Count { const NAME: &'static str = "count"; }
/// fn main() {
///     cease_process::init([cease_process::job::<Count>()]);
///     // What the program does.
/// }
/// ```
///
/// A test program has a `main` of its own, so there the line stands in a test, and the strategy is told its name:
/// see [`crate::Process::in_test`].
pub fn init<const N: usize>(jobs: [Entry; N]) {
    // ORDERING: relaxed; the flag guards no other memory, and `init` runs before the spawn that reads it on the same path.
    INIT_RAN.store(true, Ordering::Relaxed);
    if let Some(init) = namespace_init::take_namespace_init() {
        exit(init.run());
    }
    if let Some(socket) = take_socket() {
        let code = if serve(socket, &jobs).is_ok() { 0 } else { 1 };
        exit(code);
    }
}

/// The socket, if this process is a worker; its place is taken by `/dev/null`.
fn take_socket() -> Option<UnixStream> {
    if !is_marked() {
        return None;
    }
    let stdin = io::stdin();
    // Out of the way of what a program expects the first numbers to be, where there is room.
    let moved = [64, 3].into_iter().find_map(|least| rustix::io::fcntl_dupfd_cloexec(&stdin, least).ok())?;
    // Who cannot open it has no standard input, which is as good.
    if let Ok(null) = File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
    }
    Some(UnixStream::from(moved))
}

/// Does what the one at the other end of `socket` wants: one job, or as many as come.
fn serve(socket: UnixStream, jobs: &[Entry]) -> io::Result<()> {
    inherited::put_right()?;
    // One that is stopped wakes up, sees the end of the other side, and ends.
    set_parent_process_death_signal(Some(Signal::CONT))?;
    let hello = Hello { protocol: PROTOCOL, build: build(), pid: std::process::id() };
    let mut greeting = encode(Kind::Hello, &hello).map_err(io::Error::other)?;

    let mut own = socket.try_clone()?;
    let mut inbox = Inbox::new(socket);
    let order = inbox.read(Kind::Order)?;
    let unpacked = accept(&order, &hello).and_then(|order| {
        let body = if order.stays { None } else { Some(take_job(&mut inbox, &order, jobs)?) };
        Ok((order, body))
    });
    let (order, body) = match unpacked {
        Ok(unpacked) => unpacked,
        Err(No::Refusal(refusal)) => {
            greeting.extend(encode(Kind::Refused, &refusal).map_err(io::Error::other)?);
            return own.write_all(&greeting);
        }
        Err(No::Lost(error)) => return Err(error),
    };
    if order.adopts {
        set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    link::open(own.try_clone()?);
    link::watch_panics();
    greeting.extend(started()?);
    let adopts = order.adopts;
    match body {
        Some(body) => {
            let stop = current::begin(order.number, order.stopped.as_ref());
            let (socket, decoder) = inbox.into_parts();
            // Where no thread can be had the job does not begin, and that is the start's error.
            link::listen(socket, decoder, move || end_of_tree(&order))?;
            own.write_all(&greeting)?;
            link::answer(&outcome(body, &stop)?.frame)?;
        }
        None => {
            // The thread that does the jobs takes them itself, and stops come another way.
            let control = inbox.take_socket().ok_or(io::ErrorKind::InvalidData)?;
            let orphan = order.clone();
            link::listen(control, Decoder::default(), move || end_of_tree(&orphan))?;
            own.write_all(&greeting)?;
            if pooled::serve(&mut inbox, jobs)? == Left::Orphaned {
                end_of_tree(&order);
            }
        }
    }
    if adopts {
        // Nobody else reaches what has left the group, once this process is gone.
        kill_descendants(std::process::id());
    }
    Ok(())
}

/// Ends this process, and everything that it has started: the one who supervised them is gone.
fn end_of_tree(order: &Order) -> ! {
    if let Some(cgroup) = &order.cgroup {
        // This process is in it.
        let _ = cgroup::kill_at(cgroup);
    }
    kill_descendants(std::process::id());
    let _ = kill_current_process_group(Signal::KILL);
    exit(1)
}
