//! The identity of a child: a descriptor that stays with it, and never comes to mean somebody else.
//!
//! # How it works
//!
//! The number of a process is its own until it is reaped, and anybody's afterwards.
//! So the child is held unreaped for as long as anything may be sent to it: its end is seen at the descriptor, its status is
//! looked at without taking it, and reaping is the last thing that is done, by a method that consumes it.
//! What is reaped cannot be signalled, because nothing is left to call a method of (law L19).
#![allow(unsafe_code, reason = "two system calls have no safe wrapper: a signal to a pidfd's group, and sigaction")]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, pidfd_send_signal, waitid,
};

use crate::descriptor::above_standard;
use crate::exit_pipe::ExitPipe;
use crate::timeout::{FOR_THE_KILLED, Timeout};

pub use crate::ended::Ended;

/// A child that has not been reaped.
///
/// Dropping it kills it, and its group if it leads one, and reaps it.
pub struct Leader {
    pid: Pid,
    fd: Arc<OwnedFd>,
    leads_group: bool,
    reaped: bool,
    /// Of the first process of a namespace, whose child is the one that counts.
    note: Option<Box<ExitPipe>>,
}

/// The ends of the child's pipes that were asked for.
#[derive(Debug, Default)]
pub struct Pipes {
    /// Where its standard input is written.
    pub stdin: Option<ChildStdin>,
    /// Where its standard output is read.
    pub stdout: Option<ChildStdout>,
    /// Where its standard error is read.
    pub stderr: Option<ChildStderr>,
}

impl Leader {
    /// Starts `command`, as the leader of a group of its own if `leads_group`.
    ///
    /// Nothing runs between fork and exec, so a large parent pays no more than a small one.
    ///
    /// # Errors
    ///
    /// What the operating system said; nothing is left then.
    /// [`io::ErrorKind::Unsupported`] when this program has the kernel reap its children (it ignores SIGCHLD, or has set
    /// `SA_NOCLDWAIT`): their numbers could become somebody else's at any moment.
    pub fn spawn(command: &mut Command, leads_group: bool) -> io::Result<(Self, Pipes)> {
        ends_can_be_seen()?;
        if leads_group {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let pid = Pid::from_child(&child);
        match pidfd_open(pid, PidfdFlags::empty()).and_then(above_standard) {
            Ok(fd) => {
                let pipes =
                    Pipes { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() };
                Ok((Self { pid, fd: Arc::new(fd), leads_group, reaped: false, note: None }, pipes))
            }
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error.into())
            }
        }
    }

    /// The child `pid` behind `fd`, which leads a group of its own and was not waited for.
    pub(crate) fn of(pid: Pid, fd: OwnedFd) -> Self {
        Self { pid, fd: Arc::new(fd), leads_group: true, reaped: false, note: None }
    }

    /// As [`Leader::of`], for the first process of a namespace, which notes there how the worker, its child, has ended.
    ///
    /// That counts for its own end.
    pub(crate) fn first(pid: Pid, fd: OwnedFd, note: ExitPipe) -> Self {
        let mut first = Self::of(pid, fd);
        first.note = Some(Box::new(note));
        first
    }

    /// Its number, which is its own for as long as this value lives.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Whether it leads a group of its own.
    #[must_use]
    pub const fn leads_group(&self) -> bool {
        self.leads_group
    }

    /// What is readable once the child has ended, for whoever waits without it.
    pub(crate) fn end(&self) -> Arc<OwnedFd> {
        Arc::clone(self.note.as_ref().map_or(&self.fd, |note| note.end()))
    }

    /// Whether it is the first process of a namespace, with which everybody there ends.
    pub(crate) const fn is_first(&self) -> bool {
        self.note.is_some()
    }

    /// Whether it has not ended, as far as can be known.
    ///
    /// The first process of a namespace that is killed has ended some moments before that can be peeked at.
    pub(crate) fn is_running(&self) -> bool {
        match &self.note {
            Some(note) => !note.is_written(),
            None => matches!(self.peek(), Ok(None)),
        }
    }

    /// Notes the number that its worker has in the namespace, if it is the first process of one.
    pub(crate) fn is_for(&self, worker: u32) {
        if let Some(note) = &self.note {
            note.is_about(worker);
        }
    }

    /// The number of its worker in the namespace of which it is the first process, while that worker runs.
    pub(crate) fn worker(&self) -> Option<u32> {
        self.note.as_ref().filter(|_| self.is_running())?.worker()
    }

    /// Sends it `signal`; when it has ended, nothing happens.
    ///
    /// # Errors
    ///
    /// What the operating system said: the child may have become another user.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        unless_gone(pidfd_send_signal(&self.fd, signal))
    }

    /// Sends `signal` to every member of its group, if it leads one; when nobody is left there, nothing happens.
    ///
    /// # Errors
    ///
    /// What the operating system said: no member may be signalled.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        if !self.leads_group {
            return Ok(());
        }
        match send_to_group_of(self.fd.as_fd(), signal) {
            // Linux before 6.9. The number is this child's for as long as it is not reaped, which only we do; if something
            // else in this program did, it is not used.
            Err(Errno::INVAL) if self.peek()? != Some(Ended::Unknown) => {
                unless_gone(kill_process_group(self.pid, signal))
            }
            Err(Errno::INVAL) => Ok(()),
            sent => unless_gone(sent),
        }
    }

    /// How it ended, or `None` while it runs; it is not reaped.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn peek(&self) -> io::Result<Option<Ended>> {
        if let Some(note) = &self.note
            && let Some(ended) = note.ended()?
        {
            return Ok(Some(ended));
        }
        self.waitid(WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT)
    }

    /// Waits until it has ended, for at most `limit`; it is not reaped.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn wait_timeout(&self, limit: Duration) -> io::Result<Option<Ended>> {
        let timeout = Timeout::new(limit);
        // Of one that was killed the pipe ends some moments before it does.
        for fd in [&self.end(), &self.fd] {
            timeout.wait_for(fd)?;
            if let Some(ended) = self.peek()? {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Reaps it, and says how it ended; from then on its number may be anybody's.
    ///
    /// # Errors
    ///
    /// The child itself, when it still runs.
    pub fn reap(mut self) -> Result<Ended, Self> {
        let noted = self.note.as_ref().and_then(|note| note.ended().ok().flatten());
        if self.note.as_ref().is_some_and(|note| note.is_written()) {
            // It goes by itself when it has seen that nobody is left, and that takes a moment.
            let _ = self.signal(Signal::KILL);
            let _ = Timeout::new(FOR_THE_KILLED).wait_for(&self.fd);
        }
        match self.waitid(WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(Some(ended)) => {
                self.reaped = true;
                Ok(noted.unwrap_or(ended))
            }
            Ok(None) | Err(_) => Err(self),
        }
    }

    fn waitid(&self, options: WaitIdOptions) -> io::Result<Option<Ended>> {
        loop {
            return match waitid(WaitId::PidFd(self.fd.as_fd()), options) {
                Ok(status) => Ok(status.as_ref().map(Ended::of)),
                Err(Errno::CHILD) => Ok(Some(Ended::Unknown)),
                Err(Errno::INTR) => continue,
                Err(error) => Err(error.into()),
            };
        }
    }
}

impl AsFd for Leader {
    /// Readable once the child has ended.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.note.as_ref().map_or(&self.fd, |note| note.end()).as_fd()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.reaped {
            return;
        }
        // There is nobody to tell when this fails; what then still runs is waited for below.
        let _ = self.signal(Signal::KILL);
        let _ = self.signal_group(Signal::KILL);
        let reap = |fd: &OwnedFd| waitid(WaitId::PidFd(fd.as_fd()), WaitIdOptions::EXITED);
        if Timeout::new(FOR_THE_KILLED).wait_for(&self.fd).is_ok_and(|has_ended| has_ended) {
            let _ = reap(&self.fd);
        } else {
            // It cannot be killed just now: it waits for a disk, say. Somebody has to be there when it ends.
            let fd = Arc::clone(&self.fd);
            let _ = std::thread::Builder::new().name("cease-reaper".into()).spawn(move || reap(&fd));
        }
    }
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").field("pid", &self.pid()).finish_non_exhaustive()
    }
}

fn unless_gone(sent: rustix::io::Result<()>) -> io::Result<()> {
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends `signal` to the group of the process behind `fd`, which the kernel finds without a number.
fn send_to_group_of(fd: BorrowedFd<'_>, signal: Signal) -> rustix::io::Result<()> {
    const PIDFD_SIGNAL_PROCESS_GROUP: libc::c_uint = 4;
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the call takes a descriptor, which is borrowed and so open, a number of a signal, a pointer to a `siginfo_t`
    // that may be null, and flags; it writes to no memory of ours.
    let sent = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal.as_raw(), info, PIDFD_SIGNAL_PROCESS_GROUP)
    };
    if sent == 0 { Ok(()) } else { Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)) }
}

/// An error when the kernel reaps children before their end can be seen.
pub(crate) fn ends_can_be_seen() -> io::Result<()> {
    if children_are_reaped_by_the_kernel()? {
        let why = "SIGCHLD is ignored here, so the kernel reaps children before their end can be seen";
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    Ok(())
}

/// Whether the kernel reaps the children of this process without being asked.
fn children_are_reaped_by_the_kernel() -> io::Result<bool> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: SIGCHLD is a signal, no new action is given, and `action` has room for the old one.
    let asked = unsafe { libc::sigaction(libc::SIGCHLD, std::ptr::null(), action.as_mut_ptr()) };
    if asked != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all of it was zeroed, which is a value of it, and the call has filled it in.
    let action = unsafe { action.assume_init() };
    Ok(action.sa_sigaction == libc::SIG_IGN || action.sa_flags & libc::SA_NOCLDWAIT != 0)
}
