//! From the request to the awake thread.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use cease_core::StopSource;

use crate::cpu;
use crate::rounds::{Contender, Row, spread};

const WAKES: usize = 200;
/// How long the asker waits until the other thread surely sleeps.
const ASLEEP: Duration = Duration::from_micros(60);

/// A blocked thread is woken: its median over one round.
///
/// `park, fresh` gets a flag and a thread handle of its own for each wake, as a stop does; `park, hot` uses the same ones
/// again and again, which no one-shot event can.
pub(crate) fn blocking() -> Row {
    let hot = Arc::new(Parked::new());
    Row {
        name: "wake/blocking",
        contenders: vec![
            contender("StopToken", || {
                let source = StopSource::new();
                let token = source.token();
                (move || assert!(token.wait().is_ok(), "the source is kept"), move || assert!(source.request()))
            }),
            contender("park, fresh", || {
                let parked = Arc::new(Parked::new());
                let waiting = Arc::clone(&parked);
                (move || waiting.wait(), move || parked.wake())
            }),
            contender("park, hot", move || {
                hot.lower();
                let (waiting, waking) = (Arc::clone(&hot), Arc::clone(&hot));
                (move || waiting.wait(), move || waking.wake())
            }),
        ],
    }
}

/// What one does by hand with `thread::park`.
struct Parked {
    raised: AtomicBool,
    thread: std::sync::Mutex<Option<Thread>>,
}

impl Parked {
    fn new() -> Self {
        Self { raised: AtomicBool::new(false), thread: std::sync::Mutex::new(None) }
    }

    fn lower(&self) {
        // ORDERING: Relaxed: between two wakes, and a channel orders those.
        self.raised.store(false, Ordering::Relaxed);
    }

    fn wait(&self) {
        *self.thread.lock().expect("no holder panics") = Some(thread::current());
        // ORDERING: Acquire pairs with the Release in `wake`.
        while !self.raised.load(Ordering::Acquire) {
            thread::park();
        }
    }

    fn wake(&self) {
        // ORDERING: Release pairs with the Acquire in `wait`.
        self.raised.store(true, Ordering::Release);
        let thread = self.thread.lock().expect("no holder panics").take();
        thread.expect("the other thread is asleep").unpark();
    }
}

type Job = Box<dyn FnOnce() + Send>;

/// A contender whose rounds are `WAKES` pairs of a wait, on a thread of its own, and a wake, on this one.
fn contender<W, A>(name: &'static str, mut pair: impl FnMut() -> (W, A) + 'static) -> Contender
where
    W: FnOnce() + Send + 'static,
    A: FnOnce(),
{
    let mut sleeper: Option<Sleeper> = None;
    Contender::new(name, move || {
        let sleeper = sleeper.get_or_insert_with(Sleeper::start);
        cpu::pin(0);
        let wakes = (0..WAKES).map(|_| {
            let (wait, wake) = pair();
            sleeper.wake_up(Box::new(wait), wake)
        });
        let median = spread(wakes.collect()).median;
        cpu::unpin();
        median
    })
}

/// A thread that waits as told, and says when it was awake again.
struct Sleeper {
    jobs: Sender<Job>,
    about_to_wait: Arc<AtomicBool>,
    awake: Receiver<Instant>,
}

impl Sleeper {
    fn start() -> Self {
        let (jobs, todo) = channel::<Job>();
        let (say, awake) = channel();
        let about_to_wait = Arc::new(AtomicBool::new(false));
        let announce = Arc::clone(&about_to_wait);
        thread::spawn(move || {
            cpu::pin(1);
            for wait in todo {
                // ORDERING: Relaxed: only the value matters.
                announce.store(true, Ordering::Relaxed);
                wait();
                if say.send(Instant::now()).is_err() {
                    return;
                }
            }
        });
        Self { jobs, about_to_wait, awake }
    }

    /// Nanoseconds from the call of `wake` until `wait` has returned.
    fn wake_up(&self, wait: Job, wake: impl FnOnce()) -> f64 {
        self.jobs.send(wait).expect("the sleeper lives as long as this");
        // ORDERING: Relaxed: only the value matters.
        while !self.about_to_wait.swap(false, Ordering::Relaxed) {
            spin_loop();
        }
        let announced = Instant::now();
        while announced.elapsed() < ASLEEP {
            spin_loop();
        }
        let asked = Instant::now();
        wake();
        let awake = self.awake.recv().expect("the sleeper lives as long as this");
        awake.duration_since(asked).as_secs_f64() * 1e9
    }
}
