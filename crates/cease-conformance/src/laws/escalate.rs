//! Law L1, for what lies behind a request: a stop is idempotent, and only an escalation escalates.

use cease_core::sync::Arc;
use cease_core::sync::atomic::AtomicU32;
use cease_core::sync::atomic::Ordering::Relaxed;
use cease_core::{Exit, StopToken, Strategy, Worker, WorkerHandle};

use super::spawn;
use crate::Act;

/// A worker whose escalations are counted.
struct Counting {
    worker: Worker<u32>,
    escalations: Arc<AtomicU32>,
}

impl WorkerHandle<u32> for Counting {
    fn ended(&self) -> &StopToken {
        self.worker.ended()
    }

    fn escalate(&self) -> bool {
        // ORDERING: Relaxed: only the number matters.
        self.escalations.fetch_add(1, Relaxed);
        true
    }

    fn is_current(&self) -> bool {
        self.worker.is_current()
    }

    fn join(self: Box<Self>) -> Exit<u32> {
        self.worker.join().expect("joined from outside")
    }
}

/// L1: a worker is stopped twice, and nothing escalates; then an escalation does, once.
pub fn l1_a_stop_never_escalates(strategy: &dyn Strategy<Act>) {
    let inner =
        spawn(strategy, |stop| stop.token().wait().map_err(|_| unreachable!("the law keeps a source")).map(|_| 0));
    let (source, escalations) = (inner.source().clone(), Arc::new(AtomicU32::new(0)));
    let counting = Counting { worker: inner, escalations: Arc::clone(&escalations) };
    let worker = Worker::new("counting", source, Box::new(counting));
    assert!(worker.stop() && !worker.stop(), "L1: exactly the first call is first");
    // ORDERING: Relaxed, here and below: this thread made every change.
    assert_eq!(escalations.load(Relaxed), 0, "L1: a stop escalated");
    let is_running = !worker.is_finished();
    let escalated = worker.escalate();
    assert!(!escalated || is_running, "L1: a worker that had ended was escalated");
    assert_eq!(
        escalations.load(Relaxed),
        u32::from(escalated),
        "L1: an escalation says whether there was a step to take"
    );
    let _ = worker.join().expect("joined from outside");
}
