//! The thread that sees the end of workers that wait, and replaces them.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::roster::{NEWS, Roster};

/// How long it is at least from one replacement to the next: a program that dies at once is not started without end.
const PAUSE: Duration = Duration::from_millis(100);

/// The thread that watches those who wait.
#[derive(Debug)]
pub(super) struct Keeper(JoinHandle<()>);

impl Keeper {
    pub(super) fn new(roster: Arc<Roster>) -> io::Result<Self> {
        let thread = thread::Builder::new().name("cease-pool".into()).spawn(move || keep(&roster))?;
        Ok(Self(thread))
    }

    /// Waits until it is gone; the roster is closed.
    pub(super) fn dismiss(self, roster: &Roster) {
        roster.tell_keeper();
        let _ = self.0.join();
    }
}

fn keep(roster: &Roster) {
    let mut not_before: Option<Instant> = None;
    while !roster.is_closed() {
        let mut wait = None;
        if roster.is_short() {
            let left = not_before.map_or(Duration::ZERO, |then| then.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                // Why it failed is said to whoever spawns next, who tries again.
                let _ = roster.replace();
                not_before = Instant::now().checked_add(PAUSE);
                continue;
            }
            wait = Timespec::try_from(left).ok();
        }
        let mut events = Vec::with_capacity(16);
        match epoll::wait(&roster.ends, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // It cannot be watched any more; whoever is sent a job sees who has ended.
            Err(_) => return,
        }
        for event in &events {
            let pid = event.data.u64();
            if pid != NEWS {
                roster.bury(pid);
            }
        }
    }
}
