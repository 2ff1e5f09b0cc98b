//! Jobs that can travel to another process, and the names by which they are known there.

use cease_core::{Job, StopToken, current};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::frame::{FrameError, Kind, decode, encode};
use crate::message::Answer;

/// A job that can travel: it and what it yields can be written down, and it has a name.
///
/// What it holds is copied to the other process, so it shares nothing with this one.
pub trait RemoteJob: Job<Output: Serialize + DeserializeOwned> + Serialize + DeserializeOwned {
    /// What it is called where it arrives; no two jobs of a program may have the same.
    const NAME: &'static str;
}

/// A job that a worker knows by its name; made by [`job`].
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub(crate) name: &'static str,
    pub(crate) unpack: fn(&[u8]) -> Result<Body, FrameError>,
}

/// What runs in the worker: it returns the frame with the answer.
pub(crate) type Body = Box<dyn FnOnce(&StopToken) -> Result<Vec<u8>, FrameError>>;

/// The entry of the job `J`, for [`crate::init`].
#[must_use]
pub const fn job<J: RemoteJob>() -> Entry {
    Entry { name: J::NAME, unpack: unpack::<J> }
}

fn unpack<J: RemoteJob>(payload: &[u8]) -> Result<Body, FrameError> {
    let job: J = decode(payload)?;
    Ok(Box::new(|stop| {
        let answer = match current::with(stop, || job.run(stop)) {
            Ok(value) => Answer::Finished(value),
            Err(stopped) => Answer::Stopped(stopped.reason().into()),
        };
        encode(Kind::Result, &answer)
    }))
}
