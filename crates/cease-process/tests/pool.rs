//! Workers that are there already: they are used again, unless they were ended or have left something behind.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use act::{Act, Ending, HASTY, LIMIT, Scratch, TAG, nobody_is_left, until};
use cease_core::{Exit, StopSource, Strategy, Worker};
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::GracePeriods;
use cease_process::{Pool, Process, StartError, Watch};
use rustix::process::{Pid, Signal, kill_process};

/// The process that is started for a worker comes here, and does its jobs.
#[test]
fn worker() {
    act::init();
}

/// A program that knows no job.
#[test]
fn worker_without_jobs() {
    cease_process::init([]);
}

fn pool_of(process: Process, size: usize) -> Pool {
    process.budgets(HASTY).pool(NonZeroUsize::new(size).unwrap()).unwrap()
}

fn pool(size: usize) -> Pool {
    pool_of(Process::in_test("worker"), size)
}

fn spawn(pool: &Pool, act: Act) -> (Worker<String>, Watch) {
    pool.spawn_watched(act, StopSource::new()).unwrap()
}

/// Has the pool do a job, and says which process has done it.
fn served_by(pool: &Pool) -> u32 {
    let (worker, watch) = spawn(pool, Act::Return("x".into()));
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("x"));
    watch.pid()
}

fn is_there(pid: u32) -> bool {
    act::parent_of(pid) == Some(std::process::id())
}

#[test]
fn many_jobs_are_done_by_few_processes() {
    let pool = pool(2);
    let mut pids = BTreeSet::new();
    for round in 0..1_000 {
        let (worker, watch) = spawn(&pool, Act::Return(round.to_string()));
        pids.insert(watch.pid());
        assert_eq!(worker.join().unwrap().into_finished(), Some(round.to_string()));
        let report = watch.report().unwrap();
        assert!(report.is_kept && report.ended.is_none() && report.reached.is_none(), "{report:?}");
    }
    assert_eq!((pids.len(), pool.len(), pool.idle()), (1, 1, 1));
}

#[test]
fn many_threads_may_spawn_at_once() {
    let pool = pool(3);
    thread::scope(|scope| {
        for thread in 0..8 {
            let pool = &pool;
            scope.spawn(move || {
                for round in 0..50 {
                    let text = format!("{thread}-{round}");
                    let worker = pool.spawn(Act::Return(text.clone())).unwrap();
                    assert_eq!(worker.join().unwrap().into_finished(), Some(text));
                }
            });
        }
    });
    assert!(pool.len() <= 3 && pool.idle() == pool.len());
}

#[test]
fn who_spawns_more_than_there_may_be_waits() {
    // On a busy machine a job needs longer than a hasty grace period to see the stop.
    let process = Process::in_test("worker").budgets(GracePeriods { ask: LIMIT, ..HASTY });
    let pool = process.pool(NonZeroUsize::new(2).unwrap()).unwrap();
    let (first, _) = spawn(&pool, Act::StoppedFuture);
    let (second, _) = spawn(&pool, Act::StoppedFuture);
    let error = pool.try_spawn(Act::Return("precious".into())).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::PoolExhausted)), "{}", error.os_error());
    let limit = Duration::from_millis(20);
    let error = pool.spawn_timeout(error.into_job(), limit).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::PoolExhausted)), "{}", error.os_error());
    let job = error.into_job();
    let (done, is_done) = channel();
    thread::scope(|scope| {
        let pool = &pool;
        scope.spawn(move || {
            let worker = pool.spawn(job).unwrap();
            done.send(worker.join().unwrap().into_finished()).unwrap();
        });
        assert!(is_done.recv_timeout(limit).is_err(), "it does not wait");
        first.stop();
        assert!(first.join().unwrap().as_stopped().is_some());
        assert_eq!(is_done.recv_timeout(LIMIT).unwrap().as_deref(), Some("precious"));
    });
    assert_eq!(pool.len(), 2);
    second.stop();
    assert!(second.join().unwrap().as_stopped().is_some());
}

#[test]
fn who_left_at_a_checkpoint_is_used_again() {
    // However busy the machine is, no more than asking is needed.
    let process = Process::in_test("worker").budgets(GracePeriods { ask: LIMIT, ..HASTY });
    let pool = process.pool(NonZeroUsize::MIN).unwrap();
    let pid = served_by(&pool);
    for _ in 0..20 {
        let (worker, watch) = spawn(&pool, Act::StoppedFuture);
        worker.stop();
        let exit = worker.join().unwrap();
        assert!(matches!(exit, Exit::Stopped(_)), "{exit:?}");
        let report = watch.wait();
        assert!(report.is_kept && report.ended.is_none(), "{report:?}");
        assert_eq!((watch.pid(), served_by(&pool)), (pid, pid));
    }
}

#[test]
fn who_was_killed_is_never_used_again() {
    let pool = pool(1);
    let mut killed = BTreeSet::new();
    for _ in 0..10 {
        let (worker, watch) = spawn(&pool, Act::Deaf);
        assert!(!killed.contains(&watch.pid()));
        worker.stop();
        let exit = worker.join().unwrap();
        assert!(matches!(exit, Exit::Killed { .. }), "{exit:?}");
        assert!(!watch.wait().is_kept && pool.is_empty() && !is_there(watch.pid()));
        killed.insert(watch.pid());
        assert!(!killed.contains(&served_by(&pool)));
    }
}

#[test]
fn a_stop_is_for_its_own_job_only() {
    let pool = pool(1);
    let mut kept = 0;
    for round in 0..200 {
        let (worker, watch) = spawn(&pool, Act::Return("x".into()));
        // It comes while the job answers, or after that.
        worker.stop();
        worker.stop();
        let exit = worker.join().unwrap();
        assert!(!matches!(exit, Exit::Broken(_)), "{exit:?}");
        kept += u32::from(watch.wait().is_kept);
        let (worker, _) = spawn(&pool, Act::TouchAfterCheck(std::env::temp_dir().join("cease-pool-stop")));
        let exit = worker.join().unwrap();
        assert_eq!(exit.into_finished().as_deref(), Some("touched"), "round {round}: the next job was stopped");
    }
    let _ = std::fs::remove_file(std::env::temp_dir().join("cease-pool-stop"));
    println!("{kept} of 200 were kept");
}

#[test]
fn who_panics_exits_or_dies_is_replaced() {
    let pool = pool(1);
    for act in [Act::Panic("on purpose".into()), Act::Exit(3), Act::Signal(libc::SIGKILL)] {
        let before = served_by(&pool);
        let (worker, watch) = spawn(&pool, act.clone());
        assert_eq!(watch.pid(), before);
        let exit = worker.join().unwrap();
        match act {
            Act::Panic(_) => assert!(matches!(exit, Exit::Panicked(_)), "{exit:?}"),
            Act::Exit(_) => assert!(matches!(exit, Exit::Exited(3)), "{exit:?}"),
            _ => assert!(matches!(exit, Exit::Died(libc::SIGKILL)), "{exit:?}"),
        }
        assert!(!watch.wait().is_kept && !is_there(before));
        assert_ne!(served_by(&pool), before);
    }
}

#[test]
fn who_leaves_somebody_behind_is_ended_with_it() {
    for kind in [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants].into_iter().filter(|kind| act::can_have(*kind)) {
        leaves_somebody_behind(kind, "sleep 1000 & echo ready; exec >&-");
        leaves_somebody_behind(kind, "(setsid sleep 1000 &) >/dev/null; echo ready; exec >&-");
    }
}

fn leaves_somebody_behind(kind: Kind, script: &str) {
    let scratch = Scratch::new("pool-left");
    let process = Process::in_test("worker").containment(Containment::Require(kind));
    let pool = pool_of(process.env(TAG, scratch.tag()), 1);
    let before = served_by(&pool);
    assert_eq!(served_by(&pool), before);
    let (worker, watch) = spawn(&pool, Act::Escape(script.into(), Ending::Return));
    assert_eq!(watch.pid(), before);
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("returned"));
    let report = watch.wait();
    assert!(!report.is_kept && report.ended.is_some(), "{report:?}");
    nobody_is_left(&scratch.tag(), Duration::ZERO, "after a job that has left somebody behind");
    assert_ne!(served_by(&pool), before);
}

#[test]
fn who_has_a_thread_left_ends_and_its_answer_counts() {
    let pool = pool(1);
    let (worker, watch) = spawn(&pool, Act::LeaveThread);
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("left"));
    let report = watch.wait();
    assert!(!report.is_kept && report.reached.is_none(), "nobody had to send it away: {report:?}");
    assert_ne!(served_by(&pool), watch.pid());
}

#[test]
fn who_dies_while_it_waits_is_reaped_and_replaced() {
    for kind in [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants].into_iter().filter(|kind| act::can_have(*kind)) {
        let pool = pool_of(Process::in_test("worker").containment(Containment::Require(kind)), 2);
        pool.prespawn(2).unwrap();
        assert_eq!((pool.len(), pool.idle()), (2, 2));
        // In a namespace the worker is a child of the one that has the number, and the end of either is the end of both.
        let kills: &[fn(u32) -> u32] = if kind == Kind::PidNamespace { &[|pid| pid, child_of] } else { &[|pid| pid] };
        for who in kills {
            let pid = served_by(&pool);
            // It is a child of this process that is not reaped, or one of such a child, so the number is its own.
            kill_process(Pid::from_raw(i32::try_from(who(pid)).unwrap()).unwrap(), Signal::KILL).unwrap();
            until("reaped", || !is_there(pid));
            until("replaced", || pool.idle() == 2);
            assert_ne!(served_by(&pool), pid, "{kind}");
        }
    }
}

/// The one child of process `pid`.
fn child_of(pid: u32) -> u32 {
    let children: Vec<_> = act::processes().into_iter().filter(|child| act::parent_of(*child) == Some(pid)).collect();
    assert_eq!(children.len(), 1);
    children[0]
}

#[test]
fn a_job_that_nobody_registered_is_told_by_name_and_the_worker_waits_for_another() {
    let pool = pool_of(Process::in_test("worker_without_jobs"), 1);
    for _ in 0..2 {
        let error = pool.spawn(Act::Deaf).unwrap_err();
        let unknown = StartError::of(&error);
        assert!(matches!(unknown, Some(StartError::UnknownJob { name, known }) if name == "act" && known.is_empty()));
        assert_eq!(error.into_job(), Act::Deaf);
        assert_eq!((pool.len(), pool.idle()), (1, 1));
    }
}

#[test]
fn a_program_that_is_no_worker_is_told_and_does_not_count() {
    let pool = pool_of(Process::new().program("true"), 1);
    let error = pool.spawn(Act::Deaf).unwrap_err();
    assert!(matches!(StartError::of(&error), Some(StartError::NoWorker(_))), "{}", error.os_error());
    assert!(pool.is_empty() && pool.prespawn(1).is_err());
}

#[test]
fn who_has_a_job_when_the_pool_is_dropped_goes_on_and_is_ended_then() {
    let scratch = Scratch::new("pool-dropped");
    let pool = pool_of(Process::in_test("worker").env(TAG, scratch.tag()), 2);
    pool.prespawn(2).unwrap();
    let (worker, watch) = spawn(&pool, Act::ReasonOfStop);
    drop(pool);
    assert_eq!(act::tagged(&scratch.tag()), [watch.pid()]);
    worker.stop_with("enough");
    let exit = worker.join().unwrap();
    assert_eq!(exit.into_finished().as_deref(), Some("requested: enough"));
    nobody_is_left(&scratch.tag(), Duration::ZERO, "after the last job of a pool that was dropped");
    assert!(!is_there(watch.pid()));
}

/// When the one who has the pool is killed, those that wait and those that have a job end by themselves.
#[test]
fn nobody_outlives_the_one_who_has_the_pool() {
    let scratch = Scratch::new("pool-orphans");
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(own);
    command.args(["--exact", "has_a_pool", "--nocapture", "--test-threads=1"]);
    let mut child = command.env(TAG, scratch.tag()).env(OWNER, scratch.path("ready")).spawn().unwrap();
    until("ready", || scratch.has("ready"));
    assert_eq!(act::tagged(&scratch.tag()).len(), 4, "it, two that wait, and one that has a job");
    child.kill().unwrap();
    child.wait().unwrap();
    nobody_is_left(&scratch.tag(), LIMIT, "after the end of the one who has the pool");
}

/// Says to a process that it has a pool, and which file it makes when all of its workers are there.
const OWNER: &str = "CEASE_TEST_POOL_OWNER";

#[test]
fn has_a_pool() {
    let Some(ready) = std::env::var_os(OWNER) else { return };
    let pool = pool_of(Process::in_test("worker").env_remove(OWNER), 3);
    pool.prespawn(3).unwrap();
    let worker = pool.spawn(Act::Deaf).unwrap();
    std::fs::write(ready, "").unwrap();
    // It is killed meanwhile.
    let _ = worker.join();
}
