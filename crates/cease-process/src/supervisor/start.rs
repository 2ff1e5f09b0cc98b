//! From nothing to a worker that has begun: spawn, take in, greet, send the job.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cease_core::StopToken;

use super::conversation::Conversation;
use crate::containment::{Containment, Enclosure, Kind};
use crate::frame::{self, FrameError, decode};
use crate::message::{Hello, Order, PROTOCOL, Refusal, Why};
use crate::pidfd::Leader;
use crate::process::Options;
use crate::report::StartError;
use crate::tree::Tree;
use crate::worker;

/// Starts a worker; when that fails, what was started is killed and reaped on the way out.
pub(super) fn start(options: &Options, job: Vec<u8>, stop: &StopToken) -> Result<(Tree, Conversation), io::Error> {
    let end = Instant::now().checked_add(options.start_limit);
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = command(options, &theirs)?;
    command.stdin(Stdio::from(OwnedFd::from(theirs)));
    let (leader, _) = Leader::spawn(&mut command, true)?;
    // With it goes our copy of the worker's end: when the worker hangs up, that is seen.
    drop(command);
    let mut conversation = Conversation::new(ours, options.ears.clone());

    // The worker does nothing of the user's before it has its job, so there is time to take it in.
    let enclosure = enclose(options, &leader).map_err(StartError::Containment)?;
    greet(options, &mut conversation, &leader, end)?;
    let order = Order {
        name: options.job_name.into(),
        stopped: stop.origin().map(Why::from),
        cgroup: enclosure.cgroup(),
        adopts: enclosure.kind() == Kind::Descendants,
    };
    let order = frame::encode(frame::Kind::Order, &order).map_err(StartError::Frame)?;
    let sent = conversation.say(&order, end).and_then(|()| conversation.say(&job, end));
    drop(job);
    match next(options, &mut conversation, &leader, end) {
        Ok((frame::Kind::Started, _)) => {}
        Ok((frame::Kind::Refused, payload)) => return Err(refused(options, &payload).into()),
        Ok(_) => return Err(StartError::Frame(FrameError::Unexpected).into()),
        // What went wrong first says more.
        Err(error) => return Err(sent.err().filter(|sent| sent.kind() != io::ErrorKind::BrokenPipe).unwrap_or(error)),
    }
    conversation.never_wait()?;
    Ok((Tree::new(leader, enclosure), conversation))
}

fn command(options: &Options, theirs: &UnixStream) -> io::Result<Command> {
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
    command.env(worker::MARK, worker::number_of(theirs)?.to_string());
    Ok(command)
}

fn enclose(options: &Options, leader: &Leader) -> Result<Enclosure, crate::containment::ContainmentError> {
    let enclosure = Enclosure::prepare(options.containment, options.otherwise())?;
    match enclosure.admit(leader) {
        Err(_) if options.containment == Containment::Auto => {
            Enclosure::prepare(Containment::Require(options.otherwise()), options.otherwise())
        }
        admitted => admitted.map(|()| enclosure),
    }
}

/// Waits for the worker to say who it is.
fn greet(options: &Options, conversation: &mut Conversation, leader: &Leader, end: Option<Instant>) -> io::Result<()> {
    let (kind, payload) = next(options, conversation, leader, end)?;
    if kind != frame::Kind::Hello {
        return Err(StartError::Frame(FrameError::Unexpected).into());
    }
    let hello: Hello = decode(&payload).map_err(StartError::Frame)?;
    let name = |protocol: u32, build: &str| format!("protocol {protocol}, build {build}");
    let ours = if options.is_own_program() { worker::build() } else { hello.build.clone() };
    if hello.protocol == PROTOCOL && hello.build == ours {
        return Ok(());
    }
    Err(StartError::OtherBuild { ours: name(PROTOCOL, &ours), theirs: name(hello.protocol, &hello.build) }.into())
}

/// The next frame, or why there is none.
fn next(
    options: &Options,
    conversation: &mut Conversation,
    leader: &Leader,
    end: Option<Instant>,
) -> io::Result<(frame::Kind, Vec<u8>)> {
    let frame = conversation.next(end).map_err(|error| match error.downcast::<FrameError>() {
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
        Err(error) => StartError::Frame(error),
    }
}
