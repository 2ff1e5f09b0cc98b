//! A wait in async code allocates nothing, which an allocator that counts holds it to.
#![cfg(not(any(loom, shuttle)))]
#![allow(unsafe_code, reason = "an allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use cease_core::{StopSource, StopToken};

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
