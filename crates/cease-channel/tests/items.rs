//! Items are handled or handed back: panics, rendezvous, failed spawns, `select!`, and many threads at once.
#![cfg(not(any(loom, shuttle)))]

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use cease_channel::{
    Channel, Consume, Consumers, Receiver, SendUntilStoppedError, TrySendError, bounded, stop_receiver, unbounded,
};
use cease_core::{Checkpoint, Exit, Reason, StopSource};
use crossbeam_channel::{Select, TryRecvError, select};

#[test]
fn many_senders_and_consumers_lose_nothing_at_a_stop() {
    for capacity in [None, Some(0), Some(1), Some(16)] {
        let (sender, receiver) = capacity.map_or_else(unbounded, bounded);
        let handled = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&handled);
        let enough = StopSource::new();
        let told = enough.token();
        let handle = move |item: u32, _: &_| {
            let mut book = book.lock().unwrap();
            book.push(item);
            if book.len() == 500 {
                enough.request();
            }
            Ok(())
        };
        let consumers = Channel::new().consume(3, receiver, StopSource::new(), handle).unwrap();
        let senders: Vec<_> = (0..3)
            .map(|from| {
                let sender = sender.clone();
                thread::spawn(move || {
                    (from..).step_by(3).take_while(|item| sender.send(*item).is_ok()).collect::<Vec<u32>>()
                })
            })
            .collect();
        told.wait().unwrap();
        assert!(consumers.stop());
        let consumed = consumers.join();
        let mut accepted: Vec<_> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        let mut all = handled.lock().unwrap().clone();
        assert_eq!(consumed.handled, all.len() as u64);
        all.extend(consumed.left);
        all.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(all, accepted, "capacity {capacity:?}");
    }
}

/// Blocks until a send waits at `receiver`, which must be the end of a channel without capacity.
fn wait_for_a_waiting_send<T>(receiver: &Receiver<T>) {
    let mut select = Select::new();
    select.recv(receiver);
    assert_eq!(select.ready_timeout(Duration::from_secs(60)), Ok(0), "no send waits");
}

#[test]
fn a_close_wakes_a_send_that_waits() {
    let (sender, receiver) = bounded(0);
    let waiting = sender.clone();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(waiting.send(2).map_err(|error| error.into_inner())));
    wait_for_a_waiting_send(&receiver);
    receiver.close();
    assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(Err(2)));
    assert!(matches!(sender.try_send(3), Err(TrySendError::Closed(3))));
    assert!(sender.is_closed() && receiver.is_closed());
}

#[test]
fn a_closed_channel_is_drained() {
    let (sender, receiver) = bounded(1);
    sender.send(1).unwrap();
    assert!(matches!(sender.try_send(2), Err(TrySendError::Full(2))));
    receiver.close();
    assert_eq!(sender.send(2).unwrap_err().into_inner(), 2);
    assert!(matches!(sender.try_send(3), Err(TrySendError::Closed(3))));
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [1], "what was accepted is still received");
}

#[test]
fn a_panic_of_the_only_consumer_hands_the_rest_back() {
    let (sender, receiver) = unbounded();
    (0..3).for_each(|item| sender.send(item).unwrap());
    let handle = |item, _: &_| if item == 1 { resume_unwind(Box::new("bad item")) } else { Ok(()) };
    let mut consumed = Channel::new().consume(1, receiver, StopSource::new(), handle).unwrap().join();
    assert_eq!((consumed.handled, consumed.left), (1, vec![2]));
    let Some(Exit::Panicked(panic)) = consumed.exits.pop() else { panic!("it panicked") };
    assert_eq!(panic.message(), Some("bad item"));
    assert_eq!(sender.send(3).unwrap_err().into_inner(), 3);
}

#[test]
fn a_clone_of_the_receiver_keeps_what_stopped_consumers_leave() {
    let (sender, receiver) = unbounded();
    let source = StopSource::new();
    source.request();
    sender.send(1).unwrap();
    let consumed = Channel::new().consume(2, receiver.clone(), source, |_, _| Ok(())).unwrap().join();
    assert_eq!((consumed.handled, consumed.left), (0, vec![]));
    assert!(!sender.is_closed());
    assert_eq!(receiver.into_rest(), [1]);
}

#[test]
fn the_sender_takes_the_rest_when_the_receivers_are_gone() {
    let (sender, receiver) = unbounded();
    sender.send(1).unwrap();
    drop(receiver);
    assert!(sender.is_closed());
    assert_eq!(sender.into_rest(), [1]);
}

#[test]
fn consumers_whose_last_source_is_gone_still_drain() {
    let (sender, receiver) = unbounded();
    let handled = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&handled);
    let (done, ended) = mpsc::channel();
    let worker = cease_core::SpawnFn::spawn_fn(&Channel::new(), move |stop| {
        for item in receiver.iter() {
            stop.check()?;
            count.fetch_add(item, Relaxed);
        }
        done.send(()).unwrap();
        Ok(())
    });
    worker.unwrap().detach();
    (1..=3).for_each(|item| sender.send(item).unwrap());
    drop(sender);
    ended.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(handled.load(Relaxed), 6);
}

#[test]
fn a_spawn_that_fails_hands_the_receiver_back() {
    let (sender, receiver) = unbounded();
    sender.send(1).unwrap();
    let channel = Channel::new().stack_size(usize::MAX / 2);
    let source = StopSource::new();
    let error = channel.consume(2, receiver, source.clone(), |_, _| Ok(())).unwrap_err();
    assert_eq!(source.token().reason(), Some(&Reason::PeerFailed));
    assert_eq!(error.to_string(), format!("could not start worker `channel`: {}", error.os_error()));
    let receiver = error.into_job();
    assert!(!receiver.is_closed(), "it is as it was");
    assert_eq!(receiver.into_rest(), [1]);
}

#[test]
#[should_panic = "at least one worker has to handle the items"]
fn no_workers_are_a_panic() {
    let (_sender, receiver) = unbounded::<u32>();
    let _ = Channel::new().consume(0, receiver, StopSource::new(), |_, _| Ok(()));
}

#[test]
fn each_worker_handles_items() {
    let (sender, receiver) = bounded(0);
    let meeting = Arc::new(Barrier::new(3));
    let handle = move |_: u32, _: &_| {
        meeting.wait();
        Ok(())
    };
    let consumers = Channel::new().name("crowd").consume(3, receiver, StopSource::new(), handle).unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        (0..3).for_each(|item| sender.send(item).unwrap());
        drop(sender);
        tell.send(consumers.join()).unwrap();
    });
    let consumed = told.recv_timeout(Duration::from_secs(60)).expect("three workers meet");
    assert_eq!((consumed.handled, consumed.exits.len(), consumed.left), (3, 3, vec![]));
}

/// The join detaches the worker that calls it, and no source is left then: only the drain ends that worker.
#[test]
fn a_worker_that_joins_itself_is_detached_and_drains() {
    let (sender, receiver) = unbounded();
    let slot: Arc<Mutex<Option<Consumers<u32>>>> = Arc::default();
    let own = Arc::clone(&slot);
    let (tell, told) = mpsc::channel();
    let handle = move |item, _: &_| {
        let joined = (item == 1).then(|| own.lock().unwrap().take().unwrap().join());
        tell.send((item, joined)).unwrap();
        Ok(())
    };
    *slot.lock().unwrap() = Some(Channel::new().consume(1, receiver, StopSource::new(), handle).unwrap());
    (1..=3).for_each(|item| sender.send(item).unwrap());
    drop(sender);

    let next = || told.recv_timeout(Duration::from_secs(60));
    let (1, Some(consumed)) = next().unwrap() else { panic!("the first item comes first") };
    assert!(matches!(consumed.exits[..], [Exit::Abandoned]));
    assert_eq!((consumed.handled, consumed.left), (0, vec![]));
    assert!(matches!((next(), next()), (Ok((2, None)), Ok((3, None)))));
    assert!(matches!(next(), Err(mpsc::RecvTimeoutError::Disconnected)), "the worker ends after the drain");
}

#[test]
fn a_stop_receiver_that_is_dropped_leaves_nothing_at_the_token() {
    let source = StopSource::new();
    let receiver = crossbeam_channel::Receiver::clone(&stop_receiver(&source.token()));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected), "the callback and its sending end are gone");
    assert!(!source.is_stop_requested());
}

#[test]
fn errors_say_why_and_show_no_item() {
    let (sender, receiver) = bounded(1);
    sender.send("secret").unwrap();
    let full = sender.try_send("secret").unwrap_err();
    assert_eq!((full.to_string(), format!("{full:?}")), ("the channel is full".into(), "Full(..)".into()));
    receiver.close();
    let closed = sender.try_send("secret").unwrap_err();
    assert_eq!((closed.to_string(), format!("{closed:?}")), ("the channel was closed".into(), "Closed(..)".into()));
    let closed = sender.send("secret").unwrap_err();
    let text = (closed.to_string(), format!("{closed:?}"));
    assert_eq!(text, ("the channel was closed".into(), "SendError { .. }".into()));
    let source = StopSource::new();
    let stop = stop_receiver(&source.token());
    let closed = sender.send_until_stopped("secret", &stop).unwrap_err();
    assert_eq!((closed.to_string(), format!("{closed:?}")), ("the channel was closed".into(), "Closed(..)".into()));
    assert!(std::error::Error::source(&closed).is_none());
    source.request();
    let stopped = sender.send_until_stopped("secret", &stop).unwrap_err();
    assert!(format!("{stopped:?}").starts_with("Stopped(") && !format!("{stopped:?}").contains("secret"));
    assert_eq!(stopped.into_inner(), "secret");
}

#[test]
fn the_stop_of_a_send_goes_before_a_close_and_both_before_room() {
    // A channel that is not biased takes the other one in half of the rounds.
    for _ in 0..100 {
        let source = StopSource::new();
        let stop = stop_receiver(&source.token());
        let (sender, receiver) = bounded(1);
        source.request();
        assert!(matches!(sender.send_until_stopped(1, &stop), Err(SendUntilStoppedError::Stopped(1, _))));
        receiver.close();
        assert!(matches!(sender.send_until_stopped(1, &stop), Err(SendUntilStoppedError::Stopped(1, _))));
        assert_eq!(receiver.into_rest(), []);
    }
}

#[test]
fn stopped_consumers_take_no_item() {
    for _ in 0..100 {
        let (sender, receiver) = unbounded();
        let source = StopSource::new();
        source.request();
        (1..=3).for_each(|item| sender.send(item).unwrap());
        let consumed = Channel::new().consume(1, receiver, source, |_, _| Ok(())).unwrap().join();
        assert_eq!((consumed.handled, consumed.left), (0, vec![1, 2, 3]));
    }
}

#[test]
fn returned_items_come_first_and_in_their_order() {
    let (sender, receiver) = unbounded();
    let source = StopSource::new();
    let asking = source.clone();
    let handle = move |item: u32, _: &_| {
        if item == 3 {
            asking.request();
        }
        Err(item)
    };
    (1..=5).for_each(|item| sender.send(item).unwrap());
    let consumed = Channel::new().consume(1, receiver, source, handle).unwrap().join();
    assert_eq!((consumed.handled, consumed.left), (0, vec![1, 2, 3, 4, 5]));
}

#[test]
fn select_sees_the_stop_beside_items() {
    let source = StopSource::new();
    let stop = stop_receiver(&source.token());
    let (sender, receiver) = unbounded();
    sender.send(1).unwrap();
    select! {
        recv(receiver) -> item => assert_eq!(item, Ok(1)),
        recv(stop) -> _ => panic!("nobody asked"),
    }
    let asking = thread::spawn(move || source.request_with("enough"));
    select! {
        recv(receiver) -> _ => panic!("nothing was sent"),
        recv(stop) -> _ => {}
    }
    assert_eq!(stop.check().unwrap_err().reason(), &Reason::from("enough"));
    assert!(asking.join().unwrap());
}

/// What a consumer does by hand: it handles items until the stop, and keeps what is left.
#[test]
fn a_loop_over_select_handles_until_the_stop_and_keeps_the_rest() {
    let source = StopSource::new();
    let token = source.token();
    let (sender, receiver) = bounded(4);
    let (tell, told) = mpsc::channel();
    let consuming = thread::spawn(move || {
        let stop = stop_receiver(&token);
        let mut handled = Vec::new();
        while stop.check().is_ok() {
            select! {
                recv(receiver) -> item => handled.push(item.unwrap()),
                recv(stop) -> _ => break,
            }
            tell.send(()).unwrap();
        }
        (handled, receiver.into_rest())
    });
    (1..=2).for_each(|item| sender.send(item).unwrap());
    (1..=2).for_each(|_| told.recv_timeout(Duration::from_secs(60)).unwrap());
    source.request();
    let accepted = (3..).take_while(|item| sender.send(*item).is_ok()).collect::<Vec<u32>>();
    let (handled, rest) = consuming.join().unwrap();
    let all: Vec<_> = handled.into_iter().chain(rest).collect();
    assert_eq!(all, [vec![1, 2], accepted].concat());
}

#[test]
fn a_loop_over_select_drains_a_channel_that_was_closed_beside_a_stop_that_never_comes() {
    let source = StopSource::new();
    let stop = stop_receiver(&source.token());
    let (sender, receiver) = unbounded();
    (1..=3).for_each(|item| sender.send(item).unwrap());
    receiver.close();
    let mut handled = Vec::new();
    loop {
        select! {
            recv(receiver) -> item => match item {
                Ok(item) => handled.push(item),
                Err(_) => break,
            },
            recv(stop) -> _ => panic!("nobody asked"),
        }
    }
    assert_eq!(handled, [1, 2, 3]);
}

#[test]
fn a_sender_that_waits_for_room_is_woken_by_its_own_stop_and_keeps_the_item() {
    let source = StopSource::new();
    let token = source.token();
    let (sender, receiver) = bounded(0);
    let (tell, told) = mpsc::channel();
    let sending = thread::spawn(move || {
        let stop = stop_receiver(&token);
        let error = sender.send_until_stopped(2, &stop).unwrap_err();
        tell.send(()).unwrap();
        assert_eq!(error.to_string(), "the sender was stopped before there was room");
        assert!(std::error::Error::source(&error).is_some());
        let SendUntilStoppedError::Stopped(2, stopped) = error else { panic!("{error:?}") };
        assert_eq!(stopped.reason(), &Reason::from("enough"));
        assert!(matches!(sender.send_until_stopped(3, &stop), Err(SendUntilStoppedError::Stopped(3, _))));
    });
    wait_for_a_waiting_send(&receiver);
    source.request_with("enough");
    told.recv_timeout(Duration::from_secs(60)).expect("the stop wakes the send");
    sending.join().unwrap();
    assert_eq!(receiver.into_rest(), [], "what was not accepted is not received");
}

#[test]
fn a_close_ends_a_send_that_is_not_stopped() {
    let source = StopSource::new();
    let token = source.token();
    let (sender, receiver) = bounded(0);
    let waiting = sender.clone();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || tell.send(waiting.send_until_stopped(1, &stop_receiver(&token)).unwrap_err()));
    wait_for_a_waiting_send(&receiver);
    receiver.close();
    let error = told.recv_timeout(Duration::from_secs(60)).expect("the close wakes the send");
    assert_eq!(error.to_string(), "the channel was closed");
    assert!(matches!(error, SendUntilStoppedError::Closed(1)));
    let stop = stop_receiver(&source.token());
    assert!(matches!(sender.send_until_stopped(2, &stop), Err(SendUntilStoppedError::Closed(2))));
    source.request();
    assert!(matches!(sender.send_until_stopped(3, &stop), Err(SendUntilStoppedError::Stopped(3, _))));
}

#[test]
fn a_send_whose_last_source_went_unasked_waits_for_room() {
    let source = StopSource::new();
    let stop = stop_receiver(&source.token());
    drop(source);
    let (sender, receiver) = bounded(0);
    let receiving = thread::spawn(move || receiver.recv());
    assert!(sender.send_until_stopped(1, &stop).is_ok());
    assert_eq!(receiving.join().unwrap(), Ok(1));
}

#[test]
fn many_stopped_senders_lose_nothing_and_send_nothing_twice() {
    let (sender, receiver) = bounded(1);
    let source = StopSource::new();
    let handled = Arc::new(Mutex::new(Vec::new()));
    let (book, asking) = (Arc::clone(&handled), source.clone());
    let handle = move |item: u32, _: &_| {
        let mut book = book.lock().unwrap();
        book.push(item);
        if book.len() == 500 {
            asking.request();
        }
        Ok(())
    };
    let consumers = Channel::new().consume(2, receiver, StopSource::new(), handle).unwrap();
    let senders: Vec<_> = (0..3)
        .map(|from| {
            let (sender, stop) = (sender.clone(), stop_receiver(&source.token()));
            let accepted = move |item: &u32| sender.send_until_stopped(*item, &stop).is_ok();
            thread::spawn(move || (from..).step_by(3).take_while(accepted).collect::<Vec<u32>>())
        })
        .collect();
    let mut accepted: Vec<_> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
    drop(sender);
    let consumed = consumers.join();
    let mut all = handled.lock().unwrap().clone();
    assert_eq!((consumed.handled, consumed.left), (all.len() as u64, vec![]));
    all.sort_unstable();
    accepted.sort_unstable();
    assert_eq!(all, accepted);
}

#[test]
fn a_scoped_worker_borrows_its_channel_and_is_stopped() {
    let (sender, receiver) = unbounded();
    let mut handled = Vec::new();
    let (tell, told) = mpsc::channel();
    let exit = thread::scope(|scope| {
        let worker = Channel::new().spawn_scoped(scope, |stop| -> Result<(), _> {
            loop {
                select! {
                    recv(receiver) -> item => handled.push(item.unwrap()),
                    recv(stop) -> _ => stop.check()?,
                }
                tell.send(()).unwrap();
            }
        });
        let worker = worker.unwrap();
        sender.send(1).unwrap();
        told.recv_timeout(Duration::from_secs(60)).unwrap();
        worker.stop_with("enough");
        worker.join().unwrap()
    });
    assert_eq!(exit.as_stopped().unwrap().reason(), &Reason::from("enough"));
    assert_eq!(handled, [1]);
}

#[test]
fn a_source_that_goes_unasked_is_no_stop() {
    let source = StopSource::new();
    let stop = stop_receiver(&source.token());
    drop(source);
    assert!(!stop.is_stop_requested() && stop.check().is_ok());
    assert!(stop.sleep(Duration::from_millis(1)).is_ok());
}
