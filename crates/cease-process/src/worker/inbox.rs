//! Where a worker gets its orders, its jobs, and a socket that comes with the first order.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::frame::{Decoder, Frame, FrameError, Kind};

/// How much is read at once, at first and at most: memory of a new process costs when it is first used, and most jobs are short.
const PIECES: (usize, usize) = (4 << 10, 64 << 10);

/// Where a worker gets its orders.
pub(super) struct Inbox {
    socket: UnixStream,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// What has come beside the bytes, and was not taken.
    came: Option<OwnedFd>,
}

impl Inbox {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self { socket, decoder: Decoder::default(), buffer: vec![0; PIECES.0], came: None }
    }

    /// The payload of the next frame, which has to be of this kind.
    pub(super) fn read(&mut self, kind: Kind) -> io::Result<Vec<u8>> {
        match self.next()? {
            Some(frame) if frame.kind == kind => Ok(frame.payload),
            Some(_) => Err(io::Error::other(FrameError::Unexpected)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The next frame; `None` when the other side is gone.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut beside = RecvAncillaryBuffer::new(&mut space);
            let mut pieces = [IoSliceMut::new(&mut self.buffer)];
            let count = match recvmsg(&self.socket, &mut pieces, &mut beside, RecvFlags::CMSG_CLOEXEC) {
                Ok(received) if received.bytes == 0 => return Ok(None),
                Ok(received) => received.bytes,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for message in beside.drain() {
                if let RecvAncillaryMessage::ScmRights(mut fds) = message {
                    self.came = fds.next();
                }
            }
            self.decoder.push(&self.buffer[..count]);
            if count == self.buffer.len() {
                self.buffer.resize(PIECES.1.min(4 * count), 0);
            }
        }
    }

    /// The socket that came with a frame.
    pub(super) fn take_socket(&mut self) -> Option<UnixStream> {
        self.came.take().map(UnixStream::from)
    }

    /// What is left of it: the socket, and what was read of it and not handed out.
    pub(super) fn into_parts(self) -> (UnixStream, Decoder) {
        (self.socket, self.decoder)
    }
}
