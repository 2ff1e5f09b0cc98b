//! Who of a pool's workers waits for a job, and how many there are.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::event::epoll;

use crate::descriptor::above_standard;
use crate::options::Options;
use crate::report::StartError;
use crate::supervisor::{IdleWorker, PoolHandle, Returned};
use crate::timeout::Timeout;

/// What the replenisher is told with instead of the number of a process: that something is to be done.
pub(super) const NEWS: u64 = 0;

/// Who waits for a job, and how many there are.
#[derive(Debug)]
pub(super) struct PoolState {
    options: Options,
    size: usize,
    state: Mutex<State>,
    changed: Condvar,
    /// Tells the replenisher who has ended; who is reaped is forgotten by the kernel.
    pub(super) ends: OwnedFd,
    news: OwnedFd,
}

#[derive(Debug, Default)]
struct State {
    /// The last one that came back is the first to go: what it needs is still in the caches.
    idle: Vec<IdleWorker>,
    /// How many there are in all, those that are being started included.
    count: usize,
    /// How many there are to be, whether there are jobs or not.
    warm: usize,
    is_closed: bool,
}

impl PoolState {
    pub(super) fn new(options: Options, size: usize) -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let ends = epoll::create(epoll::CreateFlags::CLOEXEC).and_then(above_standard)?;
        let news = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).and_then(above_standard)?;
        epoll::add(&ends, &news, epoll::EventData::new_u64(NEWS), epoll::EventFlags::IN | epoll::EventFlags::ET)?;
        Ok(Self { options, size, state: Mutex::default(), changed: Condvar::new(), ends, news })
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// How many workers there are, and how many of them wait.
    pub(super) fn figures(&self) -> (usize, usize) {
        let state = self.state();
        (state.count, state.idle.len())
    }

    /// One that waits, or a new one, or the first that comes back.
    pub(super) fn take(&self, timeout: Timeout) -> io::Result<IdleWorker> {
        let mut state = self.state();
        loop {
            if let Some(idle) = state.idle.pop() {
                return Ok(idle);
            }
            if state.count < self.size {
                state.count += 1;
                drop(state);
                return self.start();
            }
            if timeout.is_over() {
                return Err(StartError::PoolExhausted.into());
            }
            state = timeout.wait(&self.changed, state);
        }
    }

    /// Starts workers until there are `count`, and has the replenisher see to it that there are as many.
    pub(super) fn prespawn(&self, count: usize) -> io::Result<()> {
        let count = count.min(self.size);
        self.start_until(count)?;
        let mut state = self.state();
        state.warm = state.warm.max(count);
        Ok(())
    }

    /// Starts as many as are missing.
    pub(super) fn replace(&self) -> io::Result<()> {
        let warm = self.state().warm;
        self.start_until(warm)
    }

    fn start_until(&self, count: usize) -> io::Result<()> {
        while self.reserve_below(count) {
            let idle = self.start()?;
            self.put_back(idle);
        }
        Ok(())
    }

    /// Whether there are fewer than there are to be.
    pub(super) fn is_short(&self) -> bool {
        let state = self.state();
        state.count < state.warm && !state.is_closed
    }

    /// Ends the one with this number, if it waits and has ended; whoever has a job is ended elsewhere.
    pub(super) fn bury(&self, pid: u64) {
        let dead = {
            let mut state = self.state();
            let place = state.idle.iter().position(|idle| u64::from(idle.pid()) == pid && !idle.is_alive());
            place.map(|place| state.idle.swap_remove(place))
        };
        if dead.is_some() {
            drop(dead);
            self.lose();
        }
    }

    /// From now on nobody comes back; those that wait.
    pub(super) fn close(&self) -> Vec<IdleWorker> {
        let mut state = self.state();
        state.is_closed = true;
        std::mem::take(&mut state.idle)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Wakes the replenisher.
    pub(super) fn wake_replenisher(&self) {
        // A count that is full is not read yet.
        let _ = rustix::io::write(&self.news, &1_u64.to_ne_bytes());
    }

    /// Starts one that counts already.
    fn start(&self) -> io::Result<IdleWorker> {
        let watched = |idle: IdleWorker| {
            let data = epoll::EventData::new_u64(idle.pid().into());
            epoll::add(&self.ends, idle.end().as_fd(), data, epoll::EventFlags::IN | epoll::EventFlags::ET)?;
            Ok(idle)
        };
        IdleWorker::start(&self.options).and_then(watched).inspect_err(|_| self.lose())
    }

    /// Puts a worker back that waits for a job; one that has ended, or that comes after the close, is ended.
    pub(super) fn put_back(&self, idle: IdleWorker) {
        let ended = {
            let mut state = self.state();
            // The replenisher is told once of an end, and looks here, so it has to be looked at here as well.
            if state.is_closed || !idle.is_alive() {
                Some(idle)
            } else {
                state.idle.push(idle);
                None
            }
        };
        match ended {
            None => self.changed.notify_one(),
            Some(idle) => {
                idle.end_at_the_post();
                self.lose();
            }
        }
    }

    fn reserve_below(&self, count: usize) -> bool {
        let mut state = self.state();
        let is_missing = state.count < count && !state.is_closed;
        state.count += usize::from(is_missing);
        is_missing
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PoolHandle for PoolState {
    fn take_back(&self, worker: Returned) {
        self.put_back(worker.into());
    }

    fn lose(&self) {
        let is_short = {
            let mut state = self.state();
            state.count -= 1;
            state.count < state.warm
        };
        self.changed.notify_one();
        if is_short {
            self.wake_replenisher();
        }
    }
}
