//! The side of the worker: from the first line of `main` to the end of the process.
//!
//! # How it works
//!
//! A worker is the same program, started once more, with a socket as its standard input and a variable in its environment that
//! says which socket that is; nothing else takes it for a worker, also not what the worker starts in turn.
//! It puts its standard input away before anything of the user's runs, says who it is, and is sent a job.
//! A thread of its own listens for the stop, and for the end of the one who supervises: then nothing of the tree may go on.

mod current;
mod inbox;
mod inherited;
mod link;
mod namespace_init;
mod pooled;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};

use cease_core::StopToken;
use rustix::process::{Signal, kill_current_process_group, set_child_subreaper, set_parent_process_death_signal};

use crate::cgroup;
use crate::containment::kill_descendants;
use crate::frame::{Decoder, FrameError, Kind, decode, encode};
use crate::message::{Hello, Order, PROTOCOL, Refusal};
use crate::travels::{Body, Entry};

use inbox::Inbox;
use pooled::Left;

pub(crate) use namespace_init::{NAMESPACE_INIT, is_told as first_is_told};

pub use current::due;
pub use link::{log, progress};

/// Says to a worker that it is one: the number of the socket that is its standard input.
pub(crate) const MARK: &str = "CEASE_PROCESS_WORKER";

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

/// Whether the standard input of this process is the socket that [`MARK`] says.
fn is_marked() -> bool {
    let mark = std::env::var(MARK).ok().and_then(|mark| mark.parse().ok());
    mark.is_some_and(|mark: u64| rustix::fs::fstat(io::stdin()).is_ok_and(|stat| stat.st_ino == mark))
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

/// What came of a job.
struct Outcome {
    /// The frame with the answer.
    frame: Vec<u8>,
    /// Whether it returned something that can travel.
    is_clean: bool,
}

/// Runs a job.
fn outcome(body: Body, stop: &StopToken) -> io::Result<Outcome> {
    let outcome = catch_unwind(AssertUnwindSafe(|| body(stop)));
    let is_clean = matches!(outcome, Ok(Ok(_)));
    let frame = match outcome {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => encode(Kind::Refused, &Refusal::Unreadable(error.to_string())),
        Err(payload) => link::panic_frame(payload.as_ref()),
    };
    Ok(Outcome { frame: frame.map_err(io::Error::other)?, is_clean })
}

fn started() -> io::Result<Vec<u8>> {
    encode(Kind::Started, &()).map_err(io::Error::other)
}

/// Why a job is not done.
enum No {
    Refusal(Refusal),
    /// It has not arrived.
    Lost(io::Error),
}

impl From<FrameError> for No {
    fn from(error: FrameError) -> Self {
        Self::Refusal(Refusal::Unreadable(error.to_string()))
    }
}

/// The order, if it is for this program.
fn accept(order: &[u8], own: &Hello) -> Result<Order, No> {
    let order: Order = decode(order)?;
    if order.protocol != own.protocol || order.build.as_ref().is_some_and(|build| *build != own.build) {
        return Err(No::Refusal(Refusal::OtherBuild));
    }
    Ok(order)
}

/// The job that follows an order, ready to run.
fn take_job(inbox: &mut Inbox, order: &Order, jobs: &[Entry]) -> Result<Body, No> {
    let job = inbox.read(Kind::Job).map_err(No::Lost)?;
    let entry = jobs.iter().find(|entry| entry.name == order.name);
    let known = || Refusal::UnknownJob(jobs.iter().map(|entry| entry.name.to_owned()).collect());
    Ok((entry.ok_or_else(|| No::Refusal(known()))?.unpack)(&job)?)
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
