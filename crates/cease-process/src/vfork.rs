//! A child that shares the memory of its parent until it executes something, so that nothing is copied.
//!
//! # How it works
//!
//! The thread that starts the child is suspended until the child executes something or ends, as with `vfork`; so a large parent
//! pays no more than a small one, and an error is a number in memory that both see.
//! The kernel puts the child into its cgroup or its namespace before it runs, so nothing of it is ever outside, and no gate has to
//! be kept.
#![allow(unsafe_code, reason = "the child runs in the memory of its parent until it executes something")]

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::Pid;

/// The constants of the C library are of types that cannot hold them on every machine.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Where a child begins, other than where this process is.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In the cgroup of this directory; from Linux 5.7 on.
    Cgroup(BorrowedFd<'a>),
    /// In a PID namespace, as the first process there; who may do that is an administrator.
    PidNamespace,
    /// As above, in a namespace of users, which whoever is no administrator may make too, on most systems.
    ///
    /// In there the child is nobody, until it has said who it is, and may do everything, until it executes something.
    UserNamespace,
}

/// Starts a child at `place`, which runs `child` with `shared`; its descriptor is closed in whatever is executed.
///
/// Signals that have a handler here do in the child what they do by default; its mask is that of the calling thread.
///
/// # Errors
///
/// What the operating system said: before Linux 5.5, and where a filter forbids it, there is no such call.
///
/// # Safety
///
/// `child` may change nothing but what it is given, and call nothing but the kernel: other threads of this process run on, and
/// may hold any lock. It does not unwind.
pub unsafe fn start_at<T>(
    place: Place<'_>,
    shared: &mut T,
    child: extern "C" fn(*mut T) -> !,
) -> Result<(Pid, OwnedFd), Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: all zeroes is a value of it: no flags, and nothing pointed to.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    let (beside, cgroup) = match place {
        Place::Cgroup(dir) => (CLONE_INTO_CGROUP, dir.as_raw_fd().unsigned_abs()),
        Place::PidNamespace => (u64::from(libc::CLONE_NEWPID.unsigned_abs()), 0),
        Place::UserNamespace => (u64::from((libc::CLONE_NEWPID | libc::CLONE_NEWUSER).unsigned_abs()), 0),
    };
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD;
    arguments.flags = u64::from(flags.unsigned_abs()) | CLONE_CLEAR_SIGHAND | beside;
    arguments.exit_signal = u64::from(libc::SIGCHLD.unsigned_abs());
    arguments.cgroup = u64::from(cgroup);
    arguments.pidfd = &raw mut pidfd as u64;
    let (at, size) = ((&raw const arguments) as libc::c_long, size_of::<libc::clone_args>() as libc::c_long);
    // SAFETY: the call takes a pointer to its arguments and their size, and the caller answers for the child.
    let pid = child_of(unsafe { fork_sharing(libc::SYS_clone3, [at, size, 0, 0, 0], shared, child) })?;
    // SAFETY: the call has put a new descriptor there, which nobody else knows.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Starts a child where this process is, as [`start_at`] does elsewhere; without a descriptor, on every Linux.
///
/// Its handlers of signals are those of this process, so who has some blocks those signals first.
///
/// # Errors
///
/// What the operating system said.
///
/// # Safety
///
/// As for [`start_at`].
pub unsafe fn start<T>(shared: &mut T, child: extern "C" fn(*mut T) -> !) -> Result<Pid, Errno> {
    let flags = libc::c_long::from(libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD);
    // SAFETY: the call takes flags and, here, no stack; and the caller answers for the child.
    child_of(unsafe { fork_sharing(libc::SYS_clone, [flags, 0, 0, 0, 0], shared, child) })
}

/// The child, or the error, that the kernel has returned.
fn child_of(result: libc::c_long) -> Result<Pid, Errno> {
    let number = c_int::try_from(result).unwrap_or(-libc::EAGAIN);
    Pid::from_raw(number.max(0)).ok_or_else(|| Errno::from_raw_os_error(-number))
}

/// Makes a system call that returns twice; the second time, in the child, it goes to `child` and never comes back.
///
/// It returns what the kernel returns: a number, or an error below zero.
///
/// # Safety
///
/// The call is `clone` or `clone3`, with `CLONE_VM` and `CLONE_VFORK` and without a stack; what its arguments point to lives until
/// it returns; and `child` is as for [`start_at`].
unsafe fn fork_sharing<T>(
    number: libc::c_long,
    arguments: [libc::c_long; 5],
    shared: &mut T,
    child: extern "C" fn(*mut T) -> !,
) -> libc::c_long {
    let result;
    // SAFETY: this thread is suspended until the child has executed something or ended. The child runs on this stack below
    // this frame, whose registers the kernel keeps for this thread; it changes nothing but `shared` and never returns here.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            in("r12") std::ptr::from_mut(shared),
            in("r13") child,
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: as on the other machine.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x0, x20",
            "blr x21",
            "brk 1",
            "2:",
            in("x20") std::ptr::from_mut(shared),
            in("x21") child,
            in("x8") number,
            inlateout("x0") arguments[0] => result,
            in("x1") arguments[1],
            in("x2") arguments[2],
            in("x3") arguments[3],
            in("x4") arguments[4],
            lateout("lr") _,
        );
    }
    result
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("cease-process knows how to start a process on x86_64 and on aarch64");
