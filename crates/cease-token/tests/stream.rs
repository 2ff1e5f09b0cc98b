//! Streams that end with a stop: which end it was, and that no item is lost.
#![cfg(not(any(loom, shuttle)))]

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use cease_core::{Reason, StopSource};
use cease_token::StopStreamExt;
use futures_core::stream::{FusedStream, Stream};
use futures_util::{StreamExt, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn poll_once<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

fn runtimes() -> [Runtime; 2] {
    [Builder::new_current_thread().build().unwrap(), Builder::new_multi_thread().worker_threads(2).build().unwrap()]
}

/// A channel as a stream.
fn items<T>(mut receiver: UnboundedReceiver<T>) -> impl Stream<Item = T> + Unpin {
    stream::poll_fn(move |context| receiver.poll_recv(context))
}

#[test]
fn a_stream_that_ends_by_itself_was_not_stopped() {
    let source = StopSource::new();
    let mut numbers = pin!(stream::iter([1, 2]).until_stopped(&source.token()));
    assert_eq!(numbers.size_hint(), (0, Some(2)));
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(Some(1)));
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(Some(2)));
    assert!(!numbers.is_terminated());
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(None));
    source.request();
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(None));
    assert!(numbers.is_terminated() && numbers.stopped().is_none(), "a stop after the end changes nothing");
    assert_eq!(numbers.size_hint(), (0, Some(0)));
}

#[test]
fn a_stream_that_has_ended_is_not_polled_again() {
    let polls = Cell::new(0);
    let end = || {
        stream::poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::Ready(None::<()>)
        })
    };
    let source = StopSource::new();
    let mut ended = pin!(end().until_stopped(&source.token()));
    assert!([(); 3].map(|()| poll_once(ended.as_mut())).iter().all(Poll::is_ready));
    assert_eq!(polls.get(), 1);
    source.request();
    let mut stopped = pin!(end().until_stopped(&source.token()));
    assert!([(); 3].map(|()| poll_once(stopped.as_mut())).iter().all(Poll::is_ready));
    assert_eq!(polls.get(), 1, "on a token that is stopped, not even once");
    assert!(stopped.stopped().is_some());
}

#[test]
fn a_stream_that_is_always_ready_cannot_starve_the_stop() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let source = StopSource::new();
            let mut numbers = pin!(stream::repeat(()).until_stopped(&source.token()));
            let asking = thread::spawn(move || source.request());
            while numbers.next().await.is_some() {}
            assert!(numbers.stopped().is_some() && asking.join().unwrap());
        });
    }
}

#[test]
fn a_stop_wakes_a_task_that_waits_for_an_item() {
    for runtime in runtimes() {
        runtime.block_on(async {
            let source = StopSource::new();
            let (sender, receiver) = unbounded_channel();
            let mut numbers = Box::pin(items(receiver).until_stopped(&source.token()));
            sender.send(1).unwrap();
            assert_eq!(numbers.next().await, Some(1));
            assert!(poll_once(numbers.as_mut()).is_pending());
            let waiting = runtime.spawn(async move {
                let next = numbers.next().await;
                (next, numbers.stopped().map(|stopped| stopped.reason().clone()))
            });
            source.request_with("now");
            assert_eq!(waiting.await.unwrap(), (None, Some(Reason::from("now"))));
            assert!(sender.is_closed(), "the stream was dropped with the task");
        });
    }
}

#[test]
fn an_item_that_comes_with_the_stop_is_handed_on() {
    let source = StopSource::new();
    let mut numbers = pin!(
        stream::poll_fn(|_| {
            source.request();
            Poll::Ready(Some(7))
        })
        .until_stopped(&source.token())
    );
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(Some(7)));
    assert_eq!(poll_once(numbers.as_mut()), Poll::Ready(None));
    assert!(numbers.stopped().is_some());
}

#[test]
fn a_stop_while_the_stream_says_that_it_has_nothing_ends_it() {
    let source = StopSource::new();
    let nothing = stream::poll_fn(|_| {
        source.request();
        Poll::<Option<()>>::Pending
    });
    let mut nothing = pin!(nothing.until_stopped(&source.token()));
    assert_eq!(poll_once(nothing.as_mut()), Poll::Ready(None));
    assert!(nothing.stopped().is_some());
}

#[test]
fn what_was_not_taken_is_still_there() {
    futures_executor::block_on(async {
        let source = StopSource::new();
        let (sender, receiver) = unbounded_channel();
        let mut all = items(receiver);
        (0..10).for_each(|number| sender.send(number).unwrap());
        let mut taken = Vec::new();
        {
            let mut until = pin!((&mut all).until_stopped(&source.token()));
            while let Some(number) = until.next().await {
                taken.push(number);
                if number == 4 {
                    source.request();
                }
            }
            assert!(until.stopped().is_some());
        }
        drop(sender);
        let left: Vec<_> = all.collect().await;
        assert_eq!((taken, left), ((0..5).collect(), (5..10).collect()), "none lost, none twice");
    });
}

/// Several senders, several polls that are given up, and a stop in between: who sent it sees it taken or left.
#[test]
fn dropping_a_wait_for_the_next_item_loses_none() {
    for runtime in runtimes() {
        runtime.block_on(async {
            const ITEMS: usize = 1000;
            let source = StopSource::new();
            let (sender, receiver) = unbounded_channel();
            let mut all = items(receiver);
            let sending = runtime.spawn(async move {
                for number in 0..ITEMS {
                    sender.send(number).unwrap();
                    tokio::task::yield_now().await;
                }
            });
            let mut taken = Vec::new();
            {
                let mut until = pin!((&mut all).until_stopped(&source.token()));
                loop {
                    tokio::select! {
                        next = until.next() => match next {
                            Some(number) => taken.push(number),
                            None => break,
                        },
                        () = tokio::task::yield_now() => {}
                    }
                    if taken.len() == ITEMS / 2 {
                        source.request();
                    }
                }
                assert!(until.stopped().is_some());
            }
            sending.await.unwrap();
            taken.extend(all.collect::<Vec<_>>().await);
            assert_eq!(taken, (0..ITEMS).collect::<Vec<_>>());
        });
    }
}

#[test]
fn a_token_that_can_never_stop_lets_the_stream_end_by_itself() {
    let source = StopSource::new();
    let (bell, waker) = bell();
    let (sender, receiver) = unbounded_channel();
    let mut numbers = pin!(items(receiver).until_stopped(&source.token()));
    assert!(numbers.as_mut().poll_next(&mut Context::from_waker(&waker)).is_pending());
    drop(source);
    assert_eq!(bell.0.load(Relaxed), 1, "it is told, and finds nothing to wait for");
    assert!(numbers.as_mut().poll_next(&mut Context::from_waker(&waker)).is_pending());
    sender.send(1).unwrap();
    drop(sender);
    let rest = futures_executor::block_on(async {
        let mut rest = Vec::new();
        while let Some(number) = numbers.next().await {
            rest.push(number);
        }
        rest
    });
    assert_eq!((rest, numbers.stopped().is_none()), (vec![1], true));
}

#[test]
fn a_stream_that_has_ended_waits_for_no_stop() {
    let source = StopSource::new();
    let (bell, waker) = bell();
    let mut left = 1;
    let ends = stream::poll_fn(|_| {
        left -= 1;
        if left < 0 { Poll::Ready(None::<()>) } else { Poll::Pending }
    });
    let mut ends = pin!(ends.until_stopped(&source.token()));
    let mut context = Context::from_waker(&waker);
    assert!(ends.as_mut().poll_next(&mut context).is_pending());
    assert!(ends.as_mut().poll_next(&mut context).is_ready());
    source.request();
    assert_eq!(bell.0.load(Relaxed), 0);
}

#[test]
fn a_stream_can_be_selected_on_with_others() {
    futures_executor::block_on(async {
        let source = StopSource::new();
        let numbers = stream::iter(0..3).chain(stream::pending()).until_stopped(&source.token());
        let letters = stream::iter(["a", "b"]).chain(stream::pending()).until_stopped(&source.token());
        let mut both = pin!(stream::select(numbers.map(|_| 1), letters.map(|_| 1)));
        let mut seen = 0;
        while seen < 5 {
            seen += both.next().await.unwrap();
        }
        assert!(poll_fn(|context| Poll::Ready(both.as_mut().poll_next(context))).await.is_pending());
        source.request();
        assert_eq!(both.next().await, None);
    });
}

fn bell() -> (Arc<Bell>, Waker) {
    let bell = Arc::new(Bell::default());
    (Arc::clone(&bell), Waker::from(bell))
}
