//! What does not even end by SIGKILL is reported as that, in time, and is reaped when it ends after all.
//!
//! A process that is frozen by the first version of cgroups is such a one until it is thawed; that takes root and a kernel that
//! still has it, and elsewhere the tests say that they were skipped.
#![cfg(not(any(loom, shuttle)))]

mod act;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use act::{Act, Ending, LIMIT, Scratch, TAG, nobody_is_left, parent_of, until};
use cease_core::{Exit, StopSource};
use cease_process::Process;
use cease_process::containment::{Containment, Kind};
use cease_process::ladder::{GracePeriods, Stage};

/// The process that is started for a worker comes here, and does its job.
#[test]
fn worker() {
    act::init();
}

/// A time that is soon over for what is frozen.
const SOON: Duration = Duration::from_millis(50);

/// A cgroup of the first version whose members can be frozen; dropping it thaws them.
struct Freezer(PathBuf);

impl Freezer {
    /// Makes one, or says why there is none.
    fn new(name: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let is_freezer = |line: &&str| {
            let mut fields = line.split(' ').skip(2);
            fields.next() == Some("cgroup")
                && fields.next().is_some_and(|kind| kind.split(',').any(|of| of == "freezer"))
        };
        let Some(line) = mounts.lines().find(is_freezer) else {
            println!("skipped, because no freezer of cgroup v1 is mounted");
            return None;
        };
        let path = Path::new(line.split(' ').nth(1)?).join(format!("cease-test-{name}-{}", std::process::id()));
        match fs::create_dir(&path) {
            Ok(()) => Some(Self(path)),
            Err(error) => {
                println!("skipped, because no freezer can be had: {error}");
                None
            }
        }
    }

    fn freeze(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
        until("frozen", || fs::read_to_string(self.0.join("freezer.state")).unwrap() == "FROZEN\n");
    }

    fn thaw(&self) {
        fs::write(self.0.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.thaw();
        // It is empty when those who were frozen have ended.
        until("removed", || fs::remove_dir(&self.0).is_ok());
    }
}

fn frozen_leader(kind: Kind) {
    let (scratch, Some(freezer)) = (Scratch::new("frozen"), Freezer::new(&format!("leader-{kind}"))) else { return };
    let threads = threads();
    let budgets = GracePeriods { ask: SOON, term: SOON, kill: SOON };
    let process = Process::in_test("worker").containment(Containment::Require(kind)).budgets(budgets);
    let (worker, watch) = match process.env(TAG, scratch.tag()).spawn_watched(Act::Deaf, StopSource::new()) {
        Ok(spawned) => spawned,
        Err(error) => return println!("skipped, because {kind} cannot be had: {}", error.os_error()),
    };
    let pid = watch.pid();
    freezer.freeze(pid);
    worker.stop();
    let exit = worker.join().unwrap();
    assert!(matches!(&exit, Exit::Unkillable(left) if *left == [pid]), "{exit:?}");
    let report = watch.report().unwrap();
    assert_eq!((&report.unkillable[..], report.ended, report.reached), (&[pid][..], None, Some(Stage::Kill)));
    assert!(report.spent.iter().sum::<Duration>() >= 3 * SOON, "the stages had their time: {report:?}");
    assert_eq!(parent_of(pid), Some(std::process::id()), "it is still there, and not reaped");

    freezer.thaw();
    until("reaped", || parent_of(pid) != Some(std::process::id()));
    // The thread of the other test may have been there before, and be gone.
    until("without threads for it", || self::threads() <= threads);
    assert_eq!(act::cgroups_of(std::process::id()), 0);
    nobody_is_left(&scratch.tag(), Duration::ZERO, "after the thaw");
    assert_eq!(watch.report(), Some(report), "the report stays what it was");
}

/// One test, because it counts threads.
#[test]
fn what_cannot_be_killed_is_reported_with_its_number_and_reaped_later() {
    if std::env::var_os("CEASE_PROCESS_WORKER").is_some() {
        return;
    }
    [Kind::Cgroup, Kind::PidNamespace, Kind::Descendants, Kind::Group].into_iter().for_each(frozen_leader);
    frozen_child_of_a_leader();
}

/// The leader ends, and what it has started does not: that is told with its number.
fn frozen_child_of_a_leader() {
    let (scratch, Some(freezer)) = (Scratch::new("frozen"), Freezer::new("child")) else { return };
    let script = format!("sleep 1000 & echo $! > {}; echo ready; wait", scratch.path("pid").display());
    let budgets = GracePeriods { ask: SOON, term: SOON, kill: SOON };
    let (ready, is_ready) = channel();
    let process = Process::in_test("worker").containment(Containment::Require(Kind::Group)).budgets(budgets);
    let process = process.env(TAG, scratch.tag()).on_progress(move |_| _ = ready.send(()));
    let (worker, watch) = process.spawn_watched(Act::Escape(script, Ending::Deafest), StopSource::new()).unwrap();
    is_ready.recv_timeout(LIMIT).unwrap();
    let child = fs::read_to_string(scratch.path("pid")).unwrap().trim().parse().unwrap();
    freezer.freeze(child);
    worker.stop();
    let exit = worker.join().unwrap();
    let report = watch.report().unwrap();
    assert!(report.unkillable == [child], "{exit:?}, {report:?}");
    freezer.thaw();
    nobody_is_left(&scratch.tag(), LIMIT, "after the thaw");
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}
