//! The deadlock that a guard makes that is dropped under a lock which its callback takes: a debug build tells of it.
#![cfg(all(debug_assertions, not(any(loom, shuttle))))]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use cease_core::StopSource;

const CHILD: &str = "CEASE_TEST_DEADLOCK";
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_debug_build_tells_of_the_deadlock() {
    if std::env::var_os(CHILD).is_some() {
        deadlock();
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--nocapture", "a_debug_build_tells_of_the_deadlock"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let (tell, told) = mpsc::channel();
    let reading = thread::spawn(move || {
        let line = stderr.lines().map_while(Result::ok).find(|line| line.contains("the drop of a callback's guard"));
        tell.send(line).unwrap();
    });
    let line = told.recv_timeout(PATIENCE);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap();
    let line = line.expect("nothing was told in time").expect("the process ended without a word");
    assert!(line.contains(file!()), "where the callback was registered: {line}");
    assert!(line.contains("Is a lock held here that it takes?"), "{line}");
}

/// Drops a guard under the lock that its callback waits for, and so never returns.
fn deadlock() -> ! {
    let source = StopSource::new();
    let taken = Arc::new(Mutex::new(()));
    let (shared, (running, runs)) = (Arc::clone(&taken), mpsc::channel());
    let guard = source.token().on_stop(move || {
        running.send(()).unwrap();
        drop(shared.lock().unwrap());
    });
    let _held = taken.lock().unwrap();
    thread::spawn(move || source.request());
    runs.recv().unwrap();
    drop(guard);
    unreachable!("the callback cannot have returned");
}
