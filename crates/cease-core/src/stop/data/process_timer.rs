//! The timer of the process: the thread `cease-timer`, from the first deadline on, and the threads that call callbacks.
//!
//! # How it works
//!
//! The timer thread marks what is due and wakes those who wait. It calls no callback: [`CallbackThreads`] does.
//!
//! A child of `fork` has none of its parent's threads, and may have a lock that one of them held. So everything here
//! belongs to one process: the first use in another process makes a new timer with locks and a thread of its own, and moves
//! the alarms of the parent's timer into it.
//!
//! # Limits
//!
//! In the rare case that a thread of the parent holds the lock of the timer during the fork, its alarms cannot be moved;
//! each tree then sets its alarm again with the next deadline that it is given in the child.
//! The process is known by its number, which the child of a `clone` into another PID namespace can share with its parent.
//!
//! This file is in no model: a model has no clock, and a tree in it brings a timer of its own.
#![allow(unsafe_code, reason = "a pointer says which timer is that of this process")]

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicU64};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, mem, process, ptr, thread};

use crate::stop::data::callback_threads::{self, CallbackThreads};
use crate::stop::data::timer::{Alarm, Timer, TimerError};

/// The one timer of the process.
#[derive(Debug)]
pub(crate) struct ProcessTimer;

/// How soon the timer thread tries again to start a thread for callbacks, after the operating system refused one.
const RETRY: Duration = Duration::from_millis(20);

/// When an alarm is to fire; the number tells two of the same moment apart.
type Key = (Instant, u64);

/// The numbers of alarms; no two alarms of a process and its forebears have the same.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// The timer that was made last, in this process or in one that it was forked from; null before the first deadline.
static CURRENT: AtomicPtr<Service> = AtomicPtr::new(ptr::null_mut());

/// The timer of one process; never given back.
#[derive(Debug)]
struct Service {
    /// The process that has its threads.
    process: u32,
    queue: Mutex<Queue>,
    /// Notified when an alarm is due before the thread looks again by itself.
    changed: Condvar,
    callbacks: CallbackThreads,
}

#[derive(Debug)]
struct Queue {
    alarms: BTreeMap<Key, Alarm>,
    has_thread: bool,
    /// When the thread looks again by itself; it need not be woken for anything later.
    looks_at: Option<Instant>,
}

impl Timer for ProcessTimer {
    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        let service = Service::here();
        let mut queue = service.lock();
        service.start(&mut queue)?;
        // ORDERING: Relaxed: only the number matters.
        let key = (at, NUMBERS.fetch_add(1, Relaxed));
        queue.alarms.insert(key, alarm);
        if queue.looks_at.is_none_or(|looks_at| at < looks_at) {
            queue.looks_at = Some(at);
            service.changed.notify_one();
        }
        Ok(Box::new(Setting(key)))
    }

    /// Calls them on one of the threads for callbacks, so that no other deadline waits for them.
    fn call(&self, callbacks: Box<dyn FnOnce() + Send>) {
        Service::here().callbacks.call(callbacks);
    }
}

/// Takes the alarm back when it is dropped.
struct Setting(Key);

impl Drop for Setting {
    fn drop(&mut self) {
        let alarm = Service::here().lock().alarms.remove(&self.0);
        // An alarm may be the last one to know its tree, so it is dropped with no lock held.
        drop(alarm);
    }
}

/// Continues the parent's deadlines in a child of `fork`; costs one load in a process without a deadline.
pub(crate) fn resume() {
    if Service::current().is_some() {
        Service::here();
    }
}

impl Service {
    fn current() -> Option<&'static Self> {
        // ORDERING: Acquire pairs with the AcqRel in `make`: the timer is seen as it was made.
        let current = CURRENT.load(Acquire);
        // SAFETY: it is null or came from a box that is never given back.
        unsafe { current.as_ref() }
    }

    /// The timer of this process, made by the first call in it.
    fn here() -> &'static Self {
        let process = process::id();
        loop {
            let current = Self::current();
            match current {
                Some(service) if service.process == process => return service,
                before => {
                    if let Some(service) = Self::make(process, before) {
                        return service;
                    }
                }
            }
        }
    }

    /// Makes the timer of this process, with the alarms of the one before; `None` when another thread was faster.
    #[cold]
    fn make(process: u32, before: Option<&'static Self>) -> Option<&'static Self> {
        let queue = Queue { alarms: BTreeMap::new(), has_thread: false, looks_at: None };
        let service =
            Self { process, queue: Mutex::new(queue), changed: Condvar::new(), callbacks: CallbackThreads::new() };
        let service = Box::into_raw(Box::new(service));
        // SAFETY: it came from a box, which is given back only below, where no other thread has seen it.
        let this: &'static Self = unsafe { &*service };
        // A thread that finds the new timer waits here until the alarms were moved into it.
        let mut queue = this.lock();
        let expected = before.map_or(ptr::null_mut(), |before| ptr::from_ref(before).cast_mut());
        // ORDERING: AcqRel: the Release pairs with the Acquire in `current`; the Acquire is for the one that was faster.
        if CURRENT.compare_exchange(expected, service, AcqRel, Acquire).is_err() {
            drop(queue);
            // SAFETY: it came from a box above, and was not published.
            drop(unsafe { Box::from_raw(service) });
            return None;
        }
        if let Some(before) = before {
            if let Some(mut parents) = callback_threads::try_lock(&before.queue) {
                queue.alarms = mem::take(&mut parents.alarms);
            }
            if !queue.alarms.is_empty() {
                // When it fails, the next deadline that is set tries again, and returns the error.
                let _ = this.start(&mut queue);
            }
            this.callbacks.take_over(&before.callbacks);
        }
        drop(queue);
        Some(this)
    }

    /// Starts the timer thread, unless it runs.
    fn start(&'static self, queue: &mut Queue) -> io::Result<()> {
        if !queue.has_thread {
            thread::Builder::new().name("cease-timer".to_owned()).spawn(|| self.run())?;
            queue.has_thread = true;
        }
        Ok(())
    }

    fn run(&'static self) {
        let mut queue = self.lock();
        loop {
            let stalled = self.callbacks.is_stalled();
            if stalled {
                self.callbacks.start();
            }
            let now = Instant::now();
            if let Some(first) = queue.alarms.first_entry().filter(|first| first.key().0 <= now) {
                let alarm = first.remove();
                drop(queue);
                alarm.fire();
                drop(alarm);
                queue = self.lock();
                continue;
            }
            let first = queue.alarms.first_key_value().map(|(key, _)| key.0);
            queue.looks_at = first.into_iter().chain(stalled.then(|| now + RETRY)).min();
            queue = match queue.looks_at {
                Some(at) => {
                    let waited = self.changed.wait_timeout(queue, at - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
