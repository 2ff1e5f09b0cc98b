//! A blocked thread is woken.

use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Thread};

use cease_core::StopSource;
use crossbeam_channel::RecvError;
use event_listener::{Event, Listener};
use rustix::thread::futex;

use crate::contender::Contender;
use crate::rounds::Scale;
use crate::rows::wake::asker::{Sleeper, WAKES, round};

/// Everybody gets a slot of its own for each wake, as a stop does, but for `park, hot`, which uses the same one again and
/// again, which no one-shot event can.
pub(super) fn contenders(scale: Scale) -> io::Result<Vec<Contender>> {
    let make = Make::new(scale)?;
    let hot = Arc::new(Parked::default());
    Ok(vec![
        make.contender("StopToken", || {
            let source = StopSource::new();
            let token = source.token();
            (move || assert!(token.wait().is_ok(), "the source is kept"), move || assert!(source.request()))
        }),
        make.slots("park, fresh", Arc::<Parked>::default, Parked::wait, Parked::wake),
        make.slots(
            "park, hot",
            move || {
                hot.lower();
                Arc::clone(&hot)
            },
            Parked::wait,
            Parked::wake,
        ),
        make.slots("Condvar", Arc::<Noted>::default, Noted::wait, Noted::wake),
        make.slots("futex", Arc::<AtomicU32>::default, wait_on_futex, wake_futex),
        make.slots("event-listener", Arc::<Listened>::default, Listened::wait, Listened::wake),
        make.contender("crossbeam-channel", || {
            let (sender, receiver) = crossbeam_channel::unbounded::<()>();
            (move || assert_eq!(receiver.recv(), Err(RecvError)), move || drop(sender))
        }),
    ])
}

/// What contenders are made with; they share one thread that waits.
pub(super) struct Make {
    wakes: u32,
    sleeper: Rc<Sleeper>,
}

impl Make {
    pub(super) fn new(scale: Scale) -> io::Result<Self> {
        Ok(Self { wakes: scale.operations(WAKES), sleeper: Rc::new(Sleeper::start()?) })
    }

    /// A contender whose `pair` makes what waits and what wakes it.
    pub(super) fn contender<W, A>(&self, name: &'static str, mut pair: impl FnMut() -> (W, A) + 'static) -> Contender
    where
        W: FnOnce() + Send + 'static,
        A: FnOnce(),
    {
        let (wakes, sleeper) = (self.wakes, Rc::clone(&self.sleeper));
        Contender::fallible(name, move || {
            round(wakes, |signal| {
                let (wait, wake) = pair();
                sleeper.run(move || {
                    signal.about_to_wait();
                    wait();
                    signal.awake();
                });
                Ok(wake)
            })
        })
    }

    /// A contender whose two sides share a slot.
    fn slots<T: Send + Sync + 'static>(
        &self,
        name: &'static str,
        slot: impl Fn() -> Arc<T> + 'static,
        wait: fn(&T),
        wake: fn(&T),
    ) -> Contender {
        self.contender(name, move || {
            let waking = slot();
            let waiting = Arc::clone(&waking);
            (move || wait(&waiting), move || wake(&waking))
        })
    }
}

/// What one does by hand with `thread::park`.
#[derive(Default)]
struct Parked {
    raised: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Parked {
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
        // Where there is no handle yet, the other thread has yet to take the lock, and then sees the flag.
        if let Some(thread) = self.thread.lock().expect("no holder panics").take() {
            thread.unpark();
        }
    }
}

/// What one does by hand with a condition variable.
#[derive(Default)]
struct Noted {
    raised: Mutex<bool>,
    changed: Condvar,
}

impl Noted {
    fn wait(&self) {
        let raised = self.raised.lock().expect("no holder panics");
        drop(self.changed.wait_while(raised, |raised| !*raised).expect("no holder panics"));
    }

    fn wake(&self) {
        *self.raised.lock().expect("no holder panics") = true;
        self.changed.notify_all();
    }
}

/// What the other ways stand on: returns when `word` is not zero any more.
fn wait_on_futex(word: &AtomicU32) {
    // ORDERING: Acquire pairs with the Release in `wake_futex`.
    while word.load(Ordering::Acquire) == 0 {
        // It also returns when the word has changed before it slept, or when a signal came: the loop looks again.
        let _ = futex::wait(word, futex::Flags::PRIVATE, 0, None);
    }
}

fn wake_futex(word: &AtomicU32) {
    // ORDERING: Release pairs with the Acquire in `wait_on_futex`.
    word.store(1, Ordering::Release);
    futex::wake(word, futex::Flags::PRIVATE, i32::MAX.cast_unsigned()).expect("the word is aligned and mapped");
}

/// A flag beside an event, as event-listener's documentation has it.
#[derive(Default)]
pub(super) struct Listened {
    raised: AtomicBool,
    event: Event,
}

impl Listened {
    fn wait(&self) {
        while !self.is_raised() {
            let listener = self.event.listen();
            if self.is_raised() {
                return;
            }
            listener.wait();
        }
    }

    pub(super) async fn raised(&self) {
        while !self.is_raised() {
            let listener = self.event.listen();
            if self.is_raised() {
                return;
            }
            listener.await;
        }
    }

    pub(super) fn wake(&self) {
        // ORDERING: Release pairs with the Acquire in `is_raised`.
        self.raised.store(true, Ordering::Release);
        self.event.notify(usize::MAX);
    }

    fn is_raised(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in `wake`.
        self.raised.load(Ordering::Acquire)
    }
}
