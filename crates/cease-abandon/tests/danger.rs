//! Why letting go is dangerous: what is left behind keeps what it holds, and goes on to write.
#![cfg(not(any(loom, shuttle)))]

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use cease_abandon::{Abandon, AbandonedThreads};
use cease_core::{Exit, SpawnFn, Worker};

const PATIENCE: Duration = Duration::from_secs(60);

/// A file of this test's own, which is gone when it is dropped.
struct Ledger(PathBuf);

impl Ledger {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("cease-abandon-{}.ledger", std::process::id())))
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.0).unwrap().lines().map(str::to_owned).collect()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A job that writes a line each time it is told to, and says so; it never asks whether it should stop.
fn bookkeeper(
    account: &AbandonedThreads,
    ledger: &Ledger,
    lock: &Arc<Mutex<()>>,
) -> (Worker<()>, Sender<u32>, Receiver<()>) {
    let (tell, told) = mpsc::channel::<u32>();
    let (say, written) = mpsc::channel();
    let mut file = File::create(&ledger.0).unwrap();
    let lock = Arc::clone(lock);
    let worker = Abandon::new().grace(Duration::ZERO).account(account).spawn_fn(move |_| {
        let _held = lock.lock().unwrap();
        for number in told {
            writeln!(file, "entry {number}").unwrap();
            say.send(()).unwrap();
        }
        Ok(())
    });
    (worker.unwrap(), tell, written)
}

#[test]
fn it_writes_to_its_file_and_holds_its_lock_after_the_handle_said_that_it_is_over() {
    let (account, ledger, lock) = (AbandonedThreads::new(), Ledger::new(), Arc::new(Mutex::new(())));
    let (worker, tell, written) = bookkeeper(&account, &ledger, &lock);
    tell.send(1).unwrap();
    written.recv_timeout(PATIENCE).unwrap();

    worker.stop();
    assert!(worker.is_finished());
    assert!(matches!(worker.join(), Ok(Exit::Abandoned)));
    let closed = ledger.lines();
    assert_eq!(closed, ["entry 1"], "the books are closed");

    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)), "nobody else gets in for as long as it lives");
    tell.send(2).unwrap();
    written.recv_timeout(PATIENCE).unwrap();
    assert_eq!(ledger.lines(), ["entry 1", "entry 2"], "and there is a line that nobody knows of");

    // Only its own end gives back what it holds.
    drop(tell);
    account.wait_timeout(PATIENCE).unwrap();
    assert!(lock.lock().is_ok());
}
