//! What a stop that unwinds does to the frames, the guards and the threads on its way.
#![cfg(not(any(loom, shuttle)))]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;
use std::time::Duration;

use cease_core::{
    Checkpoint, Exit, Job, Reason, SpawnFn, StopObserved, StopSource, Stopped, Strategy, Worker, current,
};
use cease_unwind::{Unwind, UnwindStop};

/// Enters its name into a list when it is dropped.
struct Frame(&'static str, Arc<Mutex<Vec<&'static str>>>);

impl Drop for Frame {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
    }
}

/// A recipe, and what it is told of swallowed stops: by whom, why, and the line of the checkpoint.
fn told() -> (Unwind, Receiver<(String, Reason, u32)>) {
    let (tell, told) = channel();
    let unwind = Unwind::new().name("swallower").on_swallowed(move |worker, swallowed| {
        assert!(swallowed.left_at.file().ends_with(file!()));
        let reason = swallowed.stopped.reason().clone();
        tell.send((worker.to_owned(), reason, swallowed.left_at.line())).unwrap();
    });
    (unwind, told)
}

/// Waits for the stop, without leaving.
fn wait(stop: &UnwindStop) {
    stop.token().wait().unwrap();
}

/// Stops `worker`, which must have been left at a checkpoint for this reason.
fn stop<T: std::fmt::Debug>(worker: Worker<T>) {
    worker.stop_with("enough");
    match worker.join().unwrap() {
        Exit::Stopped(stopped) => assert_eq!(stopped.reason(), &Reason::from("enough")),
        Exit::Panicked(panic) => panic.resume(),
        exit => panic!("{exit:?}"),
    }
}

#[test]
fn destructors_run_from_the_inside_out_and_nothing_after_the_checkpoint_does() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let [first, second, third] = ["outer", "inner", "never"].map(|name| Frame(name, Arc::clone(&order)));
    let list = Arc::clone(&order);
    stop(
        Unwind::new()
            .spawn_fn(move |stop| -> Result<(), Stopped> {
                let _outer = first;
                let inside = move || {
                    let _inner = second;
                    wait(stop);
                    let _ = stop.check();
                    third.1.lock().unwrap().push("went on");
                };
                inside();
                Ok(())
            })
            .unwrap(),
    );
    // What the closure has captured goes with its frame, after what was declared in it.
    assert_eq!(*list.lock().unwrap(), ["inner", "never", "outer"]);
}

#[test]
fn a_sleep_leaves_as_soon_as_it_is_asked() {
    stop(Unwind::new().spawn_fn(|stop| stop.sleep(Duration::MAX).map(|()| unreachable!("for ever is long"))).unwrap());
}

#[test]
fn being_told_of_the_stop_is_not_leaving() {
    let worker = Unwind::new().spawn_fn(|stop| {
        wait(stop);
        Ok((stop.is_stop_requested(), current::is_stop_requested(), current::check().is_err()))
    });
    let worker = worker.unwrap();
    worker.stop();
    assert_eq!(worker.join().unwrap().into_finished(), Some((true, true, true)));
}

#[test]
fn a_check_outside_of_a_job_goes_on() {
    cease_unwind::check();
    let source = StopSource::new();
    source.request();
    current::with(&source.token(), cease_unwind::check);
    assert!(current::token().is_none());
}

#[test]
fn a_destructor_on_the_way_out_may_check() {
    struct Checks<'a>(&'a UnwindStop, &'a RefCell<Vec<bool>>);

    impl Drop for Checks<'_> {
        fn drop(&mut self) {
            cease_unwind::check();
            let seen = [self.0.check(), self.0.sleep(Duration::MAX)].map(|checked| checked.is_err());
            self.1.borrow_mut().extend(seen);
        }
    }

    let (tell, told) = channel();
    let worker = Unwind::new().spawn_fn(move |stop| -> Result<(), Stopped> {
        struct Tell(RefCell<Vec<bool>>, std::sync::mpsc::Sender<Vec<bool>>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.1.send(self.0.take()).unwrap();
            }
        }
        let seen = Tell(RefCell::default(), tell);
        let _checks = Checks(stop, &seen.0);
        wait(stop);
        stop.check()
    });
    stop(worker.unwrap());
    assert_eq!(told.recv().unwrap(), [true, true], "they return the stop, and do not leave a second time");
}

#[test]
fn a_panic_of_the_job_stays_one_also_when_its_destructors_check() {
    struct Checks;

    impl Drop for Checks {
        fn drop(&mut self) {
            cease_unwind::check();
        }
    }

    let worker = Unwind::new().spawn_fn(|stop| -> Result<(), Stopped> {
        let _checks = Checks;
        wait(stop);
        resume_unwind(Box::new("a bug"))
    });
    let worker = worker.unwrap();
    worker.stop();
    assert_eq!(worker.join().unwrap().into_panic().unwrap().message(), Some("a bug"));
}

#[test]
fn a_stop_that_is_swallowed_twice_is_told_twice_and_leaves_at_the_third_checkpoint() {
    let (unwind, told) = told();
    let worker = unwind.spawn_fn(|stop| -> Result<(), Stopped> {
        wait(stop);
        for _ in 0..2 {
            assert!(catch_unwind(|| cease_unwind::check()).is_err());
        }
        stop.check()
    });
    stop(worker.unwrap());
    drop(unwind);
    let told: Vec<_> = told.iter().collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(worker, reason, _)| worker == "swallower" && reason == &Reason::from("enough")));
}

#[test]
fn the_checkpoint_that_was_swallowed_is_named() {
    let (unwind, told) = told();
    let worker = unwind.spawn_fn(|stop| -> Result<u32, Stopped> {
        wait(stop);
        let line = line!() + 1;
        drop(catch_unwind(|| stop.check()));
        Ok(line)
    });
    let worker = worker.unwrap();
    worker.stop();
    assert_eq!(worker.join().unwrap().into_finished(), Some(told.recv().unwrap().2), "and who swallows it may finish");
}

#[test]
fn a_payload_that_is_kept_and_raised_again_is_not_swallowed() {
    let (unwind, told) = told();
    let worker = unwind.spawn_fn(|stop| -> Result<(), Stopped> {
        wait(stop);
        let kept = catch_unwind(|| cease_unwind::check()).unwrap_err();
        let later = thread::spawn(move || kept).join().unwrap();
        resume_unwind(later)
    });
    stop(worker.unwrap());
    drop(unwind);
    assert_eq!(told.iter().count(), 0);
}

#[test]
fn a_helper_thread_passes_the_stop_on_to_whoever_joins_it() {
    fn deep() -> ! {
        loop {
            cease_unwind::check();
        }
    }

    let (unwind, told) = told();
    let worker = unwind.spawn_fn(|stop| {
        thread::scope(|scope| {
            let helpers = [(); 2].map(|()| scope.spawn(|| stop.enter(|| deep())));
            // One payload goes on, and the other is dropped, on the thread that joins.
            let [first, second] = helpers.map(|helper| helper.join().unwrap_err());
            drop(first);
            resume_unwind(second)
        })
    });
    stop::<()>(worker.unwrap());
    drop(unwind);
    assert_eq!(told.iter().count(), 0, "its sibling arrived");
}

#[test]
fn a_scope_that_nobody_joins_swallows_the_stop_of_its_threads_and_panics() {
    let (unwind, told) = told();
    let worker = unwind.spawn_fn(|stop| {
        let scope = || thread::scope(|scope| drop(scope.spawn(|| stop.sleep(Duration::MAX))));
        let panicked = catch_unwind(AssertUnwindSafe(scope)).unwrap_err();
        assert_eq!(panicked.downcast_ref(), Some(&"a scoped thread panicked"));
        stop.check()
    });
    stop(worker.unwrap());
    drop(unwind);
    assert_eq!(told.iter().count(), 1);
}

#[test]
fn a_stop_in_the_middle_poisons_a_mutex_as_any_panic_does() {
    let (mutex, written) = (Arc::new(Mutex::new(1)), Arc::new(RwLock::new(1)));
    let (locked, write_locked) = (Arc::clone(&mutex), Arc::clone(&written));
    stop(
        Unwind::new()
            .spawn_fn(move |stop| -> Result<(), Stopped> {
                let mut guard = locked.lock().unwrap();
                let _write_guard = write_locked.write().unwrap();
                wait(stop);
                *guard = 2;
                stop.check()
            })
            .unwrap(),
    );
    assert!(mutex.is_poisoned() && written.is_poisoned());
    assert_eq!(*mutex.lock().unwrap_err().into_inner(), 2, "it is free, and half done work is to be seen in it");
}

#[test]
fn guards_that_do_not_poison_are_released_and_hide_it() {
    thread_local! { static CELL: RefCell<u32> = const { RefCell::new(1) }; }

    let read = Arc::new(RwLock::new(1));
    let locked = Arc::clone(&read);
    let worker = Unwind::new().spawn_fn(move |stop| {
        let _read_guard = locked.read().unwrap();
        wait(stop);
        let halfway = || {
            CELL.with_borrow_mut(|cell| {
                *cell = 2;
                cease_unwind::check();
                *cell = 3;
            });
        };
        let payload = catch_unwind(halfway).unwrap_err();
        assert_eq!(CELL.with_borrow(|cell| *cell), 2, "it can be borrowed, and nothing says that it is half done");
        resume_unwind(payload)
    });
    stop::<()>(worker.unwrap());
    assert!(!read.is_poisoned() && read.try_write().is_ok());
}

#[test]
fn who_lets_go_before_the_check_or_only_asks_poisons_nothing() {
    let mutex = Arc::new(Mutex::new(1));
    let locked = Arc::clone(&mutex);
    stop(
        Unwind::new()
            .spawn_fn(move |stop| -> Result<(), Stopped> {
                let mut guard = locked.lock().unwrap();
                wait(stop);
                *guard = if stop.is_stop_requested() { 0 } else { 3 };
                drop(guard);
                stop.check()
            })
            .unwrap(),
    );
    assert_eq!(*mutex.lock().unwrap(), 0);
}

#[test]
fn a_watched_checkpoint_notes_a_stop_that_unwinds() {
    type Wait = fn(&dyn Checkpoint) -> Result<(), Stopped>;
    struct Watched(StopObserved, Wait);

    impl Job for Watched {
        type Output = ();

        fn run<C: Checkpoint>(self, stop: &C) -> Result<(), Stopped> {
            let stop = self.0.watch(stop);
            (self.1)(&stop)
        }
    }

    let waits: [Wait; 2] = [
        |stop| stop.sleep(Duration::MAX),
        |stop| {
            stop.token().wait().unwrap();
            stop.check()
        },
    ];
    for wait in waits {
        let noticed = StopObserved::default();
        let worker = Unwind::new().spawn(Watched(noticed.clone(), wait)).unwrap();
        assert_eq!(noticed.at(), None);
        stop(worker);
        assert!(noticed.at().is_some());
    }
}

#[test]
fn a_job_that_stops_a_worker_of_its_own_goes_on() {
    let worker = Unwind::new().spawn_fn(|_| {
        let inner = Unwind::new().spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
        inner.stop();
        let exit = inner.join().unwrap();
        cease_unwind::check();
        Ok(exit.as_stopped().is_some())
    });
    assert_eq!(worker.unwrap().join().unwrap().into_finished(), Some(true));
}

#[test]
fn a_guard_that_asks_when_a_worker_fails_does_not_ask_when_it_is_stopped() {
    let peers = |job: fn(&UnwindStop) -> Result<(), Stopped>| {
        let source = StopSource::new();
        let peers = source.token();
        let worker = Unwind::new().on_swallowed(|_, _| ()).spawn_fn(move |stop| {
            let _guard = source.stop_on_panic();
            wait(stop);
            job(stop)
        });
        let worker = worker.unwrap();
        worker.stop();
        (worker.join().unwrap().kind(), peers.reason().cloned())
    };
    assert_eq!(peers(|stop| stop.check()), ("stopped", None));
    assert_eq!(peers(|_| resume_unwind(Box::new("a bug"))), ("panicked", Some(Reason::PeerFailed)));
    let fails_later = |stop: &UnwindStop| {
        drop(catch_unwind(|| stop.check()));
        resume_unwind(Box::new("a bug"))
    };
    assert_eq!(peers(fails_later), ("panicked", Some(Reason::PeerFailed)));
}
