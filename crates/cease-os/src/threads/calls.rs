//! The names of system calls, and which of them have a descriptor as their first argument.

/// What is known of a system call by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) on_descriptor: bool,
}

pub(super) fn known(number: i64) -> Option<Known> {
    let find = |names: &[(i64, &'static str)], on_descriptor| {
        let (_, name) = names.iter().find(|(known, _)| *known == number)?;
        Some(Known { name, on_descriptor })
    };
    find(ON_DESCRIPTORS, true).or_else(|| find(OTHERS, false)).or_else(|| legacy(number))
}

/// Pairs of number and name, by the C library's constants, so that they are right on each kind of processor.
macro_rules! names {
    ($($constant:ident $name:literal),+ $(,)?) => { &[$((libc::$constant as i64, $name)),+] };
}

const ON_DESCRIPTORS: &[(i64, &str)] = names![
    SYS_accept "accept",
    SYS_accept4 "accept4",
    SYS_connect "connect",
    SYS_copy_file_range "copy_file_range",
    SYS_epoll_pwait "epoll_pwait",
    SYS_epoll_pwait2 "epoll_pwait2",
    SYS_fallocate "fallocate",
    SYS_fcntl "fcntl",
    SYS_fdatasync "fdatasync",
    SYS_flock "flock",
    SYS_fsync "fsync",
    SYS_ftruncate "ftruncate",
    SYS_getdents64 "getdents64",
    SYS_io_uring_enter "io_uring_enter",
    SYS_ioctl "ioctl",
    SYS_pread64 "pread64",
    SYS_preadv "preadv",
    SYS_pwrite64 "pwrite64",
    SYS_pwritev "pwritev",
    SYS_read "read",
    SYS_readv "readv",
    SYS_recvfrom "recvfrom",
    SYS_recvmmsg "recvmmsg",
    SYS_recvmsg "recvmsg",
    SYS_sendfile "sendfile",
    SYS_sendmmsg "sendmmsg",
    SYS_sendmsg "sendmsg",
    SYS_sendto "sendto",
    SYS_splice "splice",
    SYS_sync_file_range "sync_file_range",
    SYS_syncfs "syncfs",
    SYS_tee "tee",
    SYS_vmsplice "vmsplice",
    SYS_write "write",
    SYS_writev "writev",
];

const OTHERS: &[(i64, &str)] = names![
    SYS_clock_nanosleep "clock_nanosleep",
    SYS_execve "execve",
    SYS_futex "futex",
    SYS_futex_waitv "futex_waitv",
    SYS_io_getevents "io_getevents",
    SYS_madvise "madvise",
    SYS_mmap "mmap",
    SYS_mprotect "mprotect",
    SYS_mq_timedreceive "mq_timedreceive",
    SYS_mq_timedsend "mq_timedsend",
    SYS_msgrcv "msgrcv",
    SYS_msgsnd "msgsnd",
    SYS_msync "msync",
    SYS_munmap "munmap",
    SYS_nanosleep "nanosleep",
    SYS_openat "openat",
    SYS_ppoll "ppoll",
    SYS_pselect6 "pselect6",
    SYS_restart_syscall "restart_syscall",
    SYS_rt_sigsuspend "rt_sigsuspend",
    SYS_rt_sigtimedwait "rt_sigtimedwait",
    SYS_sched_yield "sched_yield",
    SYS_semtimedop "semtimedop",
    SYS_sync "sync",
    SYS_wait4 "wait4",
    SYS_waitid "waitid",
];

/// The calls that only older kinds of processors have.
#[cfg(target_arch = "x86_64")]
fn legacy(number: i64) -> Option<Known> {
    match number {
        libc::SYS_epoll_wait => Some(Known { name: "epoll_wait", on_descriptor: true }),
        libc::SYS_open => Some(Known { name: "open", on_descriptor: false }),
        libc::SYS_pause => Some(Known { name: "pause", on_descriptor: false }),
        libc::SYS_poll => Some(Known { name: "poll", on_descriptor: false }),
        libc::SYS_select => Some(Known { name: "select", on_descriptor: false }),
        libc::SYS_vfork => Some(Known { name: "vfork", on_descriptor: false }),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn legacy(_: i64) -> Option<Known> {
    None
}
