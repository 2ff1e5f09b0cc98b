//! The timer of the process: one thread, from the first deadline on.
//!
//! It is in no model: a model has no clock, and a tree in it brings a timer of its own.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::stop::clock::Alarm;
use crate::stop::timer::{Timer, TimerError};

/// The one timer of the process.
#[derive(Debug)]
pub(crate) struct ProcessTimer;

/// When an alarm is to ring; the number tells two of the same moment apart.
type Key = (Instant, u64);

#[derive(Debug)]
struct Queue {
    alarms: BTreeMap<Key, Alarm>,
    numbers: u64,
    has_thread: bool,
    /// When the thread looks again by itself; it need not be woken for anything later.
    looks_at: Option<Instant>,
}

static QUEUE: Mutex<Queue> =
    Mutex::new(Queue { alarms: BTreeMap::new(), numbers: 0, has_thread: false, looks_at: None });
/// Told when an alarm is to ring before the thread looks again by itself.
static CHANGED: Condvar = Condvar::new();

impl Timer for ProcessTimer {
    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        let mut queue = queue();
        if !queue.has_thread {
            thread::Builder::new().name("cease-timer".to_owned()).spawn(run)?;
            queue.has_thread = true;
        }
        let key = (at, queue.numbers);
        queue.numbers += 1;
        queue.alarms.insert(key, alarm);
        if queue.looks_at.is_none_or(|looks_at| at < looks_at) {
            queue.looks_at = Some(at);
            CHANGED.notify_one();
        }
        Ok(Box::new(Setting(key)))
    }

    /// Calls them on a thread of their own, so that no other deadline waits for them.
    fn call(&self, callbacks: Box<dyn FnOnce() + Send>) {
        let shared = std::sync::Arc::new(Mutex::new(Some(callbacks)));
        let taken = std::sync::Arc::clone(&shared);
        let take = |callbacks: &Mutex<Option<Box<dyn FnOnce() + Send>>>| {
            callbacks.lock().unwrap_or_else(PoisonError::into_inner).take()
        };
        let call = move || take(&taken).into_iter().for_each(|callbacks| callbacks());
        if thread::Builder::new().name("cease-callbacks".to_owned()).spawn(call).is_err() {
            // Late is better than never.
            take(&shared).into_iter().for_each(|callbacks| callbacks());
        }
    }
}

/// Takes the alarm back when it is dropped.
struct Setting(Key);

impl Drop for Setting {
    fn drop(&mut self) {
        let alarm = queue().alarms.remove(&self.0);
        // An alarm may be the last one to know its tree, so it is dropped with no lock held.
        drop(alarm);
    }
}

fn run() {
    let mut queue = queue();
    loop {
        let Some(first) = queue.alarms.first_entry() else {
            queue.looks_at = None;
            queue = CHANGED.wait(queue).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let at = first.key().0;
        let left = at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let alarm = first.remove();
            drop(queue);
            alarm.fire();
            drop(alarm);
            queue = self::queue();
        } else {
            queue.looks_at = Some(at);
            queue = CHANGED.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}
