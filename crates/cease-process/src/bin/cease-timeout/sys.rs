//! The system calls that have no safe wrapper, each behind a safe function.
#![allow(unsafe_code, reason = "signals are waited for and their dispositions read by bare system calls")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A set of signals, as the kernel has it: one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signals(pub(crate) u64);

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) signal: i32,
    /// The process that sent it; 0 when that was the kernel.
    pub(crate) sender: i32,
    pub(crate) by_kernel: bool,
    /// What its sender sent with it.
    pub(crate) value: Option<i32>,
}

/// What a signal does when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    Default,
    Ignored,
}

/// As the kernel takes it, which is not what the C library calls by this name.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: libc::c_ulong,
    restorer: usize,
    mask: u64,
}

const SET_SIZE: usize = size_of::<u64>();

impl Signals {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn with(self, signal: i32) -> Self {
        Self(self.0 | 1 << (signal - 1))
    }
}

/// Blocks exactly `signals`, and says which were blocked before; unlike in the C library, these may be all there are.
pub(crate) fn set_mask(signals: Signals) -> Signals {
    let mut old = Signals::NONE;
    // SAFETY: both pointers are to 64 bits that live until the call returns, which is the size that is given.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, &raw const signals.0, &raw mut old.0, SET_SIZE);
    }
    old
}

/// Waits for one of `signals`, which are blocked, for at most `limit`.
pub(crate) fn wait_signal(signals: Signals, limit: Option<Duration>) -> Option<Arrived> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: i32::try_from(limit.as_secs()).unwrap_or(i32::MAX).into(),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the set and the time live until the call returns, the time may be null, and `info` has room for the answer.
    let signal =
        unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &raw const signals.0, info.as_mut_ptr(), limit, SET_SIZE) };
    if signal <= 0 {
        return None;
    }
    // SAFETY: all of it was zeroed, which is a value of it, and the call has filled it in.
    let info = unsafe { info.assume_init() };
    // SAFETY: every kind of information about a signal that a process sent begins with the sender; for others it is not used.
    let sender = unsafe { info.si_pid() };
    // SAFETY: as above; without a value there are zeroes.
    let value = unsafe { info.si_value() }.sival_ptr as usize as i32;
    let by_kernel = info.si_code > 0;
    Some(Arrived {
        signal: i32::try_from(signal).ok()?,
        sender: if by_kernel { 0 } else { sender },
        by_kernel,
        value: (info.si_code == libc::SI_QUEUE).then_some(value),
    })
}

/// Sends `signal` with a value, which is queued.
pub(crate) fn queue(pid: i32, signal: i32, value: i32) {
    let value = libc::sigval { sival_ptr: value as usize as *mut libc::c_void };
    // SAFETY: takes numbers only.
    unsafe { libc::sigqueue(pid, signal, value) };
}

/// What `signal` does at present.
pub(crate) fn disposition(signal: i32) -> Disposition {
    let mut action = KernelAction { handler: 0, flags: 0, restorer: 0, mask: 0 };
    // SAFETY: no new action is given, and `action` is as the kernel lays it out.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, std::ptr::null::<KernelAction>(), &raw mut action, SET_SIZE);
    }
    if action.handler == libc::SIG_IGN { Disposition::Ignored } else { Disposition::Default }
}

/// Has `signal` do this from now on.
pub(crate) fn set_disposition(signal: i32, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignored => libc::SIG_IGN,
    };
    let action = KernelAction { handler, flags: 0, restorer: 0, mask: 0 };
    // SAFETY: `action` is as the kernel lays it out, has no handler of ours, and lives until the call returns.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, &raw const action, std::ptr::null::<KernelAction>(), SET_SIZE);
    }
}

/// Sends `signal` to a child that is not reaped, or with 0 to the group of this process.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers only.
    let sent = unsafe { libc::kill(pid, signal) };
    if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The group of a process, or with 0 of this one; a group of another namespace is 0.
pub(crate) fn group_of(pid: i32) -> Option<i32> {
    // SAFETY: takes a number only.
    let group = unsafe { libc::getpgid(pid) };
    (group >= 0).then_some(group)
}

/// How children are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// One that has ended, which stays as it is.
    Peek,
    /// One that has ended, which is reaped.
    Reap,
    /// One that has not ended.
    Living,
}

/// A child that was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child {
    /// 0 when there is no such child at present.
    pub(crate) pid: i32,
    pub(crate) status: Status,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Exited(i32),
    Signaled(i32),
}

/// Looks for a child, or this one if `pid` is not 0, without waiting; `None` when there is none that could be of this kind.
pub(crate) fn wait(pid: i32, how: Wait) -> Option<Child> {
    let (kind, id) = if pid == 0 { (libc::P_ALL, 0) } else { (libc::P_PID, pid.unsigned_abs()) };
    let options = match how {
        Wait::Peek => libc::WEXITED | libc::WNOWAIT,
        Wait::Reap => libc::WEXITED,
        Wait::Living => libc::WSTOPPED | libc::WCONTINUED | libc::WNOWAIT,
    };
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `info` has room for the answer, and nothing else is pointed to.
    let waited = unsafe { libc::waitid(kind, id, info.as_mut_ptr(), options | libc::WNOHANG | libc::__WALL) };
    if waited != 0 {
        return None;
    }
    // SAFETY: all of it was zeroed, which is a value of it, and the call has filled it in or left it alone.
    let info = unsafe { info.assume_init() };
    // SAFETY: what `waitid` fills in tells of a child; what it leaves alone is zeroes.
    let pid = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    let status = if info.si_code == libc::CLD_EXITED { Status::Exited(status) } else { Status::Signaled(status) };
    Some(Child { pid, status })
}

/// Whether the kernel tells of another child than the ended ones.
pub(crate) fn has_living_children() -> bool {
    // With an interest in nothing but stops, the kernel says that there are no children when all have ended.
    wait(0, Wait::Living).is_some()
}

/// Opens process `pid`, with a number above those of the standard streams unless no such number is free.
///
/// # Errors
///
/// The error of the system call: there is no such process, or no free descriptor.
pub(crate) fn open_process(pid: Pid) -> Result<OwnedFd, Errno> {
    let fd = pidfd_open(pid, PidfdFlags::empty())?;
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    // A process that cannot be signalled is worse than a low number, which this program closes before it writes anything.
    Ok(fcntl_dupfd_cloexec(&fd, libc::STDERR_FILENO + 1).unwrap_or(fd))
}

/// Whether two more descriptors can be opened.
pub(crate) fn has_room() -> bool {
    let own = rustix::process::getpid();
    let open = || pidfd_open(own, PidfdFlags::empty());
    open().is_ok_and(|_one| open().is_ok())
}

/// Closes standard input and output, which nothing here reads or writes once the command runs.
pub(crate) fn give_up_streams() {
    for fd in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // SAFETY: takes a number only, and nothing of this program owns that descriptor.
        unsafe { libc::close(fd) };
    }
}

/// Leaves no core file of this process.
pub(crate) fn without_core() {
    // SAFETY: takes numbers only.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
}

/// Writes all of `text` to a descriptor that is not owned here; what cannot be written is lost.
pub(crate) fn write(fd: i32, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        // SAFETY: `text` is a live slice of the length that is given.
        let written = unsafe { libc::write(fd, text.as_ptr().cast(), text.len()) };
        match usize::try_from(written) {
            Ok(written) => text = &text[written..],
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    Ok(())
}

/// Whether `fd` is open, and from now on closed in whatever is executed.
pub(crate) fn close_on_exec(fd: i32) -> bool {
    // SAFETY: takes numbers only.
    unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) == 0 }
}

/// Sends `signal` to the process behind `fd`; when it is gone, nothing happens.
pub(crate) fn signal_by_descriptor(fd: &OwnedFd, signal: i32) {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is borrowed and so open, the information may be null, and no memory of ours is written to.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), signal, info, 0) };
}

/// What the system calls this error.
pub(crate) fn error_text(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else { return error.to_string() };
    // SAFETY: takes a number, and gives a text that ends in a zero; nobody else in this program asks for one meanwhile.
    let text = unsafe { libc::strerror(number) };
    // SAFETY: as above, and it is copied at once.
    unsafe { std::ffi::CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
