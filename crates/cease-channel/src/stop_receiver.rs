//! The stop as the receiving end of a channel on which nothing is ever sent.

use std::convert::Infallible;
use std::ops::Deref;

use cease_core::{CallbackGuard, Checkpoint, Fault, StopSource, StopToken};

use crate::library;

/// The receiving end of a channel that is disconnected by the stop, and on which nothing is ever sent.
///
/// It is the checkpoint of the strategy [`crate::Channel`], and it dereferences to a `crossbeam_channel::Receiver`, so that
/// `select!` takes it as it is: its arm is ready from the stop on.
/// The sending end is dropped by a callback of the token, before the request returns.
/// A poll does not touch the channel: [`Checkpoint::check`] and [`Checkpoint::is_stop_requested`] load the flag of the token.
/// The request raises that flag first, so a job whose `select!` saw the disconnect because of a stop gets `Err` from
/// [`Checkpoint::check`].
/// The sending end is also dropped when the last source is dropped without a request: the arm is ready then, and
/// [`Checkpoint::check`] returns `Ok`.
#[derive(Debug)]
pub struct StopReceiver {
    token: StopToken,
    disconnected: library::Receiver<Infallible>,
    /// Owns the sending end; `None` only while this is dropped.
    on_stop: Option<CallbackGuard>,
}

/// Makes a [`StopReceiver`] for the stop of `token`; it is disconnected from the start when the stop was requested before.
///
/// # Examples
///
/// ```
/// use cease_channel::stop_receiver;
/// use cease_core::{Checkpoint, StopSource};
/// use crossbeam_channel::{never, select};
///
/// let source = StopSource::new();
/// let stop = stop_receiver(&source.token());
/// source.request_with("rolling deploy");
///
/// let messages = never::<String>();
/// select! {
///     recv(messages) -> _ => unreachable!("no end of this channel sends"),
///     recv(stop) -> _ => assert!(stop.check().is_err()),
/// }
/// ```
#[must_use]
pub fn stop_receiver(token: &StopToken) -> StopReceiver {
    let (connected, disconnected) = library::bounded(1);
    let late = Fault::FlagRaisedLast.is_seeded().then(StopSource::new);
    let polled = late.as_ref().map_or_else(|| token.clone(), StopSource::token);
    let on_stop = token.on_stop(move || {
        if Fault::CancelNotPassedOn.is_seeded() {
            std::mem::forget(connected);
        } else {
            drop(connected);
        }
        if let Some(late) = late {
            late.request();
        }
    });
    StopReceiver { token: polled, disconnected, on_stop: Some(on_stop) }
}

impl Checkpoint for StopReceiver {
    fn token(&self) -> &StopToken {
        &self.token
    }
}

impl Drop for StopReceiver {
    fn drop(&mut self) {
        // A callback that runs now only drops the sending end, so this thread does not wait for it.
        if let Some(on_stop) = self.on_stop.take() {
            on_stop.unregister();
        }
    }
}

impl Deref for StopReceiver {
    type Target = library::Receiver<Infallible>;

    fn deref(&self) -> &Self::Target {
        &self.disconnected
    }
}
