//! The asker, which wakes the other side and measures how long that takes, and the thread on which the other side waits.

use std::hint::spin_loop;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cpu;
use crate::rounds::spread;

/// How many wakes make a round.
pub(super) const WAKES: u32 = 400;
/// How long the asker waits until the other side surely sleeps.
const ASLEEP: Duration = Duration::from_micros(60);
/// The processors of the requesting and of the waiting side.
pub(in crate::rows) const ASKER: usize = 0;
pub(in crate::rows) const SLEEPER: usize = 1;

/// The median of so many wakes, in nanoseconds from the request until the waiting side is awake.
///
/// `wait` has somebody wait who tells both by the signal, and returns what wakes it.
pub(super) fn round<A: FnOnce()>(wakes: u32, mut wait: impl FnMut(Signal) -> io::Result<A>) -> io::Result<f64> {
    let (signal, awake) = Signal::new();
    cpu::pin(ASKER);
    let wakes = (0..wakes).map(|_| {
        let wake = wait(signal.clone())?;
        signal.wait_until_asleep();
        let asked = Instant::now();
        wake();
        Ok(recv(&awake).duration_since(asked).as_secs_f64() * 1e9)
    });
    let median = wakes.collect::<io::Result<_>>().map(|wakes| spread(wakes).median);
    cpu::unpin();
    median
}

fn recv(awake: &Receiver<Instant>) -> Instant {
    awake.recv().expect("a sender of the round is alive")
}

/// How the waiting side reports what it does.
#[derive(Clone)]
pub(in crate::rows) struct Signal {
    about_to_wait: Arc<AtomicBool>,
    awake: Sender<Instant>,
}

impl Signal {
    /// A signal, and the channel on which the waiting side reports that it is awake.
    pub(in crate::rows) fn new() -> (Self, Receiver<Instant>) {
        let (awake, told) = channel();
        (Self { about_to_wait: Arc::default(), awake }, told)
    }

    pub(in crate::rows) fn about_to_wait(&self) {
        // ORDERING: Relaxed: only the value matters.
        self.about_to_wait.store(true, Ordering::Relaxed);
    }

    pub(super) fn awake(&self) {
        self.awake.send(Instant::now()).expect("the asker waits for it");
    }

    pub(in crate::rows) fn wait_until_asleep(&self) {
        // ORDERING: Relaxed: only the value matters.
        while !self.about_to_wait.swap(false, Ordering::Relaxed) {
            spin_loop();
        }
        let announced = Instant::now();
        while announced.elapsed() < ASLEEP {
            spin_loop();
        }
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread of its own for what waits; it has ended when this is dropped.
pub(super) struct Sleeper {
    /// `None` only while this is dropped.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Sleeper {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, todo) = channel::<Job>();
        let run = || {
            cpu::pin(SLEEPER);
            todo.into_iter().for_each(|job| job());
        };
        let thread = thread::Builder::new().spawn(run)?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `job` on the thread.
    pub(super) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.as_ref().expect("this is not dropped yet");
        jobs.send(Box::new(job)).expect("the thread takes jobs for as long as this exists");
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no job panics");
        }
    }
}
