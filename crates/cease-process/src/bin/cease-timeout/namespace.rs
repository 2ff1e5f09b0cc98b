//! The command in a PID namespace of its own, whose first process is a copy of this one.
//!
//! # How it works
//!
//! When the first process of a namespace ends, the kernel kills everybody in it; and it ends when this program does, however
//! that happens.
//! The copy does the whole run; this process hands on what arrives, and ends as the copy says.
#![allow(unsafe_code, reason = "the copy is made by a bare system call, and leaves its result in shared memory")]

use std::ffi::c_int;
use std::fs;
use std::io;

use crate::end::{End, FAILED};
use crate::members::{self, Process};
use crate::sys::{self, Wait};
use crate::watch::{BY_KERNEL, CARRIER, Noticed, Watch};

/// Runs `inside` as the first process of a namespace, and says how this program is to end.
pub(crate) fn run(watch: Watch, inside: impl FnOnce(Watch) -> End) -> io::Result<End> {
    let outside = members::own();
    let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let shared = shared_end()?;
    let (copy, with_user) = match fork(CLONE_NEWPID) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => (fork(CLONE_NEWPID | CLONE_NEWUSER)?, true),
        copy => (copy?, false),
    };
    if copy == 0 {
        if with_user {
            map_user(ids);
        }
        // SAFETY: takes numbers only.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        // In here the parent has the number 0; `/proc` is that of the outside, and knows whether it is still there.
        let is_there = Process::read_self().is_none_or(|process| process.parent == outside);
        let end = if is_there { inside(watch.in_namespace()) } else { End::Code(FAILED) };
        // SAFETY: it is a live place of its type, which nobody else writes to.
        unsafe { shared.write_volatile(Some(end)) };
        // SAFETY: takes a number only, and nothing of this process has to be done afterwards.
        unsafe { libc::_exit(0) }
    }
    hand_on(watch, copy);
    // SAFETY: it is a live place of its type, and its writer has ended.
    let end = unsafe { shared.read_volatile() };
    Ok(end.unwrap_or(End::Signal(libc::SIGKILL)))
}

const CLONE_NEWPID: c_int = libc::CLONE_NEWPID;
const CLONE_NEWUSER: c_int = libc::CLONE_NEWUSER;

/// Hands on what arrives, until the copy has ended.
fn hand_on(watch: Watch, copy: c_int) {
    loop {
        match watch.wait(None) {
            Noticed::Signal { signal, by_kernel } => {
                let value = signal.0 | if by_kernel { BY_KERNEL } else { 0 };
                sys::queue(copy, CARRIER, value);
            }
            Noticed::Child | Noticed::Nothing => {}
        }
        if sys::wait(copy, Wait::Reap).is_none_or(|child| child.pid != 0) {
            return;
        }
    }
}

/// Makes a copy of this process, which has one thread, in new namespaces; 0 is returned in the copy.
fn fork(namespaces: c_int) -> io::Result<c_int> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: this process has one thread, so the copy is whole; no stack is given, so it has a copy of this one.
    let copy = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    if copy < 0 { Err(io::Error::last_os_error()) } else { Ok(c_int::try_from(copy).unwrap_or(c_int::MAX)) }
}

/// In a new namespace of users this process is who it was before.
fn map_user((user, group): (u32, u32)) {
    // What cannot be mapped is shown as nobody, which does no harm.
    let _ = fs::write("/proc/self/setgroups", "deny");
    let _ = fs::write("/proc/self/uid_map", format!("{user} {user} 1"));
    let _ = fs::write("/proc/self/gid_map", format!("{group} {group} 1"));
}

/// A place that the copy shares with this process.
fn shared_end() -> io::Result<*mut Option<End>> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    // SAFETY: new memory is asked for, at no place in particular.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<Option<End>>(), protection, flags, -1, 0) };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let place = place.cast::<Option<End>>();
    // SAFETY: it is fresh memory of a page, large enough and aligned.
    unsafe { place.write(None) };
    Ok(place)
}
