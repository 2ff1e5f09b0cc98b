//! Every way in which a worker can end is told apart.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use act::{Act, HASTY, LIMIT, Scratch, TAG, nobody_is_left, until};
use cease_core::{Exit, Reason, StopSource, Strategy};
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::{GracePeriods, Stage};
use cease_process::pidfd::Ended;
use cease_process::{Process, WatchEscalated};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PATIENT: GracePeriods = GracePeriods { ask: DAY, term: DAY, kill: LIMIT };

fn process() -> Process {
    Process::in_test("worker")
}

/// One for every containment that can be had.
fn processes() -> impl Iterator<Item = Process> {
    let kinds = [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group].into_iter();
    kinds.filter(|kind| act::can_have(*kind)).map(|kind| process().containment(Containment::Require(kind)))
}

/// How a job ends that nobody stops, or that is stopped once, as `budgets` say.
fn end_of(process: &Process, act: Act, budgets: Option<GracePeriods>) -> Exit<String> {
    let worker = process.clone().budgets(budgets.unwrap_or(PATIENT)).spawn(act).unwrap();
    if budgets.is_some() {
        worker.stop();
    }
    worker.join().unwrap()
}

#[test]
fn ends_by_itself_are_told_apart() {
    for process in processes() {
        let end_of = |act| end_of(&process, act, None);
        assert!(matches!(end_of(Act::Return("value".into())), Exit::Finished(value) if value == "value"));
        let exit = end_of(Act::Exit(3));
        assert!(matches!(exit, Exit::Exited(3)), "{exit:?}, {process:?}");
        assert!(matches!(end_of(Act::Exit(0)), Exit::Exited(0)));
        assert!(matches!(end_of(Act::Signal(9)), Exit::Died(9)));
        assert!(matches!(end_of(Act::Signal(6)), Exit::Died(6)));
        assert!(matches!(end_of(Act::Signal(15)), Exit::Died(15)));
        let panic = end_of(Act::Panic("on purpose".into())).into_panic().unwrap();
        assert_eq!(panic.message(), Some("on purpose"));
    }
}

#[test]
fn ends_by_a_stop_are_told_apart() {
    for process in processes() {
        let end_of = |act, budgets| end_of(&process, act, Some(budgets));
        assert!(end_of(Act::StoppedFuture, PATIENT).as_stopped().is_some());
        assert!(matches!(
            end_of(Act::Deaf, GracePeriods { ask: Duration::ZERO, ..PATIENT }),
            Exit::Killed { signal: 15, .. }
        ));
        let at_once = GracePeriods { ask: Duration::ZERO, term: Duration::ZERO, kill: LIMIT };
        assert!(matches!(end_of(Act::Deaf, at_once), Exit::Killed { signal: 9, .. }));
    }
}

#[test]
fn a_panic_has_its_place_and_the_way_there() {
    let (worker, watch) = process().spawn_watched(Act::Panic("on purpose".into()), StopSource::new()).unwrap();
    let panic = watch.wait().panic.unwrap();
    assert!(panic.at.as_ref().is_some_and(|at| at.contains("act/mod.rs")) && !panic.backtrace.is_empty(), "{panic:?}");
    assert!(worker.join().unwrap().into_panic().is_some());
}

#[test]
fn asking_again_goes_up_the_ladder() {
    let worker = process().budgets(PATIENT).spawn(Act::Deaf).unwrap();
    assert!(worker.stop());
    assert!(!worker.stop(), "the second one is not the first");
    assert!(worker.escalate());
    assert!(matches!(worker.join().unwrap(), Exit::Killed { signal: 15, .. }));

    let deafest = Act::Escape("echo ready".into(), act::Ending::Deafest);
    let (ready, is_ready) = channel();
    let (worker, watch) = process()
        .budgets(PATIENT)
        .on_progress(move |_| _ = ready.send(()))
        .spawn_watched(deafest, StopSource::new())
        .unwrap();
    is_ready.recv_timeout(LIMIT).unwrap();
    // The job ignores SIGTERM, so it cannot end before the third call.
    assert_eq!([(); 4].map(|()| worker.escalate()), [true, true, true, false], "SIGKILL is the last stage");
    assert!(matches!(worker.join().unwrap(), Exit::Killed { signal: 9, .. }));
    let report = watch.report().unwrap();
    assert_eq!((report.ended_on, report.reached), (Some(Stage::Kill), Some(Stage::Kill)));
    assert_eq!(report.ended, Some(Ended::Signaled { signal: 9, core: false }));
}

/// The stop of a killed worker.
fn killed(exit: Exit<String>) -> cease_core::Stopped {
    match exit {
        Exit::Killed { stopped, .. } => stopped,
        other => panic!("not killed: {other:?}"),
    }
}

#[test]
fn the_exit_of_a_killed_worker_names_the_request() {
    let at_once = process().budgets(GracePeriods { ask: Duration::ZERO, ..PATIENT });

    let (source, _deadline) = StopSource::with_timeout(Duration::from_millis(1)).unwrap();
    let worker = at_once.spawn_with(Act::Deaf, source).unwrap();
    assert_eq!(*killed(worker.join().unwrap()).reason(), Reason::Deadline);

    let worker = at_once.spawn(Act::Deaf).unwrap();
    assert!(worker.stop_with("operator"));
    let stopped = killed(worker.join().unwrap());
    assert_eq!((stopped.reason(), stopped.location().unwrap().file()), (&Reason::from("operator"), file!()));

    // A drop requests the stop of its source, which another worker has too.
    let source = StopSource::new();
    let dropped = at_once.spawn_with(Act::Deaf, source.clone()).unwrap();
    let worker = at_once.spawn_with(Act::Deaf, source).unwrap();
    drop(dropped);
    assert_eq!(*killed(worker.join().unwrap()).reason(), Reason::OwnerDropped);

    let (worker, watch) = at_once.spawn_watched(Act::Deaf, StopSource::new()).unwrap();
    let line = line!() + 1;
    watch.escalate();
    let stopped = killed(worker.join().unwrap());
    assert_eq!(stopped.reason().downcast_ref(), Some(&WatchEscalated), "{stopped}");
    let location = stopped.location().unwrap();
    assert_eq!((location.file(), location.line()), (file!(), line));
}

#[test]
fn a_later_stop_does_not_become_the_reason_of_an_earlier_end() {
    let source = StopSource::new();
    let (worker, watch) = process()
        .budgets(GracePeriods { ask: Duration::ZERO, ..PATIENT })
        .spawn_watched(Act::Deaf, source.clone())
        .unwrap();
    watch.escalate();
    let _ = watch.wait();
    source.request_with("too late");
    assert_eq!(killed(worker.join().unwrap()).reason().downcast_ref(), Some(&WatchEscalated));

    let (worker, watch) = process().budgets(PATIENT).spawn_watched(Act::StoppedFuture, StopSource::new()).unwrap();
    watch.escalate();
    let exit = worker.join().unwrap();
    assert_eq!(
        exit.as_stopped().unwrap().reason().downcast_ref(),
        Some(&WatchEscalated),
        "the job left when asked: {exit:?}"
    );
}

#[test]
fn everybody_who_asks_gets_the_same_report() {
    let (worker, watch) = process().budgets(HASTY).spawn_watched(Act::Deaf, StopSource::new()).unwrap();
    let reports: Vec<_> = thread::scope(|scope| {
        let asking = || {
            watch.escalate();
            watch.wait()
        };
        let asking: Vec<_> = (0..4).map(|_| scope.spawn(asking)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "{reports:?}");
    assert_eq!(watch.report().as_ref(), reports.first());
    watch.escalate();
    assert!(matches!(worker.join().unwrap(), Exit::Killed { .. }), "asking after the end changes nothing");
}

#[test]
fn what_a_job_tells_is_heard_in_order_before_it_ends() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (told, logged) = (Arc::clone(&heard), Arc::clone(&heard));
    let process = process()
        .on_progress(move |progress| told.lock().unwrap().push(format!("{:?}", progress.decode::<(String, u32)>())))
        .on_log(move |text| logged.lock().unwrap().push(text.to_owned()));
    assert_eq!(process.spawn(Act::Tell).unwrap().join().unwrap().into_finished().as_deref(), Some("told"));
    assert_eq!(*heard.lock().unwrap(), [r#"Ok(("half", 50))"#, "going on"]);
    assert!(!cease_process::log("nobody").unwrap(), "this process is no worker");
}

#[test]
fn the_standard_input_of_a_job_is_empty_and_not_the_socket() {
    assert_eq!(end_of(&process(), Act::Stdio, None).into_finished().as_deref(), Some(""));
}

#[test]
fn a_result_that_is_large_arrives_and_one_that_is_too_large_is_told() {
    assert_eq!(end_of(&process(), Act::Many(10 << 20), None).into_finished().unwrap().len(), 10 << 20);
    let exit = end_of(&process(), Act::Many(65 << 20), None);
    assert!(matches!(&exit, Exit::Broken(why) if why.contains("longer")), "{}", exit.kind());
}

#[test]
fn a_worker_does_not_hang_on_the_thread_that_has_started_it() {
    let worker = thread::spawn(|| process().spawn(Act::StoppedFuture).unwrap()).join().unwrap();
    let worker = worker.join_timeout(Duration::from_millis(20)).unwrap_err().into_worker();
    worker.stop();
    assert!(worker.join().unwrap().as_stopped().is_some());
}

#[test]
fn a_worker_that_is_dropped_is_gone() {
    let scratch = Scratch::new("dropped");
    let worker = process().env(TAG, scratch.tag()).budgets(HASTY).spawn(Act::Deaf).unwrap();
    until("there", || !act::tagged(&scratch.tag()).is_empty());
    drop(worker);
    nobody_is_left(&scratch.tag(), Duration::ZERO, "after the drop");
}
