//! A process that asks for a stop where every system call but writing and leaving is deadly.
#![allow(unsafe_code, reason = "the operating system is called without the standard library, which would do more")]

use std::fs;
use std::sync::mpsc::channel;
use std::thread;

use cease_core::{StopSource, StopToken};

/// Asks with nobody waiting, or, when called with `waited`, with a thread blocked in `token.wait()`.
fn main() {
    let waited = match std::env::args().nth(1).as_deref() {
        Some("quiet") => false,
        Some("waited") => true,
        _ => panic!("usage: child quiet|waited"),
    };
    let source = StopSource::new();
    let token = source.token();
    if waited {
        block_a_thread(source.token());
    }
    forbid_system_calls();
    let first = source.request();
    let seen = token.is_stop_requested();
    leave(if first && seen { b"ok" } else { b"no" });
}

/// Starts a thread that waits on `token`, and returns when it is suspended there.
fn block_a_thread(token: StopToken) {
    let (here, arrived) = channel();
    thread::spawn(move || {
        let own = fs::read_link("/proc/thread-self").expect("/proc is mounted");
        here.send(own).expect("the main thread waits for it");
        token.wait()
    });
    let own = arrived.recv().expect("the thread says where it is");
    let stat = std::path::Path::new("/proc").join(own).join("stat");
    // The state follows the name of the thread; `S` is suspended, and after its message only `wait` suspends it.
    while !fs::read_to_string(&stat).expect("the thread lives on").contains(") S ") {
        thread::yield_now();
    }
}

/// From here on this process is killed by SIGSYS, with all its threads, for any system call but `write` and `exit_group`.
///
/// Strict mode would do for a process of one thread; of several it kills only the one that called.
fn forbid_system_calls() {
    const ALLOWED: [libc::c_long; 2] = [libc::SYS_write, libc::SYS_exit_group];
    let word = |code: u32, k: u32| instruction(code, 0, 0, k);
    let allows = |left: u8, call: libc::c_long| {
        let number = u32::try_from(call).expect("system calls have small numbers");
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, left, 0, number)
    };
    let mut program = [
        // The number of the call is the first word of what the filter is given.
        word(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        allows(2, ALLOWED[0]),
        allows(1, ALLOWED[1]),
        word(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_KILL_PROCESS),
        word(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let length = program.len().try_into().expect("a short program");
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: takes numbers only. No core file is to be left by a process that dies as it is meant to.
    let not_dumped = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    // SAFETY: takes numbers only. The kernel asks for it before it takes a filter from a process without privileges.
    let no_more = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    // SAFETY: `filter` and the program that it points to live until the call returns, and the kernel keeps a copy.
    let filtered = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter) };
    assert_eq!((not_dumped, no_more, filtered), (0, 0, 0), "{}", std::io::Error::last_os_error());
}

fn instruction(code: u32, if_true: u8, if_false: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code.try_into().expect("codes have 16 bits"), jt: if_true, jf: if_false, k }
}

/// Writes `answer` and ends the process, both by bare system calls.
fn leave(answer: &[u8]) -> ! {
    // SAFETY: `answer` is a live slice of the length that is given.
    unsafe { libc::write(libc::STDOUT_FILENO, answer.as_ptr().cast(), answer.len()) };
    // SAFETY: takes a number only, and nothing of this process runs afterwards. Unlike `exit` it runs no handler.
    unsafe { libc::_exit(0) }
}
