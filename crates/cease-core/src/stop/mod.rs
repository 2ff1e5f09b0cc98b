//! The stop primitive: a source requests, tokens show the request, and threads, tasks and callbacks wait for it.
//!
//! The files stand in layers, and each layer imports only those above it in this table:
//!
//! | file | what it holds |
//! |---|---|
//! | **data: knows nothing of nodes** | |
//! | `data/state.rs` | the word that says what has happened |
//! | `data/request.rs` | [`Request`]: who asked, why, where and when |
//! | `data/list.rs` | a list whose links lie inside of its elements |
//! | `data/waiter.rs` | what a thread, a task or a callback links into that list |
//! | `data/brackets.rs` | what lies below what: one list of brackets |
//! | `data/schedule.rs` | the deadlines of a shard |
//! | `data/attached.rs` | what stops a root from other trees, and is dropped with the root |
//! | `data/timer.rs` | [`Timer`]: fires an [`Alarm`] when one has passed |
//! | `data/default_timer.rs` | which timer a tree has that was given none |
//! | `data/process_timer.rs` | the timer of the process, and its thread |
//! | `data/callback_threads.rs` | the threads on which callbacks of deadlines run |
//! | **tree: nodes and their locks** | |
//! | `tree/shard.rs` | a lock, its list of nodes and their deadlines |
//! | `tree/node.rs` | the state that sources and tokens share |
//! | `tree/root.rs` | the top of a tree, and its shards: one, until threads wait for it |
//! | **protocol: what happens to a tree** | |
//! | `protocol/notify.rs` | what a request does once the tree is marked: wake, and call |
//! | `protocol/sweep.rs` | visits everything below a node, in portions |
//! | `protocol/lifecycle.rs` | the counted pointer to a node, the birth of a child, a request, and the end of a node |
//! | **handles: what the user holds** | |
//! | `handles/waiting.rs` | how a waiter enters the list of a node, and leaves it |
//! | `handles/blocking.rs` | the waits of a thread |
//! | `handles/callback.rs` | [`CallbackGuard`] and [`PinnedCallback`]: functions that a request calls |
//! | `handles/children.rs` | sources below a source |
//! | `handles/deadline.rs` | [`Deadline`]: its owner's handle, and how it is set |
//! | `handles/deferred.rs` | [`DeferredCallbacks`]: functions that are called elsewhere |
//! | `handles/expiry.rs` | what happens when a deadline passes |
//! | `handles/follow.rs` | a request that passes on a stop of another tree |
//! | `handles/future.rs` | [`StoppedFuture`]: a task that waits |
//! | `handles/link.rs` | [`LinkedToken`]: any, all or some of several tokens |
//! | `handles/source.rs` | [`StopSource`]: asks |
//! | `handles/token.rs` | [`StopToken`]: polls |

mod data;
mod handles;
mod protocol;
mod tree;

pub use data::request::Request;
pub use data::timer::{Alarm, Timer, TimerError};
pub use handles::blocking::{NeverStops, WaitError};
pub use handles::callback::{CallbackGuard, PinnedCallback};
pub use handles::deadline::Deadline;
pub use handles::deferred::DeferredCallbacks;
pub use handles::future::StoppedFuture;
pub use handles::link::LinkedToken;
pub use handles::source::StopSource;
pub use handles::token::StopToken;
