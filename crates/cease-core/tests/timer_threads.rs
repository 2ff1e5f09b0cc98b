//! The timer of the process has a bounded number of threads, and its stops wait for no callback.
#![cfg(not(any(loom, shuttle)))]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{CallbackGuard, Deadline, Reason, StopSource};

const PATIENCE: Duration = Duration::from_secs(60);
/// The number that the documentation of `Timer` promises.
const LIMIT: usize = 4;

/// A gate that holds callbacks back.
#[derive(Default)]
struct Gate {
    state: Mutex<Passed>,
    changed: Condvar,
}

#[derive(Default)]
struct Passed {
    is_open: bool,
    /// How many callbacks have come to the gate.
    arrived: usize,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.arrived += 1;
        self.changed.notify_all();
        drop(self.changed.wait_while(state, |state| !state.is_open).unwrap());
    }

    fn open(&self) {
        self.state.lock().unwrap().is_open = true;
        self.changed.notify_all();
    }

    fn wait_for(&self, arrived: usize) {
        let state = self.state.lock().unwrap();
        let (state, result) =
            self.changed.wait_timeout_while(state, PATIENCE, |state| state.arrived < arrived).unwrap();
        assert!(!result.timed_out(), "{} of {arrived} callbacks came", state.arrived);
    }
}

/// Opens the gate at the end of a test, also of one that fails: dropping a guard waits for its callback.
struct OpenAtEnd(Arc<Gate>);

impl Drop for OpenAtEnd {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Counts the callbacks that run at once.
#[derive(Default)]
struct Running {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Running {
    fn count(&self, callback: impl FnOnce()) {
        // ORDERING: AcqRel: a callback that starts after the end of another one sees the lower count.
        let now = self.now.fetch_add(1, Ordering::AcqRel) + 1;
        // ORDERING: Relaxed: the caller of the test orders its load after this by a message.
        self.most.fetch_max(now, Ordering::Relaxed);
        // Other threads get the processor while this callback runs, so that an excess of threads shows in the count.
        thread::yield_now();
        callback();
        // ORDERING: AcqRel: as above.
        self.now.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tests that count threads of the process run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|error| error.into_inner())
}

/// How many threads of this process have `name`.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // A thread can end between the listing and the look at its name.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|own| own.trim_end() == name).count()
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::yield_now();
    }
}

/// A source with a deadline that is far away, and whose callback stands at the gate.
fn held(gate: &Arc<Gate>) -> (StopSource, Deadline, CallbackGuard) {
    let (source, deadline) = StopSource::with_timeout(PATIENCE * 60).unwrap();
    let gate = Arc::clone(gate);
    let callback = source.token().on_stop(move || {
        // A deadline that was over before it was set stops, and calls, on the thread that sets it.
        if thread::current().name() == Some("cease-callbacks") {
            gate.pass();
        }
    });
    (source, deadline, callback)
}

#[test]
fn thousands_of_callbacks_that_do_not_return_hold_four_threads_and_no_stop() {
    let _alone = alone();
    let gate = Arc::new(Gate::default());
    let many: Vec<_> = (0..3_000).map(|_| held(&gate)).collect();
    let _open = OpenAtEnd(Arc::clone(&gate));
    for (_, deadline, _) in &many {
        deadline.reset(Instant::now() + Duration::from_millis(20)).unwrap();
    }
    for (source, ..) in &many {
        assert_eq!(source.token().wait_timeout(PATIENCE).unwrap().reason(), &Reason::Deadline);
    }
    gate.wait_for(LIMIT);
    assert_eq!((threads("cease-callbacks"), threads("cease-timer")), (LIMIT, 1));

    // A deadline that is set now stops in time too, and its callback waits.
    let (late, deadline, callback) = held(&gate);
    deadline.reset(Instant::now() + Duration::from_millis(50)).unwrap();
    late.token().wait_timeout(PATIENCE).unwrap();
    assert!(callback.unregister(), "it waits, and can be taken back");

    gate.open();
    wait_until("every thread for callbacks has ended", || threads("cease-callbacks") == 0);
    drop(many);
}

#[test]
fn twenty_thousand_deadlines_with_callbacks_are_all_called_by_few_threads() {
    let _alone = alone();
    let (sender, called) = mpsc::channel();
    let running = Arc::new(Running::default());
    let many: Vec<_> = (0..20_000)
        .map(|number| {
            let (source, deadline) = StopSource::with_timeout(PATIENCE * 60).unwrap();
            let sender = sender.clone();
            let running = Arc::clone(&running);
            let callback = source.token().on_stop(move || {
                // A deadline that has passed before it is set calls back on the thread that sets it.
                if thread::current().name() == Some("cease-callbacks") {
                    running.count(|| sender.send(number).unwrap());
                } else {
                    sender.send(number).unwrap();
                }
            });
            (source, deadline, callback)
        })
        .collect();
    for (_, deadline, _) in &many {
        deadline.reset(Instant::now() + Duration::from_millis(20)).unwrap();
    }
    let mut numbers: Vec<usize> = Vec::new();
    while numbers.len() < many.len() {
        numbers.push(called.recv_timeout(PATIENCE).unwrap());
    }
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..many.len()), "each was called once");
    // ORDERING: Relaxed: each callback sends its number after it has raised the count, and the channel orders the two.
    let most = running.most.load(Ordering::Relaxed);
    assert!((1..=LIMIT).contains(&most), "{most} callbacks ran at once");
    wait_until("every thread for callbacks has ended", || threads("cease-callbacks") == 0);
}

/// Two deadlines of one tree pass together, and the callback of the first does not return.
#[test]
fn a_callback_that_does_not_return_holds_up_none_of_another_deadline_while_a_thread_is_free() {
    let _alone = alone();
    let gate = Arc::new(Gate::default());
    let top = StopSource::new();
    let due = Instant::now() + Duration::from_millis(50);
    let (first, _first) = top.child_with_deadline(due).unwrap();
    let (second, _second) = top.child_with_deadline(due).unwrap();
    let at_gate = Arc::clone(&gate);
    let _held = first.token().on_stop(move || {
        if thread::current().name() == Some("cease-callbacks") {
            at_gate.pass();
        }
    });
    let _open = OpenAtEnd(Arc::clone(&gate));
    let (sender, called) = mpsc::channel();
    let _callback = second.token().on_stop(move || sender.send(()).unwrap());
    called.recv_timeout(PATIENCE).unwrap();
}
