//! The same words for both programs, and the same answers: exit codes, signals, texts and effects.

use rustix::process::Signal;

use crate::common::{Ended, OURS, Running, is_there, run};

const GNU: &str = "/usr/bin/timeout";

/// Command lines that fail, or run something short.
const CASES: &[&[&str]] = &[
    // The command line.
    &[],
    &["1"],
    &["-z"],
    &["--bogus"],
    &["--k"],
    &["--ki", "1"],
    &["--ve"],
    &["--v", "1", "true"],
    &["--f", "1", "true"],
    &["--s"],
    &["--s", "KILL", "1", "true"],
    &["--foreground=1", "1", "true"],
    &["--help=1"],
    &["-k"],
    &["-s"],
    &["-k", "x", "1", "true"],
    &["-k", "-1", "1", "true"],
    &["-k5", "1", "true"],
    &["-vk5", "60", "true"],
    &["-vsINT", "60", "true"],
    &["--kill-after=", "1", "true"],
    &["--kill-after=1", "60", "true"],
    &["-s", "FOO", "1", "true"],
    &["-s", "", "1", "true"],
    &["-s", "TERM ", "1", "true"],
    &["-s", "RTMIN+31", "1", "true"],
    &["-s", "400", "1", "true"],
    &["-s", "32", "1", "true"],
    &["-s", "-1", "1", "true"],
    &["--", "60", "true"],
    &["60", "--", "true"],
    &["60", "echo", "-k", "--help"],
    // Durations.
    &["abc", "true"],
    &["", "true"],
    &["1x", "true"],
    &["1ss", "true"],
    &["1ms", "true"],
    &["1 ", "true"],
    &[" 1", "true"],
    &["1e", "true"],
    &["0x", "true"],
    &[".", "true"],
    &["1,5", "true"],
    &["nan", "true"],
    &["--", "-1", "true"],
    &["--", "-0", "true"],
    &["-1", "true"],
    &["1S", "true"],
    &["0", "true"],
    &["inf", "true"],
    &["infinityd", "true"],
    &["1e400", "true"],
    &["1e-400", "true"],
    &["1e-300", "sleep", "1000"],
    &["0x1p-3", "sleep", "1000"],
    &["0x.01d", "sleep", "1000"],
    &[".000001d", "sleep", "1000"],
    &["9999999999999999999999d", "true"],
    // Commands that cannot be run.
    &["60", "/no/such/program"],
    &["60", "no-such-program-anywhere"],
    &["60", ""],
    &["60", "/etc"],
    &["60", "/etc/passwd"],
    &["60", "/etc/passwd/x"],
    &["60", "a'b\\c\n\u{e9}"],
    // Commands that end by themselves.
    &["60", "false"],
    &["60", "sh", "-c", "echo out; echo err >&2; exit 3"],
    &["60", "sh", "-c", "kill -TERM $$"],
    &["60", "sh", "-c", "kill -KILL $$"],
    &["60", "sh", "-c", "kill -HUP $$"],
    &["60", "sh", "-c", "kill -PIPE $$"],
    &["60", "sh", "-c", "kill -s RTMIN $$"],
    &["--foreground", "60", "sh", "-c", "kill -KILL $$"],
    &["--preserve-status", "60", "sh", "-c", "kill -KILL $$"],
    // Commands that are stopped.
    &["-v", ".05", "sleep", "1000"],
    &["-v", "-s", "int", ".05", "sleep", "1000"],
    &["-v", "-s", "RTMAX-3", ".05", "sleep", "1000"],
    &["-v", "-s", "143", ".05", "sleep", "1000"],
    &["-v", "-s", "KILL", ".05", "sleep", "1000"],
    &["-v", "-s", "0", "-k", ".05", ".05", "sleep", "1000"],
    &["-v", "--foreground", ".05", "sleep", "1000"],
    &["-v", "--foreground", "-s", "KILL", ".05", "sleep", "1000"],
    &["--preserve-status", ".05", "sleep", "1000"],
    &["--preserve-status", "-s", "KILL", ".05", "sleep", "1000"],
    &["--preserve-status", "--foreground", "-s", "KILL", ".05", "sleep", "1000"],
    &["-v", "-k", ".05", ".05", "sh", "-c", "trap '' TERM; exec sleep 1000"],
    &["--foreground", "-v", "-k", ".05", ".05", "sh", "-c", "trap '' TERM; exec sleep 1000"],
    &["--preserve-status", "-k", ".05", ".05", "sh", "-c", "trap '' TERM; exec sleep 1000"],
    &["-k", "60", ".2", "sh", "-c", TOLD],
    &["--preserve-status", ".2", "sh", "-c", TOLD],
    &[".2", "sh", "-c", "kill -STOP $$; echo woken"],
    &[".05", "sh", "-c", "sleep 1000 | sleep 1000"],
];

/// Is told, and ends; the shell would say on standard error what became of its own child.
const TOLD: &str = "exec 2>/dev/null; trap 'echo told; exit 5' TERM; while :; do sleep .01; done";

/// The same, once it is up.
const TELLS: &str = "exec 2>/dev/null; trap 'echo told; exit 7' TERM; echo up; while :; do sleep .01; done";

/// Takes a while until it is up, so that whoever started it has time to notice.
const LATE: &str = "for n in 1 2 3 4 5 6 7 8 9 10; do sh -c :; done; echo up; exec sleep 1000";

/// What both are sent from outside, and the words with which they are started; the command says when it is up.
const SIGNALS: &[(&str, Signal, &[&str])] = &[
    ("TERM", Signal::TERM, &["-v", "60", "sh", "-c", LATE]),
    ("INT", Signal::INT, &["-v", "60", "sh", "-c", LATE]),
    ("HUP", Signal::HUP, &["-v", "60", "sh", "-c", LATE]),
    ("QUIT", Signal::QUIT, &["60", "sh", "-c", LATE]),
    ("ALRM", Signal::ALARM, &["-v", "60", "sh", "-c", LATE]),
    ("a trap", Signal::TERM, &["60", "sh", "-c", TELLS]),
    ("a deaf one", Signal::TERM, &["-v", "-k", ".05", "60", "sh", "-c", "trap '' TERM; echo up; exec sleep 1000"]),
    ("foreground", Signal::TERM, &["-v", "--foreground", "60", "sh", "-c", LATE]),
    ("status", Signal::TERM, &["--preserve-status", "60", "sh", "-c", LATE]),
];

#[test]
fn both_answer_alike() {
    if !is_there(GNU, &["--version"]) {
        return;
    }
    for words in CASES {
        assert_alike(words, run(OURS, words), run(GNU, words));
    }
}

#[test]
fn both_pass_on_alike() {
    if !is_there(GNU, &["--version"]) {
        return;
    }
    for (name, signal, words) in SIGNALS {
        let send = |program| {
            let running = Running::start(program, words).once_up(1);
            running.send(*signal);
            running
        };
        eprintln!("{name}");
        let ours = send(OURS).end();
        // GNU's program does not pass on what arrives before it has seen that its command runs: then it is asked again.
        let gnus = (0..20).find_map(|_| send(GNU).end_unless_left()).expect("it passes on");
        assert_alike(words, ours, gnus);
    }
}

/// Options that older ones of GNU's do not have, said in words that they have.
#[test]
fn short_options_mean_the_long_ones() {
    for (short, long) in [("-f", "--foreground"), ("-p", "--preserve-status")] {
        let words = ["-s", "KILL", ".05", "sleep", "1000"];
        let [short, long] = [short, long].map(|option| run(OURS, &[&[option], &words[..]].concat()));
        assert_eq!(short, long);
    }
}

#[test]
fn help_and_version_are_printed_and_a_full_device_is_an_error() {
    let help = run(OURS, &["--help"]);
    assert_eq!((help.code, &*help.stderr), (Some(0), ""));
    for word in ["124", "125", "126", "127", "137", "--tree", "--report", "--keep-background", "Examples"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    assert!(run(OURS, &["--version"]).stdout.starts_with("cease-timeout "));
    let full = run("sh", &["-c", "exec \"$0\" --help >/dev/full", OURS]);
    assert_eq!((full.code, full.stderr), (Some(125), format!("{OURS}: write error: No space left on device\n")));
}

fn assert_alike(words: &[&str], ours: Ended, gnus: Ended) {
    let named = |ended: Ended, name: &str| {
        // GNU's program tells the command, and then its group, which the command is in.
        let stdout = ended.stdout.replace("told\ntold\n", "told\n");
        Ended { stderr: ended.stderr.replace(name, "timeout"), stdout, ..ended }
    };
    assert_eq!(named(ours, OURS), named(gnus, GNU), "ours, and GNU's, of {words:?}");
}
