#![doc = include_str!("../README.md")]
#![cfg(not(any(loom, shuttle)))]

mod from_tokio;
mod passing;
mod stream;
mod timer;
mod to_tokio;

pub use from_tokio::{CANCELLED, FromTokio, StopOnCancel, from_tokio};
pub use stream::{StopStreamExt, StreamUntilStopped};
pub use timer::TokioTimer;
pub use to_tokio::{CancelOnStop, ToTokio, to_tokio};
