//! A clock that a law moves on: a model has no other.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cease_core::{Alarm, Timer, TimerError};

/// Time that passes when it is told to; its locks are of no interest to a model, and nothing happens under them.
#[derive(Debug)]
pub(crate) struct ByHand {
    start: Instant,
    now: Mutex<Instant>,
    alarms: Arc<Mutex<Vec<Option<Alarm>>>>,
}

/// Takes the alarm back when it is dropped.
struct Setting(usize, Arc<Mutex<Vec<Option<Alarm>>>>);

impl Drop for Setting {
    fn drop(&mut self) {
        let alarm = self.1.lock().unwrap_or_else(PoisonError::into_inner)[self.0].take();
        drop(alarm);
    }
}

impl ByHand {
    pub(crate) fn new() -> Arc<Self> {
        let start = Instant::now();
        Arc::new(Self { start, now: Mutex::new(start), alarms: Arc::default() })
    }

    /// The moment that lies so many hours after the beginning.
    pub(crate) fn hour(&self, hours: u32) -> Instant {
        self.start + Duration::from_secs(3600) * hours
    }

    /// Moves the clock on to that hour, and rings every alarm that is set, which an alarm must bear.
    pub(crate) fn ring_at(&self, hours: u32) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = self.hour(hours);
        let alarms: Vec<_> =
            self.alarms.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten().cloned().collect();
        alarms.iter().for_each(Alarm::fire);
    }
}

impl Timer for ByHand {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, _at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.push(Some(alarm));
        Ok(Box::new(Setting(alarms.len() - 1, Arc::clone(&self.alarms))))
    }
}
