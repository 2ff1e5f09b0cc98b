//! Receives a job and runs it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cease_core::StopToken;

use super::inbox::Inbox;
use super::link;
use crate::frame::{FrameError, Kind, decode, encode};
use crate::message::{Hello, Order, Refusal};
use crate::travels::{Body, Entry};

/// The end of a job.
pub(super) struct Outcome {
    /// The frame with the answer.
    pub(super) frame: Vec<u8>,
    /// Whether the job returned and its result could be encoded.
    pub(super) is_clean: bool,
}

/// Runs a job, and encodes its result, its panic, or why the result cannot be sent.
pub(super) fn outcome(body: Body, stop: &StopToken) -> io::Result<Outcome> {
    let outcome = catch_unwind(AssertUnwindSafe(|| body(stop)));
    let is_clean = matches!(outcome, Ok(Ok(_)));
    let frame = match outcome {
        Ok(Ok(frame)) => Ok(frame),
        Ok(Err(error)) => encode(Kind::Refused, &Refusal::Unreadable(error.to_string())),
        Err(payload) => link::panic_frame(payload.as_ref()),
    };
    Ok(Outcome { frame: frame.map_err(io::Error::other)?, is_clean })
}

/// The frame that says that the job has begun.
pub(super) fn started() -> io::Result<Vec<u8>> {
    encode(Kind::Started, &()).map_err(io::Error::other)
}

/// Why a job does not run.
pub(super) enum No {
    /// The worker refuses it, and says why.
    Refusal(Refusal),
    /// It was not received.
    Lost(io::Error),
}

impl From<FrameError> for No {
    fn from(error: FrameError) -> Self {
        Self::Refusal(Refusal::Unreadable(error.to_string()))
    }
}

/// The order, if it is for this program.
pub(super) fn accept(order: &[u8], own: &Hello) -> Result<Order, No> {
    let order: Order = decode(order)?;
    if order.protocol != own.protocol || order.build.as_ref().is_some_and(|build| *build != own.build) {
        return Err(No::Refusal(Refusal::OtherBuild));
    }
    Ok(order)
}

/// The job that follows an order, ready to run.
pub(super) fn take_job(inbox: &mut Inbox, order: &Order, jobs: &[Entry]) -> Result<Body, No> {
    let job = inbox.read(Kind::Job).map_err(No::Lost)?;
    let entry = jobs.iter().find(|entry| entry.name == order.name);
    let known = || Refusal::UnknownJob(jobs.iter().map(|entry| entry.name.to_owned()).collect());
    Ok((entry.ok_or_else(|| No::Refusal(known()))?.unpack)(&job)?)
}
