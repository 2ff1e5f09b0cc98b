#![doc = include_str!("../README.md")]

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

/// The attribute writes paths of `cease_trace`, which whoever has only the face does not have; so it is told where it is.
///
/// ```
/// use cease::SpawnFn;
/// use cease::trace::{Trace, traced};
///
/// #[traced(crate = cease::trace, every = 64)]
/// fn count() -> u64 {
///     let mut number = 0;
///     for step in 0_u64.. {
///         number ^= step;
///     }
///     number
/// }
///
/// let worker = Trace::new().spawn_fn(|_| Ok(count())).unwrap();
/// worker.stop();
/// assert!(worker.join().unwrap().stopped().is_some());
/// ```
#[cfg(all(doctest, feature = "trace"))]
mod the_attribute_works_through_the_face {}
