//! The worker's end of the socket: what it sends, what it listens for, and what it notes of a panic.

use std::any::Any;
use std::backtrace::Backtrace;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::panic;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use serde::Serialize;

use super::current;
use crate::frame::{Decoder, FrameError, Kind, decode, encode};
use crate::message::{RemotePanic, Stop};

/// Where frames go; there is none in a process that is no worker.
static LINK: OnceLock<Mutex<UnixStream>> = OnceLock::new();
/// Where the last panic of the job's thread was, and the way there.
static PANICKED: Mutex<Option<(Option<String>, String)>> = Mutex::new(None);

/// Tells the one who supervises how far the job is; false in a process that is no worker, and nothing happens there.
///
/// [`crate::Process::on_progress`] gets it. A job that calls it runs under other strategies unchanged.
///
/// # Errors
///
/// When `value` cannot be written down, or is too long; or when nobody listens any more.
pub fn progress<T: Serialize + ?Sized>(value: &T) -> io::Result<bool> {
    say(Kind::Progress, value)
}

/// Tells the one who supervises something in words; false in a process that is no worker, and nothing happens there.
///
/// [`crate::Process::on_log`] gets it.
///
/// # Errors
///
/// When `text` is too long, or nobody listens any more.
pub fn log(text: &str) -> io::Result<bool> {
    say(Kind::Log, text)
}

/// Opens the way for [`progress`] and [`log`].
pub(super) fn open(socket: UnixStream) {
    // It is the same for every job of this process.
    let _ = LINK.set(Mutex::new(socket));
}

/// Sends the frame with the answer, behind everything that was said.
pub(super) fn answer(frame: &[u8]) -> io::Result<()> {
    let link = LINK.get().ok_or(io::ErrorKind::NotConnected)?;
    link.lock().unwrap_or_else(PoisonError::into_inner).write_all(frame)
}

/// Starts a thread that takes in stops for the current job, and calls `orphaned` when the other side is gone.
pub(super) fn listen(
    mut socket: UnixStream,
    mut decoder: Decoder,
    orphaned: impl Fn() + Send + 'static,
) -> io::Result<()> {
    let listening = move || {
        let mut buffer = [0; 4096];
        loop {
            while let Ok(Some(frame)) = decoder.next() {
                if let (Kind::Stop, Ok(stop)) = (frame.kind, decode::<Stop>(&frame.payload)) {
                    current::stop(stop);
                }
            }
            match socket.read(&mut buffer) {
                Ok(0) => orphaned(),
                Ok(count) => decoder.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => orphaned(),
            }
        }
    };
    thread::Builder::new().name("cease-worker".into()).spawn(listening).map(drop)
}

/// Notes where the calling thread panics, before the hook that is there now says so.
pub(super) fn watch_panics() {
    let (thread, before) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == thread {
            let at = info.location().map(ToString::to_string);
            let noted = (at, Backtrace::force_capture().to_string());
            *PANICKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(noted);
            if cfg!(panic = "abort") {
                // It will not come to its edge.
                let _ = panic_frame(info.payload()).map(|frame| answer(&frame));
            }
        }
        before(info);
    }));
}

/// What is told of a panic with this payload.
pub(super) fn panic_frame(payload: &(dyn Any + Send)) -> Result<Vec<u8>, FrameError> {
    let noted = PANICKED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let (at, backtrace) = noted.unwrap_or_default();
    let text = payload.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("<not a text>").to_owned();
    encode(Kind::Panic, &RemotePanic { message, at, backtrace })
}

fn say<T: Serialize + ?Sized>(kind: Kind, value: &T) -> io::Result<bool> {
    let Some(link) = LINK.get() else { return Ok(false) };
    let frame = encode(kind, value).map_err(io::Error::other)?;
    link.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)?;
    Ok(true)
}
