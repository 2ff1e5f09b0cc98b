//! Data: the state word, requests, lists, the schedule and timers; nothing here knows of nodes.

pub(crate) mod attached;
pub(crate) mod brackets;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod callback_threads;
pub(crate) mod default_timer;
pub(crate) mod list;
#[cfg(not(any(loom, shuttle)))]
pub(crate) mod process_timer;
pub(crate) mod request;
pub(crate) mod schedule;
pub(crate) mod state;
pub(crate) mod timer;
pub(crate) mod waiter;
