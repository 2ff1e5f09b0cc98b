#![doc = include_str!("../README.md")]

pub use cease_core::*;

#[cfg(feature = "channel")]
pub use cease_channel as channel;
#[cfg(feature = "flag")]
pub use cease_flag as flag;
#[cfg(feature = "token")]
pub use cease_token as token;
#[cfg(feature = "trace")]
pub use cease_trace as trace;
