//! Real signals, raised in a process of their own, ask for a stop.
#![cfg(not(any(loom, shuttle)))]

mod alone;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use cease_core::{Reason, StopSource, StopToken};
use cease_os::signals::StopOnSignals;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::low_level::raise;

use alone::{PATIENCE, alone, alone_after, count};

#[test]
fn the_first_signal_asks_and_says_which() {
    alone("the_first_signal_asks_and_says_which", || {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let (stop, signals, _next) = wired();
            let before = Instant::now();
            raise(signal).unwrap();
            let stopped = stop.wait_timeout(PATIENCE).unwrap();
            assert_eq!(stopped.reason(), &Reason::Signal(signal));
            assert!(signals.first_at().is_some_and(|at| at >= before));
        }
    });
}

#[test]
fn each_later_signal_goes_to_the_callback() {
    alone("each_later_signal_goes_to_the_callback", || {
        let (stop, _signals, next) = wired();
        raise(SIGINT).unwrap();
        let stopped = stop.wait_timeout(PATIENCE).unwrap();
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGINT] {
            raise(signal).unwrap();
            assert_eq!(next.recv_timeout(PATIENCE), Ok(signal));
        }
        assert_eq!(stopped.reason(), &Reason::Signal(SIGINT), "the first reason stays");
    });
}

#[test]
fn the_callback_can_leave_the_process() {
    let status = ended("the_callback_can_leave_the_process", || {
        let source = StopSource::new();
        let stop = source.token();
        let _signals = StopOnSignals::install(source, |signal| std::process::exit(128 + signal)).unwrap();
        raise(SIGINT).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
        raise(SIGINT).unwrap();
        wait_in_vain();
    });
    assert!(status.is_none_or(|status| status.code() == Some(130)));
}

#[test]
fn the_second_signal_leaves_at_once_also_when_the_first_one_is_stuck_in_a_callback() {
    let name = "the_second_signal_leaves_at_once_also_when_the_first_one_is_stuck_in_a_callback";
    let status = ended(name, || {
        let source = StopSource::new();
        let (say, stuck) = mpsc::channel();
        let _callback = source.token().on_stop(move || {
            say.send(()).unwrap();
            wait_in_vain();
        });
        let _signals = StopOnSignals::options().install(source).unwrap();
        raise(SIGHUP).unwrap();
        stuck.recv_timeout(PATIENCE).unwrap();
        raise(SIGTERM).unwrap();
        unreachable!("the handler does not return");
    });
    assert!(status.is_none_or(|status| status.code() == Some(143)));
}

#[test]
fn the_next_signal_can_be_made_to_do_nothing() {
    alone("the_next_signal_can_be_made_to_do_nothing", || {
        let source = StopSource::new();
        let stop = source.token();
        let signals = StopOnSignals::options().next_does_nothing().install(source).unwrap();
        for _ in 0..3 {
            raise(SIGTERM).unwrap();
        }
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        drop(signals);
    });
}

#[test]
fn a_callback_that_panics_is_called_again() {
    alone("a_callback_that_panics_is_called_again", || {
        let source = StopSource::new();
        let stop = source.token();
        let (say, said) = mpsc::channel();
        let signals = StopOnSignals::install(source, move |signal| {
            say.send(signal).unwrap();
            panic!("said on standard error");
        });
        let signals = signals.unwrap();
        raise(SIGTERM).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
        for _ in 0..3 {
            raise(SIGINT).unwrap();
            assert_eq!(said.recv_timeout(PATIENCE), Ok(SIGINT));
        }
        drop(signals);
    });
}

#[test]
fn a_callback_may_drop_the_guard_and_another_can_be_installed() {
    alone("a_callback_may_drop_the_guard_and_another_can_be_installed", || {
        let (give, given) = mpsc::channel::<StopOnSignals>();
        let (say, said) = mpsc::channel();
        let source = StopSource::new();
        let stop = source.token();
        let signals = StopOnSignals::install(source, move |_| {
            drop(given.recv().unwrap());
            say.send(()).unwrap();
        });
        give.send(signals.unwrap()).unwrap();
        raise(SIGTERM).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
        raise(SIGTERM).unwrap();
        said.recv_timeout(PATIENCE).unwrap();

        let (stop, _signals, _next) = wired();
        raise(SIGINT).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGINT));
    });
}

#[test]
fn a_callback_of_the_request_may_drop_the_guard_and_the_next_one_misses_nothing() {
    alone("a_callback_of_the_request_may_drop_the_guard_and_the_next_one_misses_nothing", || {
        for _ in 0..200 {
            let (give, given) = mpsc::channel::<StopOnSignals>();
            let (say, said) = mpsc::channel();
            let (go_on, gone_on) = mpsc::channel::<()>();
            let source = StopSource::new();
            let _callback = source.token().on_stop(move || {
                drop(given.recv().unwrap());
                say.send(()).unwrap();
                gone_on.recv().unwrap();
            });
            give.send(StopOnSignals::install(source, |_| ()).unwrap()).unwrap();
            raise(SIGTERM).unwrap();
            said.recv_timeout(PATIENCE).unwrap();

            // The old thread is still in its callback when the new guard gets its signals.
            let (stop, _signals, next) = wired();
            raise(SIGINT).unwrap();
            raise(SIGINT).unwrap();
            go_on.send(()).unwrap();
            assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGINT));
            assert_eq!(next.recv_timeout(PATIENCE), Ok(SIGINT));
        }
    });
}

#[test]
fn dropping_the_guard_leaves_no_thread_and_no_descriptor_and_another_can_be_installed() {
    alone("dropping_the_guard_leaves_no_thread_and_no_descriptor_and_another_can_be_installed", || {
        let descriptors = count("fd");
        for _ in 0..200 {
            let before = count("task");
            let (stop, signals, _next) = wired();
            assert_eq!((count("task"), count("fd")), (before + 1, descriptors));
            drop(signals);
            // The kernel lists a thread for a moment after it was joined.
            let deadline = Instant::now() + PATIENCE;
            while count("task") > before {
                assert!(Instant::now() < deadline, "the thread is still there");
                thread::yield_now();
            }
            assert!(
                !stop.is_stop_requested() && !stop.stop_possible(),
                "the drop asks for nothing, and lets go of the source"
            );
        }
    });
}

#[test]
fn a_signal_that_came_before_the_drop_has_asked_when_the_drop_returns() {
    alone("a_signal_that_came_before_the_drop_has_asked_when_the_drop_returns", || {
        for _ in 0..500 {
            let (stop, signals, _next) = wired();
            raise(SIGTERM).unwrap();
            drop(signals);
            assert!(stop.is_stop_requested());
        }
    });
}

#[test]
fn a_second_guard_is_refused_while_the_first_one_lives() {
    alone("a_second_guard_is_refused_while_the_first_one_lives", || {
        let (stop, _signals, _next) = wired();
        let refused = StopOnSignals::install(StopSource::new(), |_| ()).unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::AlreadyExists);
        raise(SIGINT).unwrap();
        stop.wait_timeout(PATIENCE).unwrap();
    });
}

#[test]
fn signals_that_cannot_ask_are_refused_and_change_nothing() {
    alone("signals_that_cannot_ask_are_refused_and_change_nothing", || {
        let caught = caught();
        for list in [&[] as &[i32], &[SIGTERM, SIGKILL], &[SIGSEGV], &[0], &[-1], &[65], &[i32::MAX], &[SIGTERM, 32]] {
            let refused =
                StopOnSignals::options().signals(list.iter().copied()).install(StopSource::new()).unwrap_err();
            assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput, "{list:?}: {refused}");
            assert_eq!(self::caught(), caught, "{list:?}");
        }
        drop(wired());
    });
}

#[test]
fn the_list_of_signals_can_be_chosen() {
    alone("the_list_of_signals_can_be_chosen", || {
        let source = StopSource::new();
        let stop = source.token();
        let signals = StopOnSignals::options().signals([SIGUSR1, SIGUSR2, SIGUSR1]).install(source).unwrap();
        assert_eq!(signals.signals(), [SIGUSR1, SIGUSR2]);
        raise(SIGUSR2).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGUSR2));
    });
}

#[test]
fn dropping_the_guard_gives_the_signals_their_default_effect_back() {
    for (name, signal) in [("INT", SIGINT), ("TERM", SIGTERM), ("HUP", SIGHUP)] {
        let set = |command: &mut Command| _ = command.env("CEASE_OS_SIGNAL", name);
        let ended = alone_after("dropping_the_guard_gives_the_signals_their_default_effect_back", set, || {
            let before = caught();
            for _ in 0..3 {
                drop(wired());
            }
            assert_eq!(caught(), before);
            let name = std::env::var("CEASE_OS_SIGNAL").unwrap();
            raise(if name == "INT" {
                SIGINT
            } else if name == "TERM" {
                SIGTERM
            } else {
                SIGHUP
            })
            .unwrap();
        });
        if ended.is_none() {
            return;
        }
        assert!(ended.is_some_and(|ended| ended.status.signal() == Some(signal)));
    }
}

#[test]
fn what_was_ignored_at_the_start_stays_ignored_unless_asked_otherwise() {
    let name = "what_was_ignored_at_the_start_stays_ignored_unless_asked_otherwise";
    let ended = alone_after(name, ignoring("HUP,INT"), || {
        assert_eq!([SIGHUP, SIGINT].map(is_ignored), [true, true], "as `nohup` and a shell's `&` leave them");
        let (stop, signals, _next) = wired();
        assert_eq!(signals.signals(), [SIGTERM]);
        raise(SIGHUP).unwrap();
        raise(SIGINT).unwrap();
        assert_eq!([SIGHUP, SIGINT].map(is_ignored), [true, true], "and so do its children");
        raise(SIGTERM).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        drop(signals);

        let source = StopSource::new();
        let stop = source.token();
        let signals = StopOnSignals::options().also_ignored().install(source).unwrap();
        raise(SIGHUP).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGHUP));
        drop(signals);
        assert_eq!([SIGHUP, SIGINT].map(is_ignored), [true, true]);
        raise(SIGHUP).unwrap();
    });
    assert!(ended.as_ref().is_none_or(|ended| ended.status.success()), "{ended:?}");
}

/// A guard, the token that it stops, and what its callback gets.
fn wired() -> (StopToken, StopOnSignals, Receiver<i32>) {
    let source = StopSource::new();
    let stop = source.token();
    let (sender, next) = mpsc::channel();
    let signals = StopOnSignals::install(source, move |signal| sender.send(signal).unwrap()).unwrap();
    (stop, signals, next)
}

/// How the process ended that a scene was played in.
fn ended(test: &str, scene: impl FnOnce()) -> Option<ExitStatus> {
    alone_after(test, |_| (), scene).map(|ended| ended.status)
}

/// Has signals ignored from the start of the process on.
fn ignoring(names: &'static str) -> impl FnOnce(&mut Command) {
    move |command| {
        let mut ignoring = Command::new("env");
        ignoring.arg(format!("--ignore-signal={names}")).args(command.get_args().skip(1));
        ignoring.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        *command = ignoring;
    }
}

/// The signals that have a handler, as bits.
fn caught() -> u64 {
    mask("SigCgt:")
}

fn is_ignored(signal: i32) -> bool {
    mask("SigIgn:") & 1 << (signal - 1) != 0
}

fn mask(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    u64::from_str_radix(line.trim(), 16).unwrap()
}

fn wait_in_vain() {
    let (_sender, never) = mpsc::channel::<()>();
    never.recv_timeout(PATIENCE).unwrap();
}
