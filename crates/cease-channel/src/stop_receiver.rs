//! The stop as the receiving end of a channel on which nothing is ever sent.

use std::convert::Infallible;
use std::ops::Deref;
use std::time::Duration;

use cease_core::{CallbackGuard, Checkpoint, StopToken, Stopped};

use crate::library::{self, RecvTimeoutError, TryRecvError};

/// The receiving end of a channel that is disconnected by the stop, and on which nothing is ever sent.
///
/// It is the checkpoint of the strategy [`crate::Channel`], and it dereferences to a `crossbeam_channel::Receiver`, so that
/// `select!` takes it as it is: its arm is ready from the stop on.
/// The sending end is dropped by a callback of the token, before the request returns.
/// Who waits is woken just before that, so a job that waits on [`Checkpoint::token`] by itself may be ahead of its own poll by
/// that moment; [`Checkpoint::sleep`] is not.
/// It is dropped too when the last source goes unasked: the arm is ready then, and [`Checkpoint::check`] still says that
/// there is no stop.
#[derive(Debug)]
pub struct StopReceiver {
    token: StopToken,
    disconnected: library::Receiver<Infallible>,
    /// Owns the sending end; `None` only while this is dropped.
    on_stop: Option<CallbackGuard>,
}

/// Makes the stop that `token` is about the receiving end of a channel.
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
///     recv(messages) -> _ => unreachable!("nobody sends"),
///     recv(stop) -> _ => assert!(stop.check().is_err()),
/// }
/// ```
#[must_use]
pub fn stop_receiver(token: &StopToken) -> StopReceiver {
    let (connected, disconnected) = library::bounded(1);
    let on_stop = token.on_stop(move || drop(connected));
    StopReceiver { token: token.clone(), disconnected, on_stop: Some(on_stop) }
}

impl Checkpoint for StopReceiver {
    fn token(&self) -> &StopToken {
        &self.token
    }

    /// Whether the channel was disconnected by a stop.
    fn is_stop_requested(&self) -> bool {
        // The end of the last source disconnects too, and is no stop.
        self.disconnected.try_recv() == Err(TryRecvError::Disconnected) && self.token.is_stop_requested()
    }

    fn sleep(&self, duration: Duration) -> Result<(), Stopped> {
        let begin = std::time::Instant::now();
        match self.disconnected.recv_timeout(duration) {
            Ok(never) => match never {},
            Err(RecvTimeoutError::Timeout) => self.check(),
            // Stopped, or nobody can ask any more, and the token sleeps on.
            Err(RecvTimeoutError::Disconnected) => {
                self.token.check()?;
                self.token.sleep(duration.saturating_sub(begin.elapsed()))
            }
        }
    }
}

impl Drop for StopReceiver {
    fn drop(&mut self) {
        // A callback that is just running has nothing but the sending end, so nobody need wait until it has returned.
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
