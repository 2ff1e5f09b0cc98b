//! Real signals, raised in a process of their own, ask for a stop.
//!
//! Signals are the process's, so each test starts this program again for itself alone and plays its scene there.
#![cfg(not(any(loom, shuttle)))]

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource, StopToken};
use cease_os::signals::StopOnSignals;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::raise;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_first_signal_asks_and_says_which() {
    let ended = alone("the_first_signal_asks_and_says_which", || {
        let (stop, signals, _next) = wired();
        let before = Instant::now();
        raise(SIGTERM).unwrap();
        let stopped = stop.wait_timeout(PATIENCE).unwrap();
        assert_eq!(stopped.reason(), &Reason::Signal(SIGTERM));
        assert!(signals.first_at().is_some_and(|at| at >= before));
    });
    assert!(ended.is_none_or(|status| status.success()));
}

#[test]
fn each_later_signal_goes_to_the_callback() {
    let ended = alone("each_later_signal_goes_to_the_callback", || {
        let (stop, _signals, next) = wired();
        raise(SIGINT).unwrap();
        let stopped = stop.wait_timeout(PATIENCE).unwrap();
        for signal in [SIGINT, SIGTERM, SIGINT] {
            raise(signal).unwrap();
            assert_eq!(next.recv_timeout(PATIENCE), Ok(signal));
        }
        assert_eq!(stopped.reason(), &Reason::Signal(SIGINT), "the first reason stays");
    });
    assert!(ended.is_none_or(|status| status.success()));
}

#[test]
fn the_callback_can_leave_the_process() {
    let ended = alone("the_callback_can_leave_the_process", || {
        let source = StopSource::new();
        let stop = source.token();
        let _signals = StopOnSignals::install(source, |signal| std::process::exit(128 + signal)).unwrap();
        raise(SIGINT).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
        raise(SIGINT).unwrap();
        let (_sender, never) = mpsc::channel::<()>();
        never.recv_timeout(PATIENCE).unwrap();
    });
    assert!(ended.is_none_or(|status| status.code() == Some(130)));
}

#[test]
fn dropping_the_guard_leaves_no_thread_and_another_can_be_installed() {
    let ended = alone("dropping_the_guard_leaves_no_thread_and_another_can_be_installed", || {
        for _ in 0..20 {
            let before = threads();
            let (stop, signals, _next) = wired();
            assert_eq!(threads(), before + 1);
            drop(signals);
            // The kernel lists a thread for a moment after it was joined.
            let deadline = Instant::now() + PATIENCE;
            while threads() > before {
                assert!(Instant::now() < deadline, "the thread is still there");
                thread::yield_now();
            }
            assert!(!stop.is_stopped(), "the drop asks for nothing");
        }
    });
    assert!(ended.is_none_or(|status| status.success()));
}

#[test]
fn dropping_the_guard_gives_the_signals_their_default_effect_back() {
    let ended = alone("dropping_the_guard_gives_the_signals_their_default_effect_back", || {
        drop(wired());
        raise(SIGTERM).unwrap();
    });
    assert!(ended.is_none_or(|status| status.signal() == Some(SIGTERM)));
}

#[test]
fn a_second_guard_is_refused_while_the_first_one_lives() {
    let ended = alone("a_second_guard_is_refused_while_the_first_one_lives", || {
        let (stop, _signals, _next) = wired();
        let refused = StopOnSignals::install(StopSource::new(), |_| ()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
        raise(SIGINT).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
    });
    assert!(ended.is_none_or(|status| status.success()));
}

/// A guard, the token that it stops, and what its callback gets.
fn wired() -> (StopToken, StopOnSignals, Receiver<i32>) {
    let source = StopSource::new();
    let stop = source.token();
    let (sender, next) = mpsc::channel();
    let signals = StopOnSignals::install(source, move |signal| sender.send(signal).unwrap()).unwrap();
    (stop, signals, next)
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Plays `scene` in a process of its own and says how that ended; `None` when this is that process.
///
/// The child's end is seen by the end of its output; one that takes too long is killed.
fn alone(test: &str, scene: impl FnOnce()) -> Option<ExitStatus> {
    const ALONE: &str = "CEASE_OS_ALONE";
    if std::env::var_os(ALONE).is_some() {
        scene();
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--test-threads=1"]).env(ALONE, "1").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (sender, output) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        sender.send(text).unwrap();
    });
    let text = output.recv_timeout(2 * PATIENCE);
    if text.is_err() {
        child.kill().unwrap();
    }
    let status = child.wait().unwrap();
    reader.join().unwrap();
    let text = text.expect("the scene ends in time");
    assert!(text.contains("running 1 test"), "{test} is not the name of one test:\n{text}");
    print!("{text}");
    Some(status)
}
