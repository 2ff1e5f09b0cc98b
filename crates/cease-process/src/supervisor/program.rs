//! A program that is started into a cgroup, with one call of the kernel.
#![allow(unsafe_code, reason = "the child runs in the memory of its parent until it executes the program")]

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsString, c_char, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::ptr;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::process::Options;
use crate::{vfork, worker};

/// A program, as the kernel takes it.
pub(super) struct Program {
    args: Vec<CString>,
    env: Vec<CString>,
    dir: Option<CString>,
}

/// Why nothing was started.
pub(super) enum LaunchError {
    /// It cannot be started in this way.
    NoSuchWay,
    /// There is no such program, or it cannot be executed.
    Exec(io::Error),
}

/// What the child and its parent share.
struct Shared {
    args: *const *const c_char,
    env: *const *const c_char,
    dir: *const c_char,
    stdin: c_int,
    error: c_int,
}

impl Program {
    /// The program of a worker whose socket has this number; `None` when it has to be looked for in `PATH`.
    pub(super) fn of(options: &Options, socket: u64) -> io::Result<Option<Self>> {
        let name = options.program.as_os_str();
        if !name.as_bytes().contains(&b'/') {
            return Ok(None);
        }
        let mut env: BTreeMap<OsString, OsString> = env::vars_os().collect();
        for (name, value) in &options.env {
            match value {
                Some(value) => env.insert(name.clone(), value.clone()),
                None => env.remove(name),
            };
        }
        env.insert(worker::MARK.into(), socket.to_string().into());
        let pair = |(name, value): (OsString, OsString)| {
            let mut pair = name.into_vec();
            pair.push(b'=');
            pair.extend(value.into_vec());
            CString::new(pair)
        };
        let word = |word: &OsString| CString::new(word.as_bytes());
        let args = std::iter::once(CString::new(name.as_bytes())).chain(options.args.iter().map(word));
        Ok(Some(Self {
            args: args.collect::<Result<_, _>>()?,
            env: env.into_iter().map(pair).collect::<Result<_, _>>()?,
            dir: options.dir.as_ref().map(|dir| CString::new(dir.as_os_str().as_bytes())).transpose()?,
        }))
    }

    /// Starts it in `cgroup`, as the leader of a group of its own, with `stdin` as its standard input.
    pub(super) fn start(&self, cgroup: BorrowedFd<'_>, stdin: BorrowedFd<'_>) -> Result<(Pid, OwnedFd), LaunchError> {
        let (args, env) = (pointers(&self.args), pointers(&self.env));
        let mut shared = Shared {
            args: args.as_ptr(),
            env: env.as_ptr(),
            dir: self.dir.as_ref().map_or(ptr::null(), |dir| dir.as_ptr()),
            stdin: stdin.as_raw_fd(),
            error: 0,
        };
        // SAFETY: `child` calls the kernel only, by functions of the C library that take no lock and no memory, and changes
        // nothing but `error`.
        let started = unsafe { vfork::start_into(cgroup, &mut shared, child) };
        let (pid, fd) = started.map_err(|_| LaunchError::NoSuchWay)?;
        // SAFETY: it is a live place; the child wrote to it, if it did, before this thread went on.
        let error = unsafe { ptr::read_volatile(&raw const shared.error) };
        if error == 0 {
            return Ok((pid, fd));
        }
        // It has written the error and ends at once.
        while waitid(WaitId::PidFd(fd.as_fd()), WaitIdOptions::EXITED).is_err_and(|error| error == Errno::INTR) {}
        Err(LaunchError::Exec(io::Error::from_raw_os_error(error)))
    }
}

/// Pointers to each, and a null behind them.
fn pointers(words: &[CString]) -> Vec<*const c_char> {
    words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
}

/// The child, in the memory of its parent: becomes the program, or leaves the reason why it cannot.
extern "C" fn child(shared: *mut Shared) -> ! {
    // SAFETY: the parent has it on its stack, and waits.
    let shared = unsafe { &mut *shared };
    if become_program(shared) {
        // SAFETY: there is at least one word, the program's name.
        let name = unsafe { *shared.args };
        // SAFETY: the words and the variables live in the parent: each ends in a zero, and the lists of them end in a null.
        unsafe { libc::execve(name, shared.args, shared.env) };
    }
    let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOEXEC);
    // SAFETY: it is a live place on the parent's stack.
    unsafe { ptr::write_volatile(&raw mut shared.error, error) };
    // SAFETY: takes a number only. It runs no handler, which would be the parent's.
    unsafe { libc::_exit(127) }
}

/// Whether everything is as the program is to find it.
fn become_program(shared: &Shared) -> bool {
    // SAFETY: takes numbers only.
    let leads = || unsafe { libc::setpgid(0, 0) } == 0;
    // SAFETY: takes numbers only; this is the child's table of descriptors.
    let has_input = || unsafe { libc::dup2(shared.stdin, libc::STDIN_FILENO) } >= 0;
    // SAFETY: the path lives in the parent, and ends in a zero.
    let is_there = || shared.dir.is_null() || unsafe { libc::chdir(shared.dir) } == 0;
    leads() && has_input() && is_there() && minds_broken_pipes()
}

/// Gives SIGPIPE its meaning back: a program written in Rust ignores it, which whatever it starts does not expect.
fn minds_broken_pipes() -> bool {
    // SAFETY: all zeroes are an action: the default, with no flags and an empty mask.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: SIGPIPE is a signal, the action is whole, and nobody asks for the old one.
    unsafe { libc::sigaction(libc::SIGPIPE, &raw const default, ptr::null_mut()) == 0 }
}
