//! From nothing to a worker that has begun: spawn, take in, greet, send the job.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cease_core::StopToken;
use rustix::process::{PidfdFlags, pidfd_open};

use super::connection::Connection;
use super::program::{LaunchError, Program};
use crate::containment::{ContainmentError, Enclosure, Kind};
use crate::descriptor::{above_standard, socket_pair};
use crate::exit_pipe::ExitPipe;
use crate::frame::{self, FrameError, decode};
use crate::message::{Hello, Order, PROTOCOL, Refusal, Why};
use crate::options::Options;
use crate::pidfd::{self, Leader};
use crate::report::StartError;
use crate::tree::Tree;
use crate::vfork::Place;
use crate::worker;

/// A process that was started, and has been sent what it has to do: a job, or to wait for jobs.
///
/// Dropping it kills and reaps it.
pub(super) struct Launched {
    tree: Tree,
    connection: Connection,
    /// Which program it has to be, unless any that speaks our version will do.
    build: Option<String>,
    /// How the sending of the job went.
    sent: io::Result<()>,
    end: Option<Instant>,
}

/// A worker that has begun, or waits for jobs.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) tree: Tree,
    pub(super) connection: Connection,
}

/// Starts a process, and sends it the frame with its job, or that it has to wait for jobs; it does nothing of the user's before
/// it has that.
pub(super) fn launch(options: &Options, job: Option<(Vec<u8>, &StopToken)>) -> io::Result<Launched> {
    if options.repeats_this_program() && !worker::init_ran() {
        return Err(StartError::NoInit.into());
    }
    let end = Instant::now().checked_add(options.start_limit);
    let (ours, theirs) = socket_pair()?;
    let (control, their_control) = match &job {
        Some(_) => (None, None),
        None => socket_pair().map(|(ours, theirs)| (Some(ours), Some(theirs)))?,
    };
    let (leader, enclosure) = spawn(options, &theirs)?;
    // When the worker hangs up, that is seen.
    drop(theirs);
    let mut connection = Connection::new(ours, control, options.listeners.clone());
    let build = options.is_own_program().then(worker::build);
    let order = Order {
        protocol: PROTOCOL,
        build: build.clone(),
        name: options.job_name.into(),
        stopped: job.as_ref().and_then(|(_, stop)| stop.reason()).map(Why::from),
        cgroup: enclosure.cgroup(),
        adopts: enclosure.kind() == Kind::Descendants,
        stays: job.is_none(),
        number: 0,
    };
    let order = frame::encode(frame::Kind::Order, &order).map_err(StartError::Frame)?;
    let sent = match (job, their_control) {
        (Some((job, _)), _) => connection.say(&order, end).and_then(|()| connection.say(&job, end)),
        (None, Some(control)) => connection.say_with(&order, control.as_fd(), end),
        (None, None) => connection.say(&order, end),
    };
    // Meanwhile the program is loaded, which takes longer.
    enclosure.arm()?;
    Ok(Launched { tree: Tree::new(leader, enclosure), connection, build, sent, end })
}

impl Launched {
    /// Waits until the job has begun.
    pub(super) fn greet(self, options: &Options) -> io::Result<Started> {
        let Self { tree, mut connection, build, sent, end } = self;
        let mut next = || next(options, &mut connection, tree.leader(), end);
        let begun = next().and_then(|frame| is_meant(build, &frame)).and_then(|hello| {
            tree.leader().is_for(hello.pid);
            next()
        });
        match begun {
            Ok((frame::Kind::Started, _)) => {}
            Ok((frame::Kind::Refused, payload)) => return Err(refused(options, &payload).into()),
            Ok(_) => return Err(StartError::Frame(FrameError::Unexpected).into()),
            // What went wrong first says more, unless it is that nobody listened.
            Err(error) => {
                let sent =
                    sent.err().filter(|sent| !matches!(sent.kind(), ErrorKind::BrokenPipe | ErrorKind::WouldBlock));
                return Err(sent.unwrap_or(error));
            }
        }
        connection.never_wait()?;
        Ok(Started { tree, connection })
    }
}

impl Started {
    /// Sends a worker that waits for one the frame `job`, and waits until it has begun.
    ///
    /// It is not done when there is an error; after [`StartError::UnknownJob`] and [`StartError::Unreadable`] the worker waits for
    /// the next one.
    pub(super) fn order(&mut self, options: &Options, number: u64, job: &[u8], stop: &StopToken) -> io::Result<()> {
        let end = Instant::now().checked_add(options.start_limit);
        let stopped = stop.reason().map(Why::from);
        let order = Order { name: options.job_name.into(), stopped, number, ..Order::default() };
        let mut frames = frame::encode(frame::Kind::Order, &order).map_err(StartError::Frame)?;
        frames.extend_from_slice(job);
        let Self { tree, connection } = self;
        connection.renew()?;
        connection.say(&frames, end)?;
        loop {
            return match next(options, connection, tree.leader(), end)? {
                (frame::Kind::Started, _) => connection.never_wait(),
                (frame::Kind::Refused, payload) => Err(refused(options, &payload).into()),
                // Something that a job has left behind still talks, and nobody listens to that.
                (frame::Kind::Progress | frame::Kind::Log, _) => continue,
                _ => Err(StartError::Frame(FrameError::Unexpected).into()),
            };
        }
    }
}

/// Starts the program with `theirs` as its standard input, in the best containment that can be had.
fn spawn(options: &Options, theirs: &UnixStream) -> io::Result<(Leader, Enclosure)> {
    pidfd::ends_can_be_seen()?;
    let (last, better) = options.containment.kinds().split_last().expect("there is one");
    for kind in better {
        match spawn_in(*kind, options, theirs) {
            Err(NotSpawned::Containment(_)) => {}
            Err(NotSpawned::Program(error)) => return Err(error),
            Ok(spawned) => return Ok(spawned),
        }
    }
    spawn_in(*last, options, theirs).map_err(|error| match error {
        NotSpawned::Containment(error) => StartError::Containment(error).into(),
        NotSpawned::Program(error) => error,
    })
}

/// Why nothing was started; nothing is left.
enum NotSpawned {
    /// It cannot be contained like that.
    Containment(ContainmentError),
    /// Anything else, which would be the same elsewhere.
    Program(io::Error),
}

impl From<io::Error> for NotSpawned {
    fn from(error: io::Error) -> Self {
        Self::Program(error)
    }
}

/// Starts it in this containment.
fn spawn_in(kind: Kind, options: &Options, theirs: &UnixStream) -> Result<(Leader, Enclosure), NotSpawned> {
    let enclosure = Enclosure::prepare(kind).map_err(NotSpawned::Containment)?;
    let socket = worker::number_of(theirs)?.to_string();
    if kind == Kind::PidNamespace {
        return spawn_first(options, theirs, socket).map(|leader| (leader, enclosure));
    }
    if let Some(dir) = enclosure.dir() {
        let program = Program::of(options, &[(worker::MARK, socket.clone())])?;
        match program.start(Place::Cgroup(dir), theirs.as_fd(), None) {
            Ok((pid, fd)) => return Ok((Leader::of(pid, fd), enclosure)),
            Err(LaunchError::Exec(error)) => return Err(error.into()),
            // The kernel is too old for it, or a filter forbids it, or the cgroup is not ours to fill.
            Err(LaunchError::NoSuchWay(_)) => {}
        }
    }
    let mut command = command(options, &socket);
    command.stdin(Stdio::from(OwnedFd::from(theirs.try_clone()?)));
    let (leader, _) = Leader::spawn(&mut command, true)?;
    match enclosure.admit(&leader) {
        Ok(()) => Ok((leader, enclosure)),
        Err(error) => Err(NotSpawned::Containment(error)),
    }
}

/// Starts it as the first process of a namespace, which starts the worker.
fn spawn_first(options: &Options, theirs: &UnixStream, socket: String) -> Result<Leader, NotSpawned> {
    let (note, their_note) = ExitPipe::new()?;
    let own =
        pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).and_then(above_standard).map_err(io::Error::from)?;
    let told = worker::first_is_told(&their_note, &own);
    let program = Program::of(options, &[(worker::MARK, socket), (worker::NAMESPACE_INIT, told)])?;
    let start = |place| program.start(place, theirs.as_fd(), Some([their_note.as_fd(), own.as_fd()]));
    let started = match start(Place::PidNamespace) {
        Err(LaunchError::NoSuchWay(error)) if error.raw_os_error() == Some(libc::EPERM) => start(Place::UserNamespace),
        started => started,
    };
    match started {
        Ok((pid, fd)) => Ok(Leader::first(pid, fd, note)),
        Err(LaunchError::Exec(error)) => Err(error.into()),
        Err(LaunchError::NoSuchWay(error)) => {
            Err(NotSpawned::Containment(ContainmentError { kind: Kind::PidNamespace, error }))
        }
    }
}

fn command(options: &Options, socket: &str) -> Command {
    let mut command = Command::new(&options.program);
    command.args(&options.args);
    for (name, value) in &options.env {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(dir) = &options.dir {
        command.current_dir(dir);
    }
    command.env(worker::MARK, socket);
    command
}

/// What the worker says of itself, if it is the one that was meant.
fn is_meant(build: Option<String>, (kind, payload): &(frame::Kind, Vec<u8>)) -> io::Result<Hello> {
    if *kind != frame::Kind::Hello {
        return Err(StartError::Frame(FrameError::Unexpected).into());
    }
    let hello: Hello = decode(payload).map_err(StartError::Frame)?;
    let name = |protocol: u32, build: &str| format!("protocol {protocol}, build {build}");
    let ours = build.unwrap_or_else(|| hello.build.clone());
    if hello.protocol == PROTOCOL && hello.build == ours {
        return Ok(hello);
    }
    Err(StartError::OtherBuild { ours: name(PROTOCOL, &ours), theirs: name(hello.protocol, &hello.build) }.into())
}

/// The next frame, or why there is none.
fn next(
    options: &Options,
    connection: &mut Connection,
    leader: &Leader,
    end: Option<Instant>,
) -> io::Result<(frame::Kind, Vec<u8>)> {
    let frame = connection.next(end).map_err(|error| match error.downcast::<FrameError>() {
        Ok(error) => io::Error::from(StartError::Frame(error)),
        Err(error) => error,
    })?;
    match frame {
        Some(frame) => Ok((frame.kind, frame.payload)),
        None if end.is_some_and(|end| Instant::now() >= end) => Err(StartError::TimedOut(options.start_limit).into()),
        None => {
            // It hangs up by ending, or just before.
            let ended = leader.wait_timeout(Duration::from_millis(100))?;
            Err(StartError::NoWorker(ended).into())
        }
    }
}

fn refused(options: &Options, payload: &[u8]) -> StartError {
    match decode(payload) {
        Ok(Refusal::UnknownJob(known)) => StartError::UnknownJob { name: options.job_name.into(), known },
        Ok(Refusal::Unreadable(why)) => StartError::Unreadable(why),
        // It was said who it is, and that was right.
        Ok(Refusal::OtherBuild) => StartError::Frame(FrameError::Unexpected),
        Err(error) => StartError::Frame(error),
    }
}
