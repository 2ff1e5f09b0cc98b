//! The messages by which a job in another process reports what is measured.

use serde::{Deserialize, Serialize};

use crate::heartbeat::Heartbeat;
use crate::moment::Moment;

/// A message of a job to the process that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// The job has done its first piece of work.
    Works,
    /// A checkpoint of the job saw the stop at that moment.
    StopObserved(Moment),
}

impl News {
    /// Sends the message to the process that started this one; does nothing in a process that was started for no job.
    pub(crate) fn tell(self) {
        // A process that no longer listens needs no message.
        let _ = cease_process::progress(&self);
    }

    /// The heartbeat of a job that has arrived in this process: its first beat is sent to the process that started this one.
    pub(crate) fn heartbeat() -> Heartbeat {
        Heartbeat::new(|| Self::Works.tell())
    }
}
