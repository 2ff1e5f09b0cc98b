#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cease_core::*;

#[cfg(feature = "abandon")]
pub use cease_abandon as abandon;
#[cfg(feature = "channel")]
pub use cease_channel as channel;
#[cfg(feature = "flag")]
pub use cease_flag as flag;
#[cfg(feature = "os")]
pub use cease_os as os;
#[cfg(feature = "process")]
pub use cease_process as process;
#[cfg(feature = "token")]
pub use cease_token as token;
#[cfg(feature = "trace")]
pub use cease_trace as trace;
#[cfg(feature = "unwind")]
pub use cease_unwind as unwind;
