//! An allocator that counts: a wait in async code allocates nothing, and deadlines that end leave no memory behind.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cease_core::{Alarm, StopSource, StopToken, Timer, TimerError};

thread_local! {
    /// How often this thread has allocated; the test's own thread, so that nobody else's allocations count.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, which counts how often it is asked.
struct Counting;

// SAFETY: every call goes to the system's allocator with the same arguments, and its answer is returned unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Polls `future` once with the waker of the task.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

async fn waits(token: &StopToken) {
    let mut borrowed = pin!(token.stopped());
    let mut owned = pin!(token.clone().stopped_owned());
    let mut works = pin!(token.run_until_stopped(std::future::pending::<()>()));
    for _ in 0..3 {
        assert!(poll_once(borrowed.as_mut()).await.is_pending());
        assert!(poll_once(owned.as_mut()).await.is_pending());
        assert!(poll_once(works.as_mut()).await.is_pending());
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_wait_allocates_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let source = StopSource::new();
        let token = source.token();
        // The runtime makes itself comfortable in the first round.
        waits(&token).await;
        let before = ALLOCATIONS.get();
        for _ in 0..100 {
            waits(&token).await;
        }
        assert_eq!(ALLOCATIONS.get(), before, "a wait that is given up");

        let mut until = pin!(token.stopped());
        assert!(poll_once(until.as_mut()).await.is_pending());
        source.request();
        let before = ALLOCATIONS.get();
        assert!(until.await.is_ok() && token.stopped().await.is_ok());
        assert!(token.run_until_stopped(std::future::ready(())).await.is_err());
        assert_eq!(ALLOCATIONS.get(), before, "a wait that ends with the stop");

        let before = ALLOCATIONS.get();
        drop(Box::new(1));
        assert_eq!(ALLOCATIONS.get(), before + 1, "allocations are counted");
    });
}

/// A timer that never fires.
struct Never;

impl Timer for Never {
    fn set(&self, _at: Instant, _alarm: Alarm) -> Result<Box<dyn Send>, TimerError> {
        Ok(Box::new(()))
    }
}

/// The place of a deadline is used again: otherwise the table of a source that lives long grows with each child.
#[test]
fn children_with_deadlines_that_end_leave_no_memory_behind() {
    let top = StopSource::with_timer(Arc::new(Never));
    let allocations_of_a_child = || {
        let before = ALLOCATIONS.get();
        drop(top.child_with_timeout(Duration::from_secs(3600)).unwrap());
        ALLOCATIONS.get() - before
    };
    // The first child makes the table.
    allocations_of_a_child();
    let usual = allocations_of_a_child();
    assert!(usual > 0, "a child is allocated");
    for round in 0..1_000 {
        assert_eq!(allocations_of_a_child(), usual, "child {round}");
    }
}
