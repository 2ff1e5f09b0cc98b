//! The side of the worker: from the first line of `main` to the end of the process.
//!
//! # How it works
//!
//! A worker is the same program, started once more, with a socket as its standard input and a variable in its environment that
//! says which socket that is; nothing else takes it for a worker, also not what the worker starts in turn.
//! It puts its standard input away before anything of the user's runs, says who it is, and is sent a job.
//! A thread of its own listens for the stop, and for the end of the one who supervises: then nothing of the tree may go on.

mod inherited;
mod link;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;

use cease_core::{Reason, StopSource};
use rustix::process::{Signal, kill_current_process_group, set_child_subreaper, set_parent_process_death_signal};

use crate::cgroup;
use crate::containment::kill_descendants;
use crate::frame::{Decoder, FrameError, Kind, decode, encode};
use crate::message::{Hello, Order, PROTOCOL, Refusal};
use crate::travels::{Body, Entry};

pub use link::{due, log, progress};

/// Says to a worker that it is one: the number of the socket that is its standard input.
pub(crate) const MARK: &str = "CEASE_PROCESS_WORKER";

/// Runs the job that this process was started for, and ends it; returns at once in a process that is no worker.
///
/// It is the first line of `main`: what stands before it runs in every worker too.
///
/// ```no_run
/// # use cease_core::{Checkpoint, Job, Stopped};
/// # #[derive(serde::Serialize, serde::Deserialize)]
/// # struct Count;
/// # impl Job for Count {
/// #     type Output = u64;
/// #     fn run<C: Checkpoint>(self, stop: &C) -> Result<u64, Stopped> { Ok(7) }
/// # }
/// # impl cease_process::Travels for Count { const NAME: &'static str = "count"; }
/// fn main() {
///     cease_process::init([cease_process::job::<Count>()]);
///     // What the program does.
/// }
/// ```
///
/// A test program has a `main` of its own, so there the line stands in a test, and the strategy is told its name:
/// see [`crate::Process::in_test`].
pub fn init<const N: usize>(jobs: [Entry; N]) {
    if let Some(socket) = take_socket() {
        let code = if serve(socket, &jobs).is_ok() { 0 } else { 1 };
        exit(code);
    }
}

/// What tells two programs apart: the file that was started, to the moment of its last change.
pub(crate) fn build() -> String {
    fs::metadata("/proc/self/exe").map_or_else(
        |error| format!("unknown: {error}"),
        |exe| format!("{:x}-{:x}-{:x}-{:x}.{:x}", exe.dev(), exe.ino(), exe.size(), exe.mtime(), exe.mtime_nsec()),
    )
}

/// The number of a socket, as [`MARK`] says it.
pub(crate) fn number_of(socket: &UnixStream) -> io::Result<u64> {
    Ok(rustix::fs::fstat(socket)?.st_ino)
}

/// The socket, if this process is a worker; its place is taken by `/dev/null`.
fn take_socket() -> Option<UnixStream> {
    let mark: u64 = std::env::var(MARK).ok()?.parse().ok()?;
    let stdin = io::stdin();
    let is_it = rustix::fs::fstat(&stdin).is_ok_and(|stat| stat.st_ino == mark);
    if !is_it {
        return None;
    }
    // Out of the way of what a program expects the first numbers to be, where there is room.
    let moved = [64, 3].into_iter().find_map(|least| rustix::io::fcntl_dupfd_cloexec(&stdin, least).ok())?;
    // Who cannot open it has no standard input, which is as good.
    if let Ok(null) = File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
    }
    Some(UnixStream::from(moved))
}

/// Does what the one at the other end of `socket` wants, once.
fn serve(mut socket: UnixStream, jobs: &[Entry]) -> io::Result<()> {
    inherited::put_right()?;
    // One that is stopped wakes up, sees the end of the other side, and ends.
    set_parent_process_death_signal(Some(Signal::CONT))?;
    let hello = Hello { protocol: PROTOCOL, build: build(), pid: std::process::id() };
    let mut greeting = encode(Kind::Hello, &hello).map_err(io::Error::other)?;

    let mut decoder = Decoder::default();
    let order = read(&mut socket, &mut decoder, Kind::Order)?;
    let job = read(&mut socket, &mut decoder, Kind::Job)?;
    let (order, body) = match unpack(&order, &job, &hello, jobs) {
        Ok(unpacked) => unpacked,
        Err(refusal) => {
            greeting.extend(encode(Kind::Refused, &refusal).map_err(io::Error::other)?);
            return socket.write_all(&greeting);
        }
    };
    drop(job);
    if order.adopts {
        set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    let source = StopSource::new();
    if let Some(why) = &order.stopped {
        source.request_because(Reason::from(why.clone()));
    }
    let stop = source.token();
    let mut own = socket.try_clone()?;
    link::open(socket.try_clone()?);
    let adopts = order.adopts;
    link::listen(socket, decoder, source, move || end_of_tree(&order))?;
    greeting.extend(encode(Kind::Started, &()).map_err(io::Error::other)?);
    own.write_all(&greeting)?;

    link::watch_panics();
    let outcome = catch_unwind(AssertUnwindSafe(|| body(&stop)));
    let frame = match outcome {
        Ok(Ok(frame)) => frame,
        Ok(Err(error)) => encode(Kind::Refused, &Refusal::Unreadable(error.to_string())).map_err(io::Error::other)?,
        Err(payload) => link::panic_frame(payload.as_ref()).map_err(io::Error::other)?,
    };
    link::answer(&frame)?;
    if adopts {
        // Nobody else reaches what has left the group, once this process is gone.
        kill_descendants(std::process::id());
    }
    Ok(())
}

/// What was sent, ready to run, if it is for this program.
fn unpack(order: &[u8], job: &[u8], own: &Hello, jobs: &[Entry]) -> Result<(Order, Body), Refusal> {
    let unreadable = |error: FrameError| Refusal::Unreadable(error.to_string());
    let order: Order = decode(order).map_err(unreadable)?;
    if order.protocol != own.protocol || order.build.as_ref().is_some_and(|build| *build != own.build) {
        return Err(Refusal::OtherBuild);
    }
    let entry = jobs.iter().find(|entry| entry.name == order.name);
    let entry = entry.ok_or_else(|| Refusal::UnknownJob(jobs.iter().map(|entry| entry.name.to_owned()).collect()))?;
    let body = (entry.unpack)(job).map_err(unreadable)?;
    Ok((order, body))
}

/// Reads until a frame is there, which has to be of this kind.
fn read(socket: &mut UnixStream, decoder: &mut Decoder, kind: Kind) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match decoder.next().map_err(io::Error::other)? {
            Some(frame) if frame.kind == kind => return Ok(frame.payload),
            Some(_) => return Err(io::Error::other(FrameError::Unexpected)),
            None => {}
        }
        match socket.read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => decoder.push(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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
