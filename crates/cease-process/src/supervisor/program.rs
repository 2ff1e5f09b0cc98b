//! A program that is started where it is contained, with one call of the kernel.
#![allow(unsafe_code, reason = "the child runs in the memory of its parent until it executes the program")]

use std::env;
use std::ffi::{CStr, CString, OsStr, c_char, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;

use rustix::fs::{Access, access};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getegid, geteuid, pidfd_send_signal, waitid};

use crate::options::Options;
use crate::vfork::{self, Place};

/// A program, as the kernel takes it.
pub(super) struct Program {
    path: CString,
    args: Words,
    env: Words,
    dir: Option<CString>,
}

/// Words, each with a zero behind it, one behind the other.
#[derive(Default)]
struct Words {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// Why nothing was started.
pub(super) enum LaunchError {
    /// It cannot be started in this way, or not there.
    NoSuchWay(io::Error),
    /// There is no such program, or it cannot be executed.
    Exec(io::Error),
}

/// What the child and its parent share.
struct Shared {
    path: *const c_char,
    args: *const *const c_char,
    env: *const *const c_char,
    dir: *const c_char,
    stdin: c_int,
    /// What stays open.
    kept: [c_int; 2],
    /// Who it is to be in a new namespace of users, and in which group; null where there is no such namespace.
    user: *const c_char,
    group: *const c_char,
    /// Whether it is where it was to be.
    is_there: bool,
    error: c_int,
}

impl Program {
    /// The program of a worker, with these variables beside the others; one that is named without a path is looked for in `PATH`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`], or [`io::ErrorKind::InvalidInput`] when there is a zero in a word.
    pub(super) fn of(options: &Options, variables: &[(&str, String)]) -> io::Result<Self> {
        let mut args = Words::default();
        args.push(&[options.program.as_os_str()])?;
        options.args.iter().try_for_each(|arg| args.push(&[arg]))?;
        let mut env = Words::default();
        let is_changed = |name: &OsStr| {
            options.env.iter().any(|(changed, _)| changed == name) || variables.iter().any(|(own, _)| name == *own)
        };
        for (name, value) in env::vars_os().filter(|(name, _)| !is_changed(name)) {
            env.push(&[&name, OsStr::new("="), &value])?;
        }
        for (at, (name, value)) in options.env.iter().enumerate() {
            // The last word about it counts.
            let is_last = options.env[at + 1..].iter().all(|(later, _)| later != name);
            if let Some(value) = value.as_ref().filter(|_| is_last) {
                env.push(&[name, OsStr::new("="), value])?;
            }
        }
        for (name, value) in variables {
            env.push(&[OsStr::new(name), OsStr::new("="), OsStr::new(value)])?;
        }
        let word = |word: &OsStr| CString::new(word.as_bytes());
        Ok(Self {
            path: word(find(options)?.as_os_str())?,
            args,
            env,
            dir: options.dir.as_ref().map(|dir| word(dir.as_os_str())).transpose()?,
        })
    }

    /// Starts it at `place`, as the leader of a group of its own, with `stdin` as its standard input, and these kept open.
    pub(super) fn start(
        &self,
        place: Place<'_>,
        stdin: BorrowedFd<'_>,
        kept: Option<[BorrowedFd<'_>; 2]>,
    ) -> Result<(Pid, OwnedFd), LaunchError> {
        let (args, env) = (self.args.pointers(), self.env.pointers());
        let map = |id: u32| CString::new(format!("{id} {id} 1")).expect("a number has no zero byte");
        let is_user_new = matches!(place, Place::UserNamespace);
        let maps = is_user_new.then(|| [geteuid().as_raw(), getegid().as_raw()].map(map));
        let [user, group] = maps.as_ref().map_or([ptr::null(); 2], |maps| maps.each_ref().map(|map| map.as_ptr()));
        let mut shared = Shared {
            path: self.path.as_ptr(),
            args: args.as_ptr(),
            env: env.as_ptr(),
            dir: self.dir.as_ref().map_or(ptr::null(), |dir| dir.as_ptr()),
            stdin: stdin.as_raw_fd(),
            kept: kept.map_or([-1; 2], |kept| kept.map(|fd| fd.as_raw_fd())),
            user,
            group,
            is_there: false,
            error: 0,
        };
        // SAFETY: `child` calls the kernel only, by functions of the C library that take no lock and no memory, and changes
        // nothing but `shared`.
        let started = unsafe { vfork::start_at(place, &mut shared, child) };
        let (pid, fd) = started.map_err(|error| LaunchError::NoSuchWay(error.into()))?;
        // SAFETY: it is a live place; the child wrote to it, if it did, before this thread went on.
        let error = unsafe { ptr::read_volatile(&raw const shared.error) };
        if error == 0 {
            if fd.as_raw_fd() > libc::STDERR_FILENO {
                return Ok((pid, fd));
            }
            return match fcntl_dupfd_cloexec(&fd, libc::STDERR_FILENO + 1) {
                Ok(moved) => Ok((pid, moved)),
                Err(error) => {
                    let _ = pidfd_send_signal(&fd, Signal::KILL);
                    reap(&fd);
                    Err(LaunchError::Exec(error.into()))
                }
            };
        }
        // It has written the error and ends at once.
        reap(&fd);
        let error = io::Error::from_raw_os_error(error);
        // SAFETY: as for the error.
        let is_there = unsafe { ptr::read_volatile(&raw const shared.is_there) };
        Err(if is_there { LaunchError::Exec(error) } else { LaunchError::NoSuchWay(error) })
    }
}

impl Words {
    /// Adds the word that these parts make.
    fn push(&mut self, parts: &[&OsStr]) -> io::Result<()> {
        if parts.iter().any(|part| part.as_bytes().contains(&0)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is a zero byte in a word"));
        }
        self.starts.push(self.bytes.len());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part.as_bytes()));
        self.bytes.push(0);
        Ok(())
    }

    /// Pointers to each, and a null behind them.
    fn pointers(&self) -> Vec<*const c_char> {
        let word = |start: &usize| self.bytes[*start..].as_ptr().cast();
        self.starts.iter().map(word).chain([ptr::null()]).collect()
    }
}

/// Waits until the child behind `fd` has ended, and reaps it.
fn reap(fd: &OwnedFd) {
    while waitid(WaitId::PidFd(fd.as_fd()), WaitIdOptions::EXITED).is_err_and(|error| error == Errno::INTR) {}
}

/// Where the program is.
fn find(options: &Options) -> io::Result<PathBuf> {
    let name = &options.program;
    if name.as_os_str().as_bytes().contains(&b'/') {
        return Ok(name.clone());
    }
    let changed = options.env.iter().rev().find(|(name, _)| name == "PATH");
    let places = changed.map_or_else(|| env::var_os("PATH"), |(_, places)| places.clone());
    let can_be_executed = |path: &PathBuf| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    let paths = places.iter().flat_map(env::split_paths).map(|place| place.join(name));
    let found = paths.into_iter().find(can_be_executed);
    found.ok_or_else(|| Errno::NOENT.into())
}

/// The child, in the memory of its parent: becomes the program, or leaves the reason why it cannot.
extern "C" fn child(shared: *mut Shared) -> ! {
    // SAFETY: the parent has it on its stack, and waits.
    let shared = unsafe { &mut *shared };
    if knows_who_it_is(shared) {
        // SAFETY: it is a live place on the parent's stack.
        unsafe { ptr::write_volatile(&raw mut shared.is_there, true) };
        if is_as_the_program_expects(shared) {
            // SAFETY: path, words and variables live in the parent: each ends in a zero, and the lists of them end in a null.
            unsafe { libc::execve(shared.path, shared.args, shared.env) };
        }
    }
    let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::ENOEXEC);
    // SAFETY: it is a live place on the parent's stack.
    unsafe { ptr::write_volatile(&raw mut shared.error, error) };
    // SAFETY: takes a number only. It runs no handler, which would be the parent's.
    unsafe { libc::_exit(127) }
}

/// Whether it is in a new namespace of users who it was before, if it is in one.
fn knows_who_it_is(shared: &Shared) -> bool {
    if shared.user.is_null() {
        return true;
    }
    // SAFETY: both live in the parent, and end in a zero.
    let [user, group] = [shared.user, shared.group].map(|map| unsafe { CStr::from_ptr(map) });
    // Whoever is no administrator outside may say his group only after this.
    has_written(c"/proc/self/setgroups", c"deny")
        && has_written(c"/proc/self/uid_map", user)
        && has_written(c"/proc/self/gid_map", group)
}

/// Whether `text` could be written to the file at `path`.
fn has_written(path: &CStr, text: &CStr) -> bool {
    // SAFETY: the path ends in a zero.
    let file: RawFd = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    // SAFETY: as many bytes are there. One that is not open is an error, and that is seen.
    unsafe { libc::write(file, text.as_ptr().cast(), text.count_bytes()) == text.count_bytes().cast_signed() }
}

/// Whether everything is as the program is to find it.
fn is_as_the_program_expects(shared: &Shared) -> bool {
    // SAFETY: takes numbers only.
    let leads = || unsafe { libc::setpgid(0, 0) } == 0;
    // SAFETY: takes numbers only; this is the child's table of descriptors.
    let has_input = || unsafe { libc::dup2(shared.stdin, libc::STDIN_FILENO) } >= 0;
    // SAFETY: as above.
    let keeps = |fd: &c_int| *fd < 0 || unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } == 0;
    // SAFETY: the path lives in the parent, and ends in a zero.
    let is_there = || shared.dir.is_null() || unsafe { libc::chdir(shared.dir) } == 0;
    leads() && has_input() && shared.kept.iter().all(keeps) && is_there() && minds_broken_pipes()
}

/// Gives SIGPIPE its meaning back: a program written in Rust ignores it, which whatever it starts does not expect.
fn minds_broken_pipes() -> bool {
    // SAFETY: all zeroes are an action: the default, with no flags and an empty mask.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: SIGPIPE is a signal, the action is whole, and nobody asks for the old one.
    unsafe { libc::sigaction(libc::SIGPIPE, &raw const default, ptr::null_mut()) == 0 }
}
