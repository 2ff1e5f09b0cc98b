//! The stop primitive: a source that asks, tokens that can be asked about, and whoever waits in between.
//!
//! | file | what it holds |
//! |---|---|
//! | `source.rs` | [`StopSource`]: asks |
//! | `token.rs` | [`StopToken`]: polls and waits |
//! | `node.rs` | the state that both share: one word, one cause |
//! | `tree.rs` | what lies below what: one lock and one list for a whole tree |
//! | `sweep.rs` | what a request does once the tree is marked |
//! | `waiting.rs` | how a waiter enters the lists of a node, and leaves them |
//! | `wait_list.rs` | the list of what waits, made of its own frames |
//! | `future.rs` | [`UntilStopped`]: a task that waits |
//! | `guard.rs` | [`StopGuard`]: asks by being dropped |
//! | `link.rs` | [`Linked`]: any, all or some of several tokens |
//! | `follow.rs` | a request that follows a stop in another tree |
//! | `callback.rs` | [`OnStop`]: functions that a request calls |

mod callback;
mod clock;
mod deadline;
mod due;
mod follow;
mod future;
mod guard;
mod kept;
mod link;
mod node;
mod node_ref;
#[cfg(not(any(loom, shuttle)))]
mod process_timer;
mod request;
mod schedule;
mod shard;
mod source;
mod state;
mod sweep;
mod timer;
mod token;
mod tree;
mod wait_list;
mod waiting;

pub use callback::{OnStop, StopCallback};
pub use clock::Alarm;
pub use deadline::Deadline;
pub use future::UntilStopped;
pub use guard::StopGuard;
pub use link::Linked;
pub use request::Request;
pub use source::StopSource;
pub use timer::{Timer, TimerError};
pub use token::{NeverStops, StopToken, WaitError};
