//! A worker of a pool: one job after the other, on the thread that reads the orders.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::thread;

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, waitid};

use super::inbox::Inbox;
use super::job::{No, Outcome, outcome, started, take_job};
use super::{current, link};
use crate::frame::{FrameError, Kind, decode, encode};
use crate::message::Order;
use crate::travels::Entry;

/// Why a worker of a pool does no other job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// It was told so, or its last job has ended in a way after which there is no other.
    Done,
    /// The one who supervised it is gone.
    Orphaned,
}

/// Does one job after the other.
pub(super) fn serve(inbox: &mut Inbox, jobs: &[Entry]) -> io::Result<Left> {
    let started = started()?;
    let threads = threads();
    loop {
        let order = match inbox.next()? {
            Some(frame) if frame.kind == Kind::Order => frame.payload,
            Some(frame) if frame.kind == Kind::Leave => return Ok(Left::Done),
            Some(_) => return Err(io::Error::other(FrameError::Unexpected)),
            None => return Ok(Left::Orphaned),
        };
        let order: Order = decode(&order).map_err(io::Error::other)?;
        let body = match take_job(inbox, &order, jobs) {
            Ok(body) => body,
            Err(No::Refusal(refusal)) => {
                link::answer(&encode(Kind::Refused, &refusal).map_err(io::Error::other)?)?;
                continue;
            }
            Err(No::Lost(error)) => return Err(error),
        };
        let stop = current::begin(order.number, order.stopped.as_ref());
        link::answer(&started)?;
        let Outcome { mut frame, is_clean } = outcome(body, &stop)?;
        current::end();
        // A thread that the job has left behind would run beside the next job; one that was joined is gone in a moment.
        let stays = is_clean && !has_children() && (0..JUST_JOINED).any(|_| self::threads() <= threads || just_wait());
        if !stays {
            frame.splice(..0, encode(Kind::Leave, &()).map_err(io::Error::other)?);
        }
        link::answer(&frame)?;
        if !stays {
            return Ok(Left::Done);
        }
    }
}

/// Whether a child of this process runs; those that have ended and that the job has not reaped are reaped.
fn has_children() -> bool {
    let next = || waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    loop {
        match next() {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// How often it is looked whether a thread that was joined is gone.
const JUST_JOINED: u32 = 100;

/// Lets others run; never what is waited for.
fn just_wait() -> bool {
    thread::yield_now();
    false
}

/// How many threads this process has, and two: each is a directory, and has a link in the one above.
fn threads() -> u64 {
    fs::metadata("/proc/self/task").map_or(0, |task| task.nlink())
}
