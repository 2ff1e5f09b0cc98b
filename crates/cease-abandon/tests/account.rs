//! What is left behind is in the account until it ends: named, looked at, capped, and taken off.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cease_abandon::{Abandon, AbandonedThread, AbandonedThreads, LateEnd, LateExit, Noting};
use cease_core::{Checkpoint, Exit, JoinError, Reason, SpawnFn, StopSource, Stopped, ThreadBuilder, Worker};
use cease_os::threads::Doing;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(60);
/// A grace that no test waits for, and that is not endless.
const LONG: Duration = Duration::from_secs(3600);

fn at_once(account: &AbandonedThreads) -> Abandon {
    Abandon::new().grace(Duration::ZERO).account(account)
}

/// A worker that is deaf until the sender is dropped, and what it says when it begins.
fn deaf(abandon: &Abandon) -> (Worker<u32>, Sender<()>) {
    let (release, held) = mpsc::channel::<()>();
    let (say, begun) = mpsc::channel();
    let worker = abandon.spawn_fn(move |stop| {
        stop.check()?;
        say.send(()).unwrap();
        let _ = held.recv();
        Ok(7)
    });
    let worker = worker.unwrap();
    begun.recv_timeout(PATIENCE).unwrap();
    (worker, release)
}

fn abandon(worker: Worker<u32>) {
    worker.stop();
    assert!(matches!(worker.join(), Ok(Exit::Abandoned)));
}

/// Looks at the only thread that is left until it does what is wanted.
fn until(account: &AbandonedThreads, wanted: impl Fn(&Doing) -> bool) -> AbandonedThread {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = account.abandoned().pop().unwrap();
        let doing = left.watch(Duration::from_millis(10)).unwrap();
        if doing.as_ref().is_some_and(&wanted) {
            return left;
        }
        assert!(Instant::now() < deadline, "it is {doing:?}");
        thread::yield_now();
    }
}

/// A recipe that passes late ends on.
fn reporting(account: &AbandonedThreads) -> (Abandon, Receiver<LateEnd>) {
    let (tell, told) = mpsc::channel();
    (at_once(account).on_late_end(move |end| tell.send(end).unwrap()), told)
}

#[test]
fn a_thread_that_spins_is_named_with_all_that_is_known() {
    let account = AbandonedThreads::new();
    let leave = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&leave);
    let (say, begun) = mpsc::channel();
    let spin = move |stop: &Noting| {
        (0..3).try_for_each(|_| stop.check())?;
        say.send(thread::current().id()).unwrap();
        while !seen.load(Relaxed) {
            std::hint::spin_loop();
        }
        Ok(())
    };
    let worker = at_once(&account).name("hash-7").stack_size(1 << 20).spawn_fn(spin).unwrap();
    let id = begun.recv_timeout(PATIENCE).unwrap();
    worker.stop_with("shutting down");
    assert!(matches!(worker.join(), Ok(Exit::Abandoned)));

    let left = until(&account, |doing| matches!(doing, Doing::Spinning { .. }));
    assert_eq!((left.name(), left.std_thread()), ("hash-7", Some(id)));
    assert_eq!(left.asked().reason(), &Reason::from("shutting down"));
    let state = left.look().unwrap().unwrap();
    assert_eq!((state.name.as_deref(), state.letter), (Some("hash-7"), Some('R')));
    let stack = left.stack().unwrap().unwrap();
    assert!(stack.size >= 1 << 20 && stack.resident.unwrap() > 0);
    let passed = left.passed().unwrap();
    assert_eq!(passed.count, 3);
    // The coarse clock is read at both ends, and is behind by some milliseconds at each.
    assert!(passed.last + Duration::from_millis(50) >= left.since().elapsed());

    let line = account.to_string();
    let thread = format!("`hash-7` (thread {}), left for ", left.thread().unwrap());
    assert!(line.starts_with(&thread), "{line}");
    for part in
        ["requested: shutting down", ": running; passed 3 checkpoints, the last ", "; a stack of ", " in memory"]
    {
        assert!(line.contains(part), "no {part:?} in {line}");
    }
    leave.store(true, Relaxed);
    account.wait_timeout(PATIENCE).unwrap();
    assert_eq!(account.to_string(), "nothing is left");
    assert_eq!(account.total(), 1);
}

#[test]
fn a_thread_that_reads_from_a_socket_is_named_with_the_call_and_the_descriptor() {
    let account = AbandonedThreads::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut reading = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (writing, _) = listener.accept().unwrap();
    let worker = at_once(&account).spawn_fn(move |_| Ok(u32::from(reading.read(&mut [0]).is_ok()))).unwrap();
    abandon(worker);
    let left = until(&account, |doing| matches!(doing, Doing::Blocked(_)));
    assert!(left.to_string().contains("; passed no checkpoint"), "{left}");
    let Some(Doing::Blocked(call)) = left.watch(Duration::ZERO).unwrap() else { panic!("it is blocked") };
    assert!(matches!(call.name, Some("recvfrom" | "read")), "{call}");
    let open_on = call.descriptor.unwrap().open_on.unwrap();
    assert!(open_on.to_str().unwrap().starts_with("socket:"), "{open_on:?}");
    drop(writing);
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_thread_that_ends_late_takes_itself_off_and_tells_how() {
    let account = AbandonedThreads::new();
    let (recipe, told) = reporting(&account);
    let end = |run: fn(&Noting) -> Result<u32, Stopped>| {
        let (release, held) = mpsc::channel::<()>();
        let late = move |stop: &Noting| {
            let _ = held.recv();
            run(stop)
        };
        abandon(recipe.clone().name("late").spawn_fn(late).unwrap());
        assert_eq!(account.len(), 1);
        drop(release);
        let end = told.recv_timeout(PATIENCE).unwrap();
        assert_eq!(end.name, "late");
        assert!(account.is_empty(), "it is off the list before it tells");
        end.exit
    };
    assert!(matches!(end(|_| Ok(7)), LateExit::Finished));
    let LateExit::Stopped(stopped) = end(|stop| stop.check().map(|()| 7)) else { panic!("it left at its checkpoint") };
    assert_eq!(stopped.reason(), &Reason::Requested(None));
    let LateExit::Panicked(panic) = end(|_| resume_unwind(Box::new("late panic"))) else { panic!("it panicked") };
    assert_eq!(panic.message(), Some("late panic"));
}

#[test]
fn a_value_that_panics_when_nobody_takes_it_is_told_of_as_a_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("dropped"));
        }
    }
    let account = AbandonedThreads::new();
    let (recipe, told) = reporting(&account);
    let (release, held) = mpsc::channel::<()>();
    let worker = recipe.spawn_fn(move |_| Ok(held.recv().map_or(Bomb, |()| Bomb))).unwrap();
    worker.stop();
    drop(worker);
    drop(release);
    let LateExit::Panicked(panic) = told.recv_timeout(PATIENCE).unwrap().exit else { panic!("it panicked") };
    assert_eq!(panic.message(), Some("dropped"));
}

#[test]
fn a_report_that_panics_harms_nobody() {
    let account = AbandonedThreads::new();
    let recipe = at_once(&account).on_late_end(|_| resume_unwind(Box::new("the report's own")));
    for _ in 0..2 {
        let (worker, release) = deaf(&recipe);
        abandon(worker);
        drop(release);
        account.wait_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn at_the_cap_the_next_worker_is_waited_for_until_there_is_room() {
    let account = AbandonedThreads::new();
    let recipe = at_once(&account).cap(1);
    let (first, release_first) = deaf(&recipe);
    let (second, release_second) = deaf(&recipe);
    let (third, release_third) = deaf(&recipe);
    abandon(first);
    second.stop();
    third.stop();
    let still_running = second.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(still_running, JoinError::StillRunning(_)));
    assert_eq!((account.len(), account.total()), (1, 1));
    // One that ends while it is waited for has its own exit.
    drop(release_third);
    assert!(matches!(third.join(), Ok(Exit::Finished(7))));
    // And one that does not is let go of as soon as there is room.
    drop(release_first);
    assert!(matches!(still_running.into_worker().join(), Ok(Exit::Abandoned)));
    assert_eq!((account.len(), account.total()), (1, 2));
    drop(release_second);
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn with_a_cap_of_zero_nobody_is_let_go_of() {
    let account = AbandonedThreads::new();
    let (worker, release) = deaf(&at_once(&account).cap(0));
    worker.stop();
    let worker = worker.join_timeout(Duration::ZERO).unwrap_err().into_worker();
    drop(release);
    assert!(matches!(worker.join(), Ok(Exit::Finished(7))));
    assert_eq!(account.total(), 0);
}

#[test]
fn without_a_stop_nobody_is_let_go_of() {
    let account = AbandonedThreads::new();
    let (worker, release) = deaf(&at_once(&account));
    let worker = worker.join_timeout(Duration::from_millis(1)).unwrap_err().into_worker();
    assert!(account.is_empty());
    drop(release);
    assert!(matches!(worker.join(), Ok(Exit::Finished(7))));
}

#[test]
fn a_job_that_ends_within_its_grace_has_its_own_exit() {
    let account = AbandonedThreads::new();
    let recipe = Abandon::new().grace(LONG).account(&account);
    let worker = recipe.spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
    worker.stop_with("enough");
    assert_eq!(worker.join().unwrap().as_stopped().unwrap().reason(), &Reason::from("enough"));
    let (worker, release) = deaf(&recipe);
    worker.stop();
    drop(release);
    assert!(matches!(worker.join(), Ok(Exit::Finished(7))));
    assert_eq!(account.total(), 0);
}

#[test]
fn the_grace_ends_for_everybody_who_waits_and_counts_from_the_stop() {
    let account = AbandonedThreads::new();
    let grace = Duration::from_millis(20);
    let (worker, release) = deaf(&Abandon::new().grace(grace).account(&account));
    let ended = worker.ended().clone();
    let asked = Instant::now();
    worker.stop();
    assert_eq!(ended.wait().unwrap().reason(), &Reason::Deadline, "nobody joins, and it is let go of all the same");
    assert!(asked.elapsed() >= grace && worker.is_finished());
    assert_eq!(account.len(), 1);
    assert!(matches!(worker.join_timeout(Duration::ZERO), Ok(Exit::Abandoned)), "its grace is over already");
    drop(release);
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_worker_that_is_dropped_is_asked_given_its_grace_and_let_go_of() {
    let account = AbandonedThreads::new();
    let (worker, release) = deaf(&Abandon::new().grace(Duration::from_millis(10)).account(&account));
    drop(worker);
    let left = account.abandoned().pop().unwrap();
    assert_eq!(left.asked().reason(), &Reason::OwnerDropped);
    drop(release);
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_worker_that_is_dropped_inside_itself_is_accounted_for() {
    let account = AbandonedThreads::new();
    let own: Arc<Mutex<Option<Worker<()>>>> = Arc::default();
    let (slot, entered) = (Arc::clone(&own), account.clone());
    let (put, arrived) = mpsc::channel::<()>();
    let (say, said) = mpsc::channel();
    let drops_itself = move |stop: &Noting| {
        arrived.recv().unwrap();
        drop(slot.lock().unwrap().take());
        say.send((stop.is_stop_requested(), entered.len())).unwrap();
        Ok(())
    };
    *own.lock().unwrap() = Some(at_once(&account).spawn_fn(drops_itself).unwrap());
    put.send(()).unwrap();
    assert_eq!(said.recv_timeout(PATIENCE).unwrap(), (true, 1));
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_detached_worker_is_entered_once_it_does_not_obey_a_stop() {
    let account = AbandonedThreads::new();
    let (worker, release) = deaf(&at_once(&account));
    let source = worker.source().clone();
    worker.detach();
    assert!(account.is_empty(), "whoever detached it asked for nothing");
    source.request();
    assert_eq!(account.len(), 1);
    drop(release);
    account.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn a_spawn_that_fails_enters_nobody() {
    let account = AbandonedThreads::new();
    let source = StopSource::new();
    source.request();
    let recipe = at_once(&account).stack_size(usize::MAX / 2);
    let error = recipe.spawn_fn_with(|_| Ok(1), source).unwrap_err();
    assert!(error.os_error().raw_os_error().is_some());
    assert_eq!(account.total(), 0);
}

#[test]
fn a_worker_of_another_strategy_is_let_go_of_by_name() {
    let account = AbandonedThreads::new();
    let (release, held) = mpsc::channel::<()>();
    let builder = ThreadBuilder::new("foreign");
    let worker = builder.spawn(StopSource::new(), held, |held, _| Ok(held.recv().is_err())).unwrap();
    assert!(matches!(account.let_go(worker), Exit::Abandoned));
    let left = account.abandoned().pop().unwrap();
    assert_eq!((left.name(), left.thread(), left.passed()), ("foreign", None, None));
    assert!(left.to_string().starts_with("`foreign`, left for "), "{left}");
    drop(release);
    account.wait_timeout(PATIENCE).unwrap();

    let worker = builder.spawn(StopSource::new(), (), |(), _| Ok(3)).unwrap();
    worker.ended().wait().unwrap();
    assert_eq!(account.let_go(worker).into_finished(), Some(3), "one that has ended is joined");
    assert_eq!(account.total(), 1);
}

#[test]
fn whoever_waits_for_the_rest_is_told_when_nothing_is_left() {
    let account = AbandonedThreads::new();
    account.wait_timeout(Duration::ZERO).unwrap();
    let workers = [(); 2].map(|()| deaf(&at_once(&account)));
    let releases = workers.map(|(worker, release)| {
        abandon(worker);
        release
    });
    let error = account.wait_timeout(Duration::ZERO).unwrap_err();
    assert_eq!((error.threads, error.to_string().as_str()), (2, "2 threads are still left"));
    thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| account.wait_timeout(PATIENCE)));
        drop(releases);
        waiting.into_iter().for_each(|waiting| waiting.join().unwrap().unwrap());
    });
}

/// L7, where the end and the letting go race: the value has one place, with whoever joins or with the report.
#[test]
fn a_value_goes_to_who_joins_or_to_the_report_and_never_to_both() {
    let account = AbandonedThreads::new();
    let (recipe, told) = reporting(&account);
    let (mut joined, mut late) = (0, 0);
    for _ in 0..1000 {
        let worker = recipe.spawn_fn(|_| Ok(7)).unwrap();
        let asking = thread::spawn({
            let source = worker.source().clone();
            move || source.request()
        });
        match worker.join().unwrap() {
            Exit::Finished(7) => joined += 1,
            Exit::Abandoned => {
                assert!(matches!(told.recv_timeout(PATIENCE).unwrap().exit, LateExit::Finished));
                late += 1;
            }
            exit => panic!("{}", exit.kind()),
        }
        asking.join().unwrap();
    }
    assert!(told.try_recv().is_err() && account.is_empty());
    assert_eq!((joined + late, account.total()), (1000, late));
}
