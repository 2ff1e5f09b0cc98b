//! A clock that a test moves on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cease_core::{Alarm, Timer, TimerError};

/// The alarms that are set, by number.
pub(crate) type Alarms = BTreeMap<usize, (Instant, Alarm)>;

/// Time that passes when it is told to.
pub(crate) struct ByHand {
    now: Mutex<Instant>,
    pub(crate) alarms: Arc<Mutex<Alarms>>,
    numbers: AtomicUsize,
}

/// Takes the alarm back when it is dropped.
struct Setting(usize, Arc<Mutex<Alarms>>);

impl Drop for Setting {
    fn drop(&mut self) {
        self.1.lock().unwrap().remove(&self.0);
    }
}

impl ByHand {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(Instant::now()), alarms: Arc::default(), numbers: AtomicUsize::new(0) })
    }

    /// Moves the clock on, and rings what is due then.
    pub(crate) fn pass(&self, time: Duration) {
        let now = {
            let mut now = self.now.lock().unwrap();
            *now += time;
            *now
        };
        let alarms = self.alarms.lock().unwrap();
        let due: Vec<_> = alarms.values().filter(|(at, _)| *at <= now).map(|(_, alarm)| alarm.clone()).collect();
        drop(alarms);
        due.iter().for_each(Alarm::fire);
    }
}

impl Timer for ByHand {
    fn now(&self) -> Instant {
        *self.now.lock().unwrap()
    }

    fn set(&self, at: Instant, alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        self.alarms.lock().unwrap().insert(number, (at, alarm));
        Ok(Box::new(Setting(number, Arc::clone(&self.alarms))))
    }
}
