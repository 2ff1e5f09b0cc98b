//! The kinds of work: one job a file.

mod collatz;
mod cpu_checked;
mod cpu_traced;
mod cpu_unchecked;
mod hash_files;
mod sleep_loop;
mod tokio_task;

pub(crate) use cpu_checked::CpuChecked;
pub(crate) use cpu_traced::CpuTraced;
pub(crate) use cpu_unchecked::CpuUnchecked;
pub(crate) use hash_files::HashFiles;
pub(crate) use sleep_loop::SleepLoop;
pub(crate) use tokio_task::TokioTask;

use std::path::Path;

use cease_core::{Job, StopObserved};
use cease_token::AsyncJob;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::heartbeat::Heartbeat;

/// Work that goes on for ever, until it is stopped.
///
/// `Ok` of a job says that it did all its work as if nobody had asked; `Err` that the work itself failed.
/// It can travel, so that it runs in another process too.
pub(crate) trait Workload: Job<Output = Result<(), String>> + Serialize + DeserializeOwned {
    /// What it is called.
    const NAME: &'static str;
    /// What it is, in half a sentence.
    const ABOUT: &'static str;

    /// What it works on; made once, and shared by all trials.
    type Material;

    /// Gets the material.
    ///
    /// # Errors
    ///
    /// What cannot be read, in one line.
    fn material(input: &Path) -> Result<Self::Material, String>;

    /// Makes one job, which beats `heartbeat` at each piece of work that is done.
    fn new(material: &Self::Material, heartbeat: Heartbeat) -> Self;
}

/// Work of a task that goes on for ever, until it is stopped; otherwise as [`Workload`].
pub(crate) trait TaskWorkload: AsyncJob<Output = Result<(), String>> {
    /// What it is called.
    const NAME: &'static str;
    /// What it is, in half a sentence.
    const ABOUT: &'static str;

    /// Makes one job, which beats `heartbeat` at each piece of work, and notes when it first sees the stop.
    fn new(heartbeat: Heartbeat, noticed: StopObserved) -> Self;
}
