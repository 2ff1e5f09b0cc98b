//! What is sent to whom, and when.

use rustix::process::Signal;

use crate::common::{OURS, Running, kinds, python, run};

/// A command that tells of every signal, and ends when it is written to.
const TELLS: &str = "trap 'echo usr1' USR1; trap 'echo usr2' USR2; trap 'echo hup' HUP; echo up; read go; exit 3";

#[test]
fn a_signal_that_means_something_else_is_only_passed_on() {
    // It does not begin the end, however often it comes: this would be killed at once.
    let Some(python3) = python() else { return };
    let words = ["-k", "0.000001", "60", python3, "-c", LISTENS];
    let mut running = Running::start(OURS, &words).once_up(1);
    for signal in [Signal::USR1, Signal::USR2, Signal::USR1] {
        running.send(signal);
        running = running.once_up(1);
    }
    running.go();
    assert_eq!(running.end().code, Some(3));
}

/// Says `up` at the start and for every signal, ends when it is written to.
const LISTENS: &str = "
import signal, sys, threading
def told(number, frame):
    print('up', flush=True)
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN, signal.SIGRTMAX):
    signal.signal(number, told)
print('up', flush=True)
sys.stdin.readline()
sys.exit(3)
";

#[test]
fn realtime_signals_are_passed_on_too() {
    let Some(python3) = python() else { return };
    for kind in kinds() {
        let tree = format!("--tree={kind}");
        let mut running = Running::start(OURS, &[&tree, "60", python3, "-c", LISTENS]).once_up(1);
        for number in [34, 64] {
            let pid = i32::try_from(running.pid()).unwrap();
            send_number(pid, number);
            running = running.once_up(1);
        }
        running.go();
        assert_eq!(running.end().code, Some(3), "{kind}");
    }
}

#[allow(unsafe_code, reason = "the safe wrapper knows no realtime signals")]
fn send_number(pid: i32, number: i32) {
    // SAFETY: takes numbers only; the process is a child that is not reaped.
    assert_eq!(unsafe { libc::kill(pid, number) }, 0);
}

#[test]
fn the_second_signal_kills() {
    let deaf = "trap '' TERM INT; echo up; exec sleep 1000";
    let running = Running::start(OURS, &["-v", "-k", "0", "60", "sh", "-c", deaf]).once_up(1);
    running.send(Signal::TERM);
    running.send(Signal::INT);
    let ended = running.end();
    assert_eq!(ended.signal, Some(9), "{}", ended.stderr);
    assert!(ended.stderr.contains("sending signal KILL"), "{}", ended.stderr);
}

#[test]
fn the_time_limit_holds_though_a_signal_was_ignored_before() {
    let deaf = "trap '' INT; echo up; exec sleep 1000";
    let running = Running::start(OURS, &["-k", "0", "60", "sh", "-c", deaf]).once_up(1);
    running.send(Signal::INT);
    running.send(Signal::ALARM);
    assert_eq!(running.end().code, Some(124));
}

#[test]
fn in_the_foreground_the_signal_is_for_the_command_alone() {
    // The child would die of the signal and say nothing; the command waits for it, and so sees it live.
    let script = "sh -c 'trap \"echo child; exit\" TERM; echo up; read go' & trap 'echo told; exit 4' TERM; echo up; while :; do sleep .01; done";
    let running = Running::start(OURS, &["-f", "--tree=none", "60", "sh", "-c", script]).once_up(2);
    running.send(Signal::TERM);
    let ended = running.end();
    assert_eq!((ended.code, &*ended.stdout), (Some(4), "told\n"));
}

#[test]
fn a_stopped_command_is_woken_but_not_in_the_foreground() {
    let script = "trap 'echo told; exit 4' TERM; kill -STOP $$; echo woken; exit 5";
    let woken = run(OURS, &["-k", "60", ".2", "sh", "-c", script]);
    assert_eq!(woken.code, Some(124));
    assert!(["told\n", "woken\n", "woken\ntold\n"].contains(&&*woken.stdout), "{}", woken.stdout);
    let stopped = run(OURS, &["-f", "-k", ".1", ".2", "sh", "-c", script]);
    assert_eq!((stopped.code, &*stopped.stdout), (Some(137), ""));
}

#[test]
fn there_is_a_grace_though_nobody_asked_for_one() {
    let told = run(OURS, &["--report=json", ".05", "sleep", "1000"]);
    assert!(told.stderr.contains("\"grace_s\":5.0"), "{}", told.stderr);
}

#[test]
fn no_time_limit_is_none() {
    let mut running = Running::start(OURS, &["0", "sh", "-c", TELLS]).once_up(1);
    running.go();
    assert_eq!(running.end().code, Some(3));
}

#[test]
fn signals_that_gnus_program_would_send_to_itself_end_too() {
    for signal in ["STOP", "TSTP", "CHLD", "CONT", "0"] {
        let words = ["-s", signal, "-k", ".05", ".05", "sh", "-c", "exec sleep 1000"];
        assert_eq!(run(OURS, &words).signal, Some(9), "{signal}");
    }
}

#[test]
fn a_program_that_minds_its_own_descendants_is_told_once() {
    // The inner one has a group of its own, and passes on what it gets itself.
    let script = "trap 'echo told' TERM; echo up; read go; read go; exit 7";
    let mut running = Running::start(OURS, &["60", OURS, "60", "sh", "-c", script]).once_up(1);
    running.send(Signal::TERM);
    running.hang_up();
    let ended = running.end();
    assert_eq!(ended.code, Some(7), "{ended:?}");
    assert!(ended.stdout.matches("told").count() <= 1, "{ended:?}");
}
