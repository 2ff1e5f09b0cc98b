//! Signals are shared with tokio, with signal-hook and with handlers that were there before; and they come in storms.
#![cfg(not(any(loom, shuttle)))]

mod alone;

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use cease_core::{Reason, StopSource, StopToken};
use cease_os::signals::StopOnSignals;
use signal_hook::consts::{SIGTERM, SIGUSR1};
use signal_hook::low_level::{self, raise};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use alone::{PATIENCE, alone, alone_after, count};

#[test]
fn tokio_that_came_first_hears_every_signal_during_and_after() {
    alone("tokio_that_came_first_hears_every_signal_during_and_after", || {
        let tokio = Tokio::new();
        let mut theirs = tokio.listen();
        for _ in 0..20 {
            let (stop, signals) = wired();
            raise(SIGTERM).unwrap();
            tokio.hears(&mut theirs);
            assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
            drop(signals);
            raise(SIGTERM).unwrap();
            tokio.hears(&mut theirs);
        }
    });
}

#[test]
fn tokio_that_came_later_hears_every_signal_during_and_after() {
    alone("tokio_that_came_later_hears_every_signal_during_and_after", || {
        let (stop, signals) = wired();
        let tokio = Tokio::new();
        let mut theirs = tokio.listen();
        raise(SIGTERM).unwrap();
        tokio.hears(&mut theirs);
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        drop(signals);
        raise(SIGTERM).unwrap();
        tokio.hears(&mut theirs);

        // What stayed beneath tokio's handler does not get in the way of the next one.
        for _ in 0..20 {
            let (stop, signals) = wired();
            raise(SIGTERM).unwrap();
            tokio.hears(&mut theirs);
            assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
            drop(signals);
            raise(SIGTERM).unwrap();
            tokio.hears(&mut theirs);
        }
    });
}

#[test]
fn tokio_that_comes_after_the_drop_hears_every_signal() {
    alone("tokio_that_comes_after_the_drop_hears_every_signal", || {
        drop(wired());
        let tokio = Tokio::new();
        let mut theirs = tokio.listen();
        raise(SIGTERM).unwrap();
        tokio.hears(&mut theirs);
    });
}

/// The documented limit: a handler that was put on top while the guard lived keeps the signal.
#[test]
fn a_signal_that_tokio_took_meanwhile_has_no_default_effect_after_the_drop() {
    let name = "a_signal_that_tokio_took_meanwhile_has_no_default_effect_after_the_drop";
    let ended = alone_after(
        name,
        |_| (),
        || {
            let (_stop, signals) = wired();
            let tokio = Tokio::new();
            drop(tokio.listen());
            drop(signals);
            raise(SIGTERM).unwrap();
            std::process::exit(7);
        },
    );
    assert!(ended.is_none_or(|ended| ended.status.code() == Some(7)));
}

#[test]
fn an_earlier_handler_is_called_for_every_signal_whatever_is_installed_and_dropped_meanwhile() {
    let name = "an_earlier_handler_is_called_for_every_signal_whatever_is_installed_and_dropped_meanwhile";
    alone(name, || {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        count_calls(counted);
        let over = Arc::new(AtomicBool::new(false));
        let raising: Vec<_> = (0..2)
            .map(|_| {
                let over = Arc::clone(&over);
                thread::spawn(move || {
                    let mut raised = 0;
                    while !over.load(Ordering::Relaxed) {
                        raise(SIGUSR1).unwrap();
                        raised += 1;
                    }
                    raised
                })
            })
            .collect();
        let mut asked = 0;
        for _ in 0..500 {
            let source = StopSource::new();
            let stop = source.token();
            let signals = StopOnSignals::options().signals([SIGUSR1]).next_does_nothing().install(source).unwrap();
            thread::yield_now();
            drop(signals);
            asked += usize::from(stop.is_stop_requested());
        }
        over.store(true, Ordering::Relaxed);
        let raised: usize = raising.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert_eq!(calls.load(Ordering::Relaxed), raised);
        assert!(asked > 0 && raised > 0);
    });
}

/// Ten thousand signals from four threads: the first asks, each other one insists, and nothing grows.
#[test]
fn in_a_storm_the_first_asks_each_other_one_insists_and_nothing_leaks() {
    alone("in_a_storm_the_first_asks_each_other_one_insists_and_nothing_leaks", || {
        let before = (count("fd"), count("task"));
        let source = StopSource::new();
        let stop = source.token();
        let (say, said) = mpsc::channel();
        let signals = StopOnSignals::install(source, move |signal| say.send(signal).unwrap()).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2_500).for_each(|_| raise(SIGTERM).unwrap()));
            }
        });
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        for _ in 0..9_999 {
            assert_eq!(said.recv_timeout(PATIENCE), Ok(SIGTERM));
        }
        drop(signals);
        assert!(said.recv().is_err(), "none was told twice");
        let deadline = Instant::now() + PATIENCE;
        while (count("fd"), count("task")) != before {
            assert!(Instant::now() < deadline, "something is left");
            thread::yield_now();
        }
    });
}

#[test]
fn in_a_storm_the_second_one_leaves_the_process() {
    let ended = alone_after(
        "in_a_storm_the_second_one_leaves_the_process",
        |_| (),
        || {
            let _signals = StopOnSignals::options().install(StopSource::new()).unwrap();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..2_500).for_each(|_| raise(SIGTERM).unwrap()));
                }
            });
            unreachable!("the second one leaves");
        },
    );
    assert!(ended.as_ref().is_none_or(|ended| ended.status.code() == Some(143)), "{ended:?}");
}

/// Signals that come from outside, to any thread, while guards come and go: the process ends by one of them, or it does not
/// hear of it at all.
#[test]
fn a_storm_from_outside_during_install_and_drop_has_one_effect_or_the_other() {
    let name = "a_storm_from_outside_during_install_and_drop_has_one_effect_or_the_other";
    let ended = alone_after(
        name,
        |_| (),
        || {
            let pid = rustix::process::getpid();
            let sending = thread::spawn(move || {
                loop {
                    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
                }
            });
            loop {
                let source = StopSource::new();
                let stop = source.token();
                let signals = StopOnSignals::options().next_does_nothing().install(source).unwrap();
                if stop.wait_timeout(PATIENCE).is_err() {
                    break;
                }
                drop(signals);
            }
            sending.join().unwrap();
        },
    );
    assert!(ended.as_ref().is_none_or(|ended| ended.status.signal() == Some(SIGTERM)), "{ended:?}");
}

fn wired() -> (StopToken, StopOnSignals) {
    let source = StopSource::new();
    let stop = source.token();
    (stop, StopOnSignals::options().next_does_nothing().install(source).unwrap())
}

/// Has a handler that is there before count how often it is called.
#[allow(unsafe_code, reason = "a handler may only do what is safe in one")]
fn count_calls(calls: Arc<AtomicUsize>) {
    // SAFETY: it adds to an atomic, and nothing else.
    unsafe { low_level::register(SIGUSR1, move || _ = calls.fetch_add(1, Ordering::Relaxed)) }.unwrap();
}

/// A runtime that listens to SIGTERM.
struct Tokio(Runtime);

impl Tokio {
    fn new() -> Self {
        Self(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
    }

    fn listen(&self) -> Signal {
        let _inside = self.0.enter();
        signal(SignalKind::terminate()).unwrap()
    }

    fn hears(&self, signals: &mut Signal) {
        let heard = self.0.block_on(async { tokio::time::timeout(PATIENCE, signals.recv()).await });
        assert_eq!(heard, Ok(Some(())));
    }
}

/// The documented limit, and how to notice it: a handler that does not call the one it replaced keeps the signal.
#[test]
fn a_handler_that_does_not_chain_keeps_the_signal_and_the_guard_says_so() {
    alone("a_handler_that_does_not_chain_keeps_the_signal_and_the_guard_says_so", || {
        let source = StopSource::new();
        let stop = source.token();
        let signals = StopOnSignals::options().next_does_nothing().install(source).unwrap();
        assert!(signals.is_installed());
        let (say, said) = mpsc::channel();
        ctrlc::set_handler(move || say.send(()).unwrap()).unwrap();
        assert!(!signals.is_installed());
        raise(signal_hook::consts::SIGINT).unwrap();
        said.recv_timeout(PATIENCE).unwrap();
        assert!(!stop.is_stop_requested(), "ctrlc passes no signal on");
        // The signals that it did not take still reach the guard.
        raise(SIGTERM).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
        drop(signals);
        raise(signal_hook::consts::SIGINT).unwrap();
        said.recv_timeout(PATIENCE).unwrap();
    });
}

#[test]
fn a_handler_that_chains_is_on_top_and_the_guard_still_gets_the_signal() {
    alone("a_handler_that_chains_is_on_top_and_the_guard_still_gets_the_signal", || {
        let (stop, signals) = wired();
        let tokio = Tokio::new();
        let _theirs = tokio.listen();
        assert!(!signals.is_installed(), "tokio's handler is the one that the kernel calls");
        raise(SIGTERM).unwrap();
        assert_eq!(stop.wait_timeout(PATIENCE).unwrap().reason(), &Reason::Signal(SIGTERM));
    });
}

/// What one guard has counted is not handed to the next one.
#[test]
fn signals_that_insisted_before_are_not_counted_for_the_next_guard() {
    alone("signals_that_insisted_before_are_not_counted_for_the_next_guard", || {
        // The list without SIGUSR1 leaves nothing of it behind, whoever takes it next.
        for _ in 0..100 {
            let (give, given) = mpsc::channel::<StopOnSignals>();
            let (say, said) = mpsc::channel();
            let source = StopSource::new();
            let _callback = source.token().on_stop(move || {
                drop(given.recv().unwrap());
                say.send(()).unwrap();
            });
            let signals = StopOnSignals::install(source, |_| ()).unwrap();
            for _ in 0..3 {
                raise(SIGTERM).unwrap();
            }
            // The callback drops the guard before its thread has taken what came after the first one.
            give.send(signals).unwrap();
            said.recv_timeout(PATIENCE).unwrap();

            let source = StopSource::new();
            let stop = source.token();
            let (say, said) = mpsc::channel();
            let next = StopOnSignals::install(source, move |signal| say.send(signal).unwrap()).unwrap();
            assert!(!stop.is_stop_requested());
            raise(SIGTERM).unwrap();
            stop.wait_timeout(PATIENCE).unwrap();
            drop(next);
            assert!(said.recv().is_err(), "a signal of the guard before was counted again");
        }
    });
}
