//! The thread that sees the end of workers that wait, and replaces them.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::pool_state::{NEWS, PoolState};

/// How long it is at least from one replacement to the next: a program that dies at once is not started without end.
const PAUSE: Duration = Duration::from_millis(100);

/// The thread that watches those who wait.
#[derive(Debug)]
pub(super) struct Replenisher(JoinHandle<()>);

impl Replenisher {
    pub(super) fn new(pool_state: Arc<PoolState>) -> io::Result<Self> {
        let thread = thread::Builder::new().name("cease-pool".into()).spawn(move || keep(&pool_state))?;
        Ok(Self(thread))
    }

    /// Waits until it is gone; the pool_state is closed.
    pub(super) fn dismiss(self, pool_state: &PoolState) {
        pool_state.wake_replenisher();
        let _ = self.0.join();
    }
}

fn keep(pool_state: &PoolState) {
    let mut not_before: Option<Instant> = None;
    while !pool_state.is_closed() {
        let mut wait = None;
        if pool_state.is_short() {
            let left = not_before.map_or(Duration::ZERO, |then| then.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                // Why it failed is said to whoever spawns next, who tries again.
                let _ = pool_state.replace();
                not_before = Instant::now().checked_add(PAUSE);
                continue;
            }
            wait = Timespec::try_from(left).ok();
        }
        let mut events = Vec::with_capacity(16);
        match epoll::wait(&pool_state.ends, rustix::buffer::spare_capacity(&mut events), wait.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // It cannot be watched any more; whoever is sent a job sees who has ended.
            Err(_) => return,
        }
        for event in &events {
            let pid = event.data.u64();
            if pid != NEWS {
                pool_state.bury(pid);
            }
        }
    }
}
