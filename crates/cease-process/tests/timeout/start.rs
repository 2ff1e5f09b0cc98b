//! Whatever state it is started in, it works, and the command gets what it was given.

use crate::common::{OURS, Running, is_there, kinds, run};

/// Becomes the words that follow, after a line of Python.
fn after(python: &str, words: &[&str]) -> Option<crate::common::Ended> {
    let python3 = crate::common::python()?;
    let script = format!("import os, resource, signal, sys\n{python}\nos.execvp(sys.argv[1], sys.argv[1:])");
    Some(run(python3, &[&["-c", &script], words].concat()))
}

/// States that a program may be started in.
const STATES: [(&str, &str); 9] = [
    ("children ignored", "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"),
    ("children blocked", "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])"),
    ("all blocked", "signal.pthread_sigmask(signal.SIG_SETMASK, range(1, 65))"),
    ("pipe ignored, as Python has it", "pass"),
    ("all ignored", "[signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 10, 12, 13, 14, 15, 17, 34, 64)]"),
    ("no input", "os.close(0)"),
    ("no output", "os.close(1)"),
    ("no standard streams at all", "[os.close(fd) for fd in (0, 1, 2)]"),
    ("no room for descriptors", "resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))"),
];

#[test]
fn every_state_it_is_started_in_ends_well() {
    for (name, python) in STATES {
        for kind in kinds() {
            let tree = format!("--tree={}", if name.contains("no room") { "auto" } else { kind });
            let Some(ended) = after(python, &[OURS, &tree, "60", "sh", "-c", "exit 3"]) else { return };
            assert_eq!(ended.code, Some(3), "{name}, {kind}: {}", ended.stderr);
            let escape = "setsid sleep 1000 & sleep 1000 & exec sleep 1000";
            let ended = after(python, &[OURS, &tree, "-k", ".1", ".1", "sh", "-c", escape]).unwrap();
            let expected = if name.starts_with("all") { (None, Some(9)) } else { (Some(124), None) };
            assert_eq!((ended.code, ended.signal), expected, "{name}, {kind}: {}", ended.stderr);
        }
    }
}

#[test]
fn the_command_gets_the_signals_as_they_were() {
    let show = ["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];
    for (name, python) in STATES.into_iter().take(5) {
        let Some(bare) = after(python, &show) else { return };
        for kind in kinds() {
            let tree = format!("--tree={kind}");
            let ours = after(python, &[&[OURS, &tree, "60"], &show[..]].concat()).unwrap();
            assert_eq!(ours.stdout, bare.stdout, "{name}, {kind}: {}", ours.stderr);
        }
    }
}

#[test]
fn the_command_gets_the_descriptors_as_they_were() {
    let show = ["sh", "-c", "for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && printf \" $fd\"; done; :"];
    for closed in ["pass", "os.close(0)", "os.close(2)", "[os.close(fd) for fd in (0, 2)]", "os.dup2(1, 7)"] {
        let Some(bare) = after(closed, &show) else { return };
        let ours = after(closed, &[&[OURS, "60"], &show[..]].concat()).unwrap();
        assert_eq!(ours.stdout, bare.stdout, "{closed}");
    }
}

/// The lowest numbers that are open in process `pid`, and in its only child, if that is a copy of the program.
fn low_numbers(pid: u32) -> Vec<(u32, i32)> {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let children = read(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.split_ascii_whitespace().filter_map(|child| child.parse().ok());
    let copies = children.filter(|child| read(format!("/proc/{child}/comm")) == read(format!("/proc/{pid}/comm")));
    let is_open = |(pid, number): &(u32, i32)| std::fs::symlink_metadata(format!("/proc/{pid}/fd/{number}")).is_ok();
    let processes = std::iter::once(pid).chain(copies);
    processes.flat_map(|pid| (0..3).map(move |number| (pid, number))).filter(is_open).collect()
}

#[test]
fn no_descriptor_has_the_number_of_a_standard_stream() {
    let Some(python3) = crate::common::python() else { return };
    for kind in kinds() {
        let name = |what: &str| format!("{}/{what}-{kind}-{}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let (up, report) = (name("up"), name("low"));
        let (tree, place) = (format!("--tree={kind}"), format!("--report=json:{report}"));
        let script = format!("setsid sleep 1000 & : > {up}; exec sleep 1000");
        let python = "import os, sys\n[os.close(fd) for fd in (0, 1, 2)]\nos.execvp(sys.argv[1], sys.argv[1:])";
        let words = ["-c", python, OURS, &tree, &place, "-v", "60", "sh", "-c", &script];
        let running = Running::start(python3, &words);
        let end = std::time::Instant::now() + crate::common::LIMIT;
        while std::fs::metadata(&up).is_err() {
            assert!(std::time::Instant::now() < end, "{kind}: the command does not run");
            std::thread::yield_now();
        }
        // The program has one thread, so a number that it uses during one step only is harmless, and is free again after it.
        while let low @ [_, ..] = &*low_numbers(running.pid()) {
            assert!(std::time::Instant::now() < end, "{kind}: these are open (process, number): {low:?}");
            std::thread::yield_now();
        }
        // What `-v` says has no place to go, and must not go into a descriptor of the program.
        running.send(rustix::process::Signal::TERM);
        let ended = running.end();
        let report = [&up, &report].map(|file| {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let _ = std::fs::remove_file(file);
            text
        });
        assert_eq!((ended.signal, report[1].lines().count()), (Some(libc::SIGTERM), 1), "{kind}: {report:?}");
    }
}

#[test]
fn a_signal_that_was_ignored_is_not_passed_on() {
    let python = "signal.signal(signal.SIGHUP, signal.SIG_IGN)";
    let script = "echo up; read go; exit 3";
    let Some(python3) = crate::common::python() else { return };
    let wrapper = format!("import os, signal, sys\n{python}\nos.execvp(sys.argv[1], sys.argv[1:])");
    let mut running = Running::start(python3, &["-c", &wrapper, OURS, "-v", "60", "sh", "-c", script]).once_up(1);
    running.send(rustix::process::Signal::HUP);
    running.go();
    let ended = running.end();
    assert_eq!((ended.code, &*ended.stderr), (Some(3), ""));
}

#[test]
fn children_that_were_there_before_are_strangers() {
    let python = "\
child = os.fork()
if child == 0:
    os.setsid()
    os.execvp('sleep', ['sleep', '1000'])
os.environ['STRANGER'] = str(child)";
    for kind in ["auto", "cgroup", "sweep"] {
        let tree = format!("--tree={kind}");
        let script = "setsid sleep 1000 & exit 3";
        let check = "\"$0\" \"$1\" 60 sh -c \"$2\"; echo $?; kill -0 $STRANGER && echo lives; kill -KILL $STRANGER";
        let Some(ended) = after(python, &["sh", "-c", check, OURS, &tree, script]) else { return };
        if !ended.stdout.starts_with("125") {
            assert_eq!(ended.stdout, "3\nlives\n", "{kind}: {}", ended.stderr);
        }
        let script =
            "exec \"$0\" \"$1\" 60 sh -c 'setsid sleep 1000 & kill -0 $STRANGER && kill -KILL $STRANGER && exit 3'";
        let ended = after(python, &["sh", "-c", script, OURS, &tree]).unwrap();
        assert!([Some(3), Some(125)].contains(&ended.code), "{kind}: {ended:?}");
    }
}

#[test]
fn it_works_as_the_first_process() {
    let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
    if !is_there("unshare", &[&unshare[..], &["true"]].concat()) {
        return;
    }
    let escape = "(setsid sh -c 'trap \"\" TERM; exec sleep 1000' &) ; exec sleep 1000";
    for (words, expected) in [
        (&["60", "sh", "-c", "exit 3"][..], Some(3)),
        (&["-k", ".1", ".1", "sh", "-c", escape], Some(124)),
        (&["60", "sh", "-c", "kill -TERM $$"], Some(143)),
        (&["-s", "KILL", ".1", "sleep", "1000"], Some(137)),
    ] {
        let ended = run("unshare", &[&unshare[..], &[OURS], words].concat());
        assert_eq!(ended.code, expected, "{words:?}: {}", ended.stderr);
    }
}

#[test]
fn it_works_inside_itself() {
    let escape = "setsid sh -c 'trap \"\" TERM; exec sleep 1000' & exec sleep 1000";
    for kind in kinds() {
        let tree = format!("--tree={kind}");
        let inner = [OURS, &tree, "-k", ".1", ".1", "sh", "-c", escape];
        let ended = run(OURS, &[&["60"], &inner[..]].concat());
        assert_eq!(ended.code, Some(124), "the inner one, {kind}: {}", ended.stderr);
        let inner = [OURS, &tree, "60", "sh", "-c", escape];
        let ended = run(OURS, &[&[&*tree, "-k", ".1", ".1"], &inner[..]].concat());
        // The inner one gives its command more time than it is given itself; but in a namespace the command is told by both.
        let in_time = *kind == "pidns" && ended.code == Some(124);
        assert!(in_time || ended.signal == Some(9), "the outer one, {kind}: {ended:?}");
    }
}

#[test]
fn no_room_for_processes_is_an_error() {
    let nobody = "\
os.setgid(65534)
os.setuid(65534)
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))";
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become somebody who has no process yet");
        return;
    }
    let Some(ended) = after(nobody, &[OURS, "60", "true"]) else { return };
    if ended.stderr.contains("Permission denied") {
        eprintln!("skipped: nobody may not run {OURS}");
        return;
    }
    assert_eq!(ended.code, Some(125), "{}", ended.stderr);
    let said = format!("{OURS}: fork system call failed: Resource temporarily unavailable\n");
    assert_eq!(ended.stderr, said);
}
