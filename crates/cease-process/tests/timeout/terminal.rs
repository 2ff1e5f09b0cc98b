//! On a terminal: who reads it, and who gets what is typed there.

use crate::common::{OURS, python, run};

/// Runs the words behind it on a terminal, types something for each line `up`, and ends with the status.
const TERMINAL: &str = "
import os, pty, sys
typed = sys.argv[1].encode().decode('unicode_escape').encode()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
ups = 0
while True:
    try:
        got = os.read(terminal, 4096)
    except OSError:
        break
    if not got:
        break
    seen += got
    while seen.count(b'up\\r\\n') > ups:
        ups += 1
        os.write(terminal, typed)
_, status = os.waitpid(pid, 0)
print(seen.decode().replace('\\r\\n', '|'), os.waitstatus_to_exitcode(status))
";

/// What is shown on the terminal when `typed` is typed at every `up`, and the status.
fn on_a_terminal(typed: &str, words: &[&str]) -> Option<String> {
    let ended = run(python()?, &[&["-c", TERMINAL, typed], words].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    Some(ended.stdout.trim_end().to_string())
}

#[test]
fn the_command_reads_the_terminal() {
    let script = "echo up; read line; echo got $line; exit 3";
    for words in [&[OURS, "60"][..], &[OURS, "-f", "60"]] {
        let Some(shown) = on_a_terminal("hi\\n", &[words, &["sh", "-c", script]].concat()) else { return };
        assert!(shown.ends_with("got hi| 3"), "{shown}");
    }
}

#[test]
fn below_a_script_it_reads_the_terminal_in_the_foreground() {
    let script = "\"$0\" -f 60 sh -c 'echo up; read line; echo got $line; exit 3'; exit $?";
    let Some(shown) = on_a_terminal("hi\\n", &["sh", "-c", script, OURS]) else { return };
    assert!(shown.ends_with("got hi| 3"), "{shown}");
}

#[test]
fn in_the_foreground_an_interrupt_is_the_commands_own() {
    // It comes once, and does not begin the end: with this grace the command would be killed.
    let script = "trap 'echo told; exit 4' INT; echo up; while :; do sleep .01; done";
    let words = [OURS, "-f", "-k", "0.000001", "60", "sh", "-c", script];
    let Some(shown) = on_a_terminal("\\x03", &words) else { return };
    assert_eq!((shown.matches("told").count(), shown.ends_with(" 4")), (1, true), "{shown}");
}

#[test]
fn an_interrupt_ends_what_does_not_mind_it() {
    let script = "echo up; exec sleep 1000";
    let Some(shown) = on_a_terminal("\\x03", &[OURS, "60", "sh", "-c", script]) else { return };
    assert!(shown.ends_with(" -2"), "{shown}");
}

#[test]
fn what_reads_the_terminal_from_the_background_is_ended_though_it_is_stopped() {
    let script = "\"$0\" .2 sh -c 'read line </dev/tty'; exit $?";
    let Some(shown) = on_a_terminal("", &["sh", "-c", script, OURS]) else { return };
    assert!(shown.ends_with(" 124"), "{shown}");
}
