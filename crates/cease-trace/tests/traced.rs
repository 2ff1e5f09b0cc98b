//! What is traced does the same as before, and can be stopped.
#![cfg(not(any(loom, shuttle)))]
#![warn(clippy::pedantic)]

use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, Reason, SpawnFn, StopSource, StopToken, Stopped, ThreadBuilder, Worker};
use cease_trace::{Trace, traced};

/// Code that knows nothing of stopping.
#[traced]
mod foreign {
    pub(crate) fn endless(step: u64) -> u64 {
        let mut number = 0_u64;
        loop {
            number = number.wrapping_add(step);
        }
    }

    pub(crate) fn endless_inside(numbers: &[u64]) -> u64 {
        let mut sum = 0_u64;
        while sum < u64::MAX {
            for number in numbers {
                sum = std::hint::black_box(sum.wrapping_add(*number) & 0xffff);
            }
        }
        sum
    }

    /// No machine has the stack, or the time, for what this is called with.
    pub(crate) fn deep(depth: u32) -> u64 {
        if depth == 0 { 1 } else { deep(depth - 1).wrapping_add(deep(depth - 1)) }
    }

    pub(crate) fn in_a_closure() {
        let forever = || while std::hint::black_box(true) {};
        forever();
    }

    pub(crate) struct Machine(pub(crate) u32);

    impl Machine {
        pub(crate) fn run(&mut self) {
            for step in (0..3).cycle() {
                self.0 = self.0.wrapping_add(step);
            }
        }
    }

    pub(crate) trait Drive {
        fn turn(&mut self);

        fn drive(&mut self) {
            loop {
                self.turn();
            }
        }
    }

    impl Drive for Machine {
        fn turn(&mut self) {
            self.0 = self.0.wrapping_add(1);
        }
    }
}

#[traced(every = 1000)]
fn endless_in_blocks() {
    for number in 0_u64.. {
        std::hint::black_box(number);
    }
    for number in 0..=u64::MAX {
        std::hint::black_box(number);
    }
}

/// Starts `work` as a worker, waits until it works, asks for a stop and joins.
fn stop(work: impl FnOnce() + Send + 'static) -> Exit<()> {
    let (begins, begun) = mpsc::channel();
    let worker = Trace::new().spawn_fn(move |_| {
        begins.send(()).expect("somebody waits");
        work();
        Ok(())
    });
    let worker = worker.expect("a thread can be had");
    begun.recv().expect("it begins");
    assert!(worker.stop_with("enough"));
    worker.join().expect("joined from outside")
}

fn assert_stopped(exit: &Exit<()>) {
    assert_eq!(exit.as_stopped().unwrap_or_else(|| panic!("it {}", exit.kind())).reason(), &Reason::from("enough"));
}

#[test]
fn an_endless_loop_is_stopped() {
    assert_stopped(&stop(|| _ = foreign::endless(3)));
    assert_stopped(&stop(|| _ = foreign::endless_inside(&[1, 2, 3])));
    assert_stopped(&stop(foreign::in_a_closure));
    assert_stopped(&stop(|| foreign::Machine(0).run()));
    assert_stopped(&stop(|| foreign::Drive::drive(&mut foreign::Machine(0))));
}

#[test]
fn an_endless_loop_in_blocks_is_stopped() {
    assert_stopped(&stop(endless_in_blocks));
}

#[test]
fn a_recursion_is_stopped() {
    assert_stopped(&stop(|| _ = foreign::deep(64)));
}

#[test]
fn a_stop_before_the_start_is_seen_at_the_entry() {
    #[traced]
    fn enter(entered: &AtomicBool) {
        entered.store(true, Relaxed);
    }

    let entered = Arc::new(AtomicBool::new(false));
    let source = StopSource::new();
    source.request_with("enough");
    let seen = Arc::clone(&entered);
    let worker = Trace::new().spawn_fn_with(
        move |_| {
            enter(&seen);
            Ok(())
        },
        source,
    );
    let worker = worker.unwrap();
    assert_stopped(&worker.join().unwrap());
    assert!(!entered.load(Relaxed));
}

#[test]
fn destructors_run_on_the_way_out() {
    struct Gone(Arc<AtomicU32>);

    impl Drop for Gone {
        fn drop(&mut self) {
            // A checkpoint on the way out goes on.
            let _ = entered();
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[traced]
    fn entered() -> u32 {
        4
    }

    #[traced]
    fn nest(depth: u32, gone: &Arc<AtomicU32>) {
        let _gone = Gone(Arc::clone(gone));
        if depth == 0 {
            loop {}
        }
        nest(depth - 1, gone);
    }

    let gone = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&gone);
    let exit = stop(move || nest(9, &counted));
    assert_stopped(&exit);
    // A stop that comes on the way down finds fewer.
    assert!((0..=10).contains(&gone.load(Relaxed)) && Arc::strong_count(&gone) == 1);
}

/// On such a thread nothing would catch the stop.
#[test]
fn on_a_thread_without_an_edge_it_goes_on() {
    #[traced]
    fn count_until(enough: &AtomicBool, rounds: &AtomicU32) {
        while !enough.load(Relaxed) {
            rounds.fetch_add(1, Relaxed);
        }
    }

    let (enough, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let (its_enough, its_rounds) = (Arc::clone(&enough), Arc::clone(&rounds));
    let run = move |(), _: &_| -> Result<(), Stopped> {
        count_until(&its_enough, &its_rounds);
        Ok(())
    };
    let worker: Worker<()> = ThreadBuilder::new("plain").spawn(StopSource::new(), (), run).unwrap();
    assert!(worker.stop());
    let at_the_stop = rounds.load(Relaxed);
    while rounds.load(Relaxed) < at_the_stop.saturating_add(1000) {
        thread::yield_now();
    }
    enough.store(true, Relaxed);
    assert!(matches!(worker.join(), Ok(Exit::Finished(()))));
}

#[test]
fn a_panic_in_traced_code_is_a_panic() {
    #[traced]
    fn fail() {
        for round in 0.. {
            if round == 5 {
                resume_unwind(Box::new("its own"));
            }
        }
    }

    let job = |_: &StopToken| {
        fail();
        Ok(())
    };
    let worker = Trace::new().spawn_fn(job).unwrap();
    assert_eq!(worker.join().unwrap().into_panic().unwrap().message(), Some("its own"));
}

#[test]
fn a_stop_that_is_swallowed_is_told_with_its_place_and_comes_again() {
    const LINE: u32 = line!() + 3;

    #[traced]
    fn spin() {
        loop {}
    }

    let source = StopSource::new();
    source.request_with("enough");
    let (tell, told) = mpsc::channel();
    let trace = Trace::new().name("stubborn").on_swallowed(move |worker, swallowed| {
        tell.send((worker.to_owned(), swallowed.left_at)).expect("somebody listens");
    });
    let job = |_: &StopToken| -> Result<(), Stopped> {
        assert!(catch_unwind(spin).is_err());
        spin();
        Ok(())
    };
    let worker = trace.spawn_fn_with(job, source).unwrap();
    assert_stopped(&worker.join().unwrap());
    let (worker, left_at) = told.recv().unwrap();
    assert_eq!((worker.as_str(), left_at.line()), ("stubborn", LINE));
    assert!(left_at.file().ends_with("traced.rs"), "{left_at}");
    drop(trace);
    assert!(told.recv().is_err(), "the second one came to the edge");
}

#[test]
fn a_result_of_the_job_counts_as_under_a_flag() {
    let worker = Trace::new().spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
    assert!(worker.stop_with("enough"));
    assert_stopped(&worker.join().unwrap());
}
