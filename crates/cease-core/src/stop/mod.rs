//! The stop primitive: a source that asks, tokens that can be asked about, and whoever waits in between.
//!
//! | file | what it holds |
//! |---|---|
//! | `source.rs` | [`StopSource`]: asks |
//! | `token.rs` | [`StopToken`]: polls |
//! | `request.rs` | [`Request`]: who asked, why, where and when |
//! | `children.rs` | sources below a source |
//! | **a node** | |
//! | `state.rs` | the word that says what has happened |
//! | `node.rs` | what both sides share |
//! | `lifecycle.rs` | the counted pointer to a node, the birth of a child, a request, and the end of a node |
//! | **a tree** | |
//! | `brackets.rs` | what lies below what: one list of brackets |
//! | `shard.rs` | a lock, its list of nodes and their deadlines |
//! | `root.rs` | the top of a tree, and its shards: one, until threads wait for it |
//! | `sweep.rs` | going through everything below a node |
//! | **who waits** | |
//! | `list.rs` | a list whose links lie inside of its elements |
//! | `waiter.rs` | what a thread, a task or a callback links into that list |
//! | `waiting.rs` | how a waiter enters the list of a node, and leaves it |
//! | `notify.rs` | what a request does once the tree is marked: wake, and call |
//! | `blocking.rs` | the waits of a thread |
//! | `future.rs` | [`StoppedFuture`]: a task that waits |
//! | `callback.rs` | [`CallbackGuard`] and [`PinnedCallback`]: functions that a request calls |
//! | `deferred.rs` | [`DeferredCallbacks`]: functions that are called elsewhere |
//! | **what asks by itself** | |
//! | `attached.rs` | what stops a root from other trees, and is dropped with the root |
//! | `link.rs` | [`LinkedToken`]: any, all or some of several tokens |
//! | `follow.rs` | a request that passes on a stop of another tree |
//! | `deadline.rs` | [`Deadline`]: its owner's handle, and how it is set |
//! | `schedule.rs` | the deadlines of a shard |
//! | `expiry.rs` | what happens when one passes |
//! | `timer.rs`, `process_timer.rs` | [`Timer`]: fires an [`Alarm`] when one has passed |
//! | `default_timer.rs` | which timer a tree has that was given none |
//! | `callback_threads.rs` | the threads on which callbacks of deadlines run |

mod attached;
mod blocking;
mod brackets;
mod callback;
#[cfg(not(any(loom, shuttle)))]
mod callback_threads;
mod children;
mod deadline;
mod default_timer;
mod deferred;
mod expiry;
mod follow;
mod future;
mod lifecycle;
mod link;
mod list;
mod node;
mod notify;
#[cfg(not(any(loom, shuttle)))]
mod process_timer;
mod request;
mod root;
mod schedule;
mod shard;
mod source;
mod state;
mod sweep;
mod timer;
mod token;
mod waiter;
mod waiting;

pub use blocking::{NeverStops, WaitError};
pub use callback::{CallbackGuard, PinnedCallback};
pub use deadline::Deadline;
pub use deferred::DeferredCallbacks;
pub use future::StoppedFuture;
pub use link::LinkedToken;
pub use request::Request;
pub use source::StopSource;
pub use timer::{Alarm, Timer, TimerError};
pub use token::StopToken;
