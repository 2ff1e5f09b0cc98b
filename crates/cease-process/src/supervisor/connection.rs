//! The parent's end of the socket: what the worker says, and what is made of it.

use std::any::Any;
use std::io::{self, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::frame::{CAP, Decoder, Frame, FrameError, Kind, decode, encode};
use crate::message::RemotePanic;
use crate::options::Listeners;
use crate::timeout::Timeout;

/// How much is read at once: between two reads there is time for everything else.
const PIECE: usize = 64 << 10;

/// What came of listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing that ends anything.
    Nothing,
    /// The answer, to its last byte.
    Answer,
    /// What the job returned, to its last byte, and the worker waits for another job.
    Ready,
    /// Something that cannot be understood.
    Nonsense,
}

/// The parent's end of the socket.
#[derive(Debug)]
pub(super) struct Connection {
    socket: Arc<UnixStream>,
    /// Where stops are said to a worker that stays for other jobs.
    control: Option<UnixStream>,
    /// Whether it said that it does no other job.
    leaves: bool,
    decoder: Decoder,
    buffer: Vec<u8>,
    listeners: Listeners,
    has_ended: bool,
    pub(super) answer: Option<Vec<u8>>,
    pub(super) panic: Option<RemotePanic>,
    pub(super) broken: Option<String>,
    /// What the user's listeners panicked with.
    pub(super) listener_panic: Option<Box<dyn Any + Send>>,
}

impl Connection {
    pub(super) fn new(socket: UnixStream, control: Option<UnixStream>, listeners: Listeners) -> Self {
        let (socket, decoder, buffer) = (Arc::new(socket), Decoder::default(), vec![0; PIECE]);
        Self {
            socket,
            control,
            leaves: false,
            decoder,
            buffer,
            listeners,
            has_ended: false,
            answer: None,
            panic: None,
            broken: None,
            listener_panic: None,
        }
    }

    /// What can be read when something was said; `None` when nothing will be any more.
    pub(super) fn socket(&self) -> Option<Arc<UnixStream>> {
        (!self.has_ended).then(|| Arc::clone(&self.socket))
    }

    /// The next frame; `None` when the other side hung up, or in a while, when `end` has passed.
    pub(super) fn next(&mut self, end: Option<Instant>) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            // A read that waits would also be woken when the other side reads, which it does before it answers.
            if !Timeout::until(end).wait_for(&*self.socket)? {
                return Ok(None);
            }
            match (&*self.socket).read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => self.decoder.push(&self.buffer[..count]),
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {}
                    io::ErrorKind::ConnectionReset => return Ok(None),
                    _ => return Err(error),
                },
            }
        }
    }

    /// Sends `frame`, which the other side waits for, until `end` has passed.
    pub(super) fn say(&mut self, frame: &[u8], end: Option<Instant>) -> io::Result<()> {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)));
        self.socket.set_write_timeout(left)?;
        (&*self.socket).write_all(frame)
    }

    /// As [`Connection::say`], with a descriptor.
    pub(super) fn say_with(&mut self, frame: &[u8], fd: BorrowedFd<'_>, end: Option<Instant>) -> io::Result<()> {
        let (fds, mut space) = ([fd], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
        let mut beside = SendAncillaryBuffer::new(&mut space);
        beside.push(SendAncillaryMessage::ScmRights(&fds));
        let sent = sendmsg(&*self.socket, &[IoSlice::new(frame)], &mut beside, SendFlags::NOSIGNAL)?;
        self.say(&frame[sent..], end)
    }

    /// From now on nothing waits for the other side.
    pub(super) fn never_wait(&self) -> io::Result<()> {
        if let Some(control) = &self.control {
            control.set_nonblocking(true)?;
        }
        self.socket.set_nonblocking(true)
    }

    /// Makes it ready for another job, for which the other side is waited for.
    pub(super) fn renew(&mut self) -> io::Result<()> {
        self.has_ended = false;
        self.socket.set_nonblocking(false)
    }

    /// Sends a stop if there is room for it; whoever does not listen is told in another way.
    pub(super) fn say_stop(&self, frame: &[u8]) {
        let mut socket = self.control.as_ref().unwrap_or(&self.socket);
        let _ = socket.write_all(frame);
    }

    /// Tells a worker that waits for another job that there is none.
    pub(super) fn dismiss(&self) {
        if let Ok(frame) = encode(Kind::Leave, &()) {
            // There is room: it has read everything.
            let _ = (&*self.socket).write_all(&frame);
        }
    }

    /// Reads one piece of what was said.
    pub(super) fn listen(&mut self) -> Said {
        self.read_piece().unwrap_or(Said::Nothing)
    }

    /// Reads what was said before the other side ended; who else holds the socket is not waited for.
    pub(super) fn drain(&mut self) -> Said {
        let mut pieces = 0;
        while !self.has_ended && pieces <= 2 * CAP / PIECE {
            match self.read_piece() {
                Some(Said::Nothing) => pieces += 1,
                said => return said.unwrap_or(Said::Nothing),
            }
        }
        Said::Nothing
    }

    /// One piece of what was said; `None` when there is nothing to read just now.
    fn read_piece(&mut self) -> Option<Said> {
        let said = match (&*self.socket).read(&mut self.buffer) {
            Ok(0) => {
                self.has_ended = true;
                if self.decoder.is_half() && self.answer.is_none() {
                    self.nonsense(&FrameError::Half)
                } else {
                    Said::Nothing
                }
            }
            Ok(count) => {
                self.decoder.push(&self.buffer[..count]);
                self.take_frames()
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Said::Nothing,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {
                self.has_ended = true;
                Said::Nothing
            }
        };
        Some(said)
    }

    /// Hears what has arrived already.
    pub(super) fn take_frames(&mut self) -> Said {
        loop {
            let frame = match self.decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => return Said::Nothing,
                Err(error) => return self.nonsense(&error),
            };
            match frame.kind {
                Kind::Progress => {
                    if !self.hear(|listeners| listeners.progress(&frame.payload)) {
                        return Said::Nonsense;
                    }
                }
                Kind::Log => match decode::<String>(&frame.payload) {
                    Ok(text) if self.hear(|listeners| listeners.log(&text)) => {}
                    Ok(_) => return Said::Nonsense,
                    Err(error) => return self.nonsense(&error),
                },
                Kind::Result => {
                    self.answer = Some(frame.payload);
                    let stays = self.control.is_some() && !self.leaves;
                    return self.last_word(if stays { Said::Ready } else { Said::Answer });
                }
                Kind::Leave if self.control.is_some() => self.leaves = true,
                Kind::Panic => match decode(&frame.payload) {
                    Ok(panic) => {
                        self.panic = Some(panic);
                        return self.last_word(Said::Answer);
                    }
                    Err(error) => return self.nonsense(&error),
                },
                Kind::Refused => match decode::<crate::message::Refusal>(&frame.payload) {
                    Ok(refusal) => {
                        self.broken = Some(format!("what the job yields cannot travel: {refusal:?}"));
                        return self.last_word(Said::Answer);
                    }
                    Err(error) => return self.nonsense(&error),
                },
                Kind::Hello | Kind::Order | Kind::Job | Kind::Started | Kind::Stop | Kind::Leave => {
                    return self.nonsense(&FrameError::Unexpected);
                }
            }
        }
    }

    /// Tells the user's listeners; false when they panic, and then there is no point in going on.
    fn hear(&mut self, tell: impl FnOnce(&Listeners)) -> bool {
        let told = catch_unwind(AssertUnwindSafe(|| tell(&self.listeners)));
        self.has_ended |= told.is_err();
        self.listener_panic = told.err();
        self.listener_panic.is_none()
    }

    /// Nothing is listened to after the answer.
    fn last_word(&mut self, said: Said) -> Said {
        self.has_ended = true;
        said
    }

    fn nonsense(&mut self, error: &FrameError) -> Said {
        self.has_ended = true;
        self.broken = Some(error.to_string());
        Said::Nonsense
    }
}
