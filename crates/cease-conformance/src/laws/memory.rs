//! Laws about memory that is reached, and given back, by several threads: L2, L15 and L18.

use cease_core::sync::{Arc, Counted, Mutex, UnsafeCell, lock, thread};
use cease_core::{CallbackGuard, Reason, StopSource, Strategy};

use crate::Act;
use crate::by_hand::ByHand;

/// L2: a thread that has never polled the token reads its reason, whole or not at all.
pub fn l2_the_reason_needs_no_poll(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let token = source.token();
    let reading = thread::spawn(move || token.reason().cloned());
    source.request_with("asked");
    let read = reading.join().expect("reading does not panic");
    assert!(read.is_none_or(|read| read == Reason::from("asked")), "L2: a reason that is not the request's was read");
}

/// L15: a thread that has never polled reads the reason of a deadline just as that passes, whole or not at all.
pub fn l15_the_reason_of_a_deadline_is_whole(_: &dyn Strategy<Act>) {
    let clock = ByHand::new();
    let top = StopSource::with_timer(clock.clone());
    let (source, _deadline) = top.child_with_deadline(clock.hour(1)).expect("the law brings a timer");
    let token = source.token();
    let reading = thread::spawn(move || token.reason().cloned());
    clock.ring_at(1);
    let read = reading.join().expect("reading does not panic");
    assert!(read.is_none_or(|read| read == Reason::Deadline), "L15: a reason that is not the deadline's was read");
    assert!(source.is_stop_requested(), "L15: the deadline has passed, and did not stop");
}

/// L18: the last handle of a root goes just as its deadline passes, and the root is given back once.
pub fn l18_a_root_goes_as_its_deadline_passes(_: &dyn Strategy<Act>) {
    let clock = ByHand::new();
    let root = StopSource::with_timer(clock.clone());
    assert!(root.shorten_deadline(clock.hour(1)).expect("the law brings a timer"), "L15: a first deadline is nearer");
    let dropping = thread::spawn(move || drop(root));
    clock.ring_at(1);
    dropping.join().expect("dropping does not panic");
}

/// L18: a callback drops its own guard, and one is unregistered while it runs; their frames are given back.
pub fn l18_a_callback_left_while_it_runs_leaves_nothing(_: &dyn Strategy<Act>) {
    let source = StopSource::new();
    let own: Arc<Mutex<Option<CallbackGuard>>> = Arc::new(Mutex::new(None));
    let inside = Arc::clone(&own);
    let guard = source.token().on_stop(move || drop(lock(&inside).take()));
    *lock(&own) = Some(guard);
    let other = source.token().on_stop(|| ());
    let asked = source.clone();
    let asking = thread::spawn(move || asked.request());
    let _ = other.unregister();
    asking.join().expect("asking does not panic");
    assert!(lock(&own).is_none(), "L18: the run is not the one that is counted");
}

/// Reads and writes a cell at each end, so that a model sees who touches it too late.
struct Touched(UnsafeCell<u32>);

#[allow(unsafe_code, reason = "a cell that a count guards")]
// SAFETY: it is read by those who have a handle, and written by the one who has the last.
unsafe impl Sync for Touched {}

impl Touched {
    #[allow(unsafe_code, reason = "a cell that a count guards")]
    fn read(&self) -> u32 {
        // SAFETY: it is written by the only handle, and this is one.
        self.0.with(|value| unsafe { *value })
    }

    #[allow(unsafe_code, reason = "a cell that a count guards")]
    fn write(&mut self) {
        // SAFETY: the reference is exclusive.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        self.write();
    }
}

/// L18: the count of handles orders each touch before the drop by the last handle, and before the look at the only one.
pub fn l18_the_count_orders_every_touch(_: &dyn Strategy<Act>) {
    let counted = Counted::new(Touched(UnsafeCell::new(0)));
    let (other, mut alone) = (counted.clone(), counted.clone());
    let reading = thread::spawn(move || other.read());
    // The look at the count is in the thread that loom starts last: it forgets an earlier load of a thread when another
    // thread loads the same atomic before it changes it.
    let writing = thread::spawn(move || {
        if let Some(alone) = alone.get_mut() {
            alone.write();
        }
        alone.read()
    });
    counted.read();
    drop(counted);
    reading.join().expect("reading does not panic");
    writing.join().expect("writing does not panic");
}
