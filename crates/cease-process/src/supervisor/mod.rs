//! The side of the parent: a thread that starts a worker's process, speaks with it, and ends it.
//!
//! The thread lives for as long as the process, because what a process is told of its parent's death concerns the thread that
//! has started it.

mod conversation;
mod start;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cease_core::{OnStop, StopToken};
use rustix::event::{EventfdFlags, eventfd};

use crate::frame::{Kind, encode};
use crate::ladder::{Action, Desk, Event, Ladder, Summary, World, supervise};
use crate::message::{Stop, Why};
use crate::process::Options;
use crate::report::{Remains, StopReport};
use crate::tree::Tree;
use conversation::{Conversation, Said};

/// What the supervising thread, the worker and those who watch it share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) desk: Desk<StopReport>,
    remains: Mutex<Option<Remains>>,
    /// The number of the process, once it has begun.
    pub(crate) pid: Mutex<u32>,
}

impl Shared {
    /// What is left, for the one who joins.
    pub(crate) fn take_remains(&self) -> Option<Remains> {
        self.remains.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A worker that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) shared: Arc<Shared>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts a worker that is sent the frame `job`, and waits until it has begun.
pub(crate) fn begin(options: &Options, job: Vec<u8>, stop: &StopToken) -> io::Result<Begun> {
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    let waking = Arc::clone(&wake);
    // A count that is full is not read yet, so whoever reads it will be woken.
    let desk = Desk::new(move || _ = rustix::io::write(&waking, &1_u64.to_ne_bytes()));
    let shared = Arc::new(Shared { desk, remains: Mutex::new(None), pid: Mutex::new(0) });

    let (told, tells) = sync_channel(1);
    let (options, theirs, stop) = (options.clone(), Arc::clone(&shared), stop.clone());
    let body = move || run(&options, job, &theirs, &wake, &stop, &told);
    let thread = thread::Builder::new().name("cease-process".into()).spawn(body)?;
    match tells.recv() {
        Ok(Ok(())) => Ok(Begun { shared, thread }),
        failed => {
            // It has killed and reaped what it started.
            let _ = thread.join();
            Err(failed.map_or_else(
                |_| io::Error::other("the supervising thread panicked"),
                |failed| failed.expect_err("it has begun in every other case"),
            ))
        }
    }
}

/// The whole life of the supervising thread.
fn run(
    options: &Options,
    job: Vec<u8>,
    shared: &Arc<Shared>,
    wake: &OwnedFd,
    stop: &StopToken,
    told: &SyncSender<io::Result<()>>,
) {
    let (tree, conversation) = match start::start(options, job, stop) {
        Ok(started) => started,
        Err(error) => return drop(told.send(Err(error))),
    };
    *shared.pid.lock().unwrap_or_else(PoisonError::into_inner) = tree.leader().pid();
    let asked = Arc::clone(shared);
    // It is called at once when the stop was asked for meanwhile.
    let asking: OnStop = stop.on_stop(move || asked.desk.request());
    let _ = told.send(Ok(()));
    let mut office = Office {
        began: Instant::now(),
        pid: tree.leader().pid(),
        tree: Some(tree),
        conversation,
        wake,
        stop,
        ended: None,
        rest: Vec::new(),
        events: VecDeque::new(),
    };
    // A job that is fast has said all of it by now.
    let said = office.conversation.take_frames();
    let heard = office.hear(said);
    office.events.extend(heard);
    let ladder = Ladder::new(options.budgets);
    supervise(ladder, &mut office, &shared.desk, |office, summary| {
        let remains = office.remains(summary, options);
        let report = remains.report.clone();
        *shared.remains.lock().unwrap_or_else(PoisonError::into_inner) = Some(remains);
        report
    });
    drop(asking);
}

/// The operating system, as the ladder's world.
struct Office<'a> {
    began: Instant,
    pid: u32,
    /// `None` once it was reaped, or could not be killed.
    tree: Option<Tree>,
    conversation: Conversation,
    wake: &'a OwnedFd,
    stop: &'a StopToken,
    ended: Option<(crate::pidfd::Ended, crate::containment::Kind)>,
    /// Who was left beside the leader when that was last looked at.
    rest: Vec<u32>,
    events: VecDeque<Event>,
}

impl Office<'_> {
    fn remains(&mut self, summary: &Summary, options: &Options) -> Remains {
        let (ended, containment, unkillable) = match (self.tree.take(), self.ended) {
            (None, Some((ended, kind))) => {
                let left = if summary.is_empty { Vec::new() } else { std::mem::take(&mut self.rest) };
                (Some(ended), kind, left)
            }
            (Some(tree), _) => {
                let mut left = tree.survivors();
                if !tree.leader().peek().is_ok_and(|ended| ended.is_some()) {
                    left.insert(0, self.pid);
                }
                let kind = tree.containment();
                // Somebody has to be there when they end.
                let _ = thread::Builder::new().name("cease-reaper".into()).spawn(move || drop(tree));
                (None, kind, left)
            }
            (None, None) => (None, options.otherwise(), Vec::new()),
        };
        let mut report = StopReport { ended, unkillable, ..StopReport::new(self.pid, containment, summary) };
        let conversation = &mut self.conversation;
        report.panic = conversation.panic.take();
        Remains { report, answer: conversation.answer.take(), broken: conversation.broken.take() }
    }

    /// What was said, as an event.
    fn hear(&mut self, said: Said) -> Option<Event> {
        match said {
            Said::Nothing => None,
            Said::Answer => Some(Event::Answered),
            // Whoever cannot be understood is not asked either.
            Said::Nonsense => Some(Event::Requests(u32::MAX)),
        }
    }
}

impl World for Office<'_> {
    fn now(&mut self) -> Duration {
        self.began.elapsed()
    }

    fn perform(&mut self, action: Action) -> Option<Event> {
        let tree = self.tree.as_ref()?;
        // What cannot be signalled is seen not to end, and is reported as that.
        match action {
            Action::Ask(within) => {
                let why = self.stop.origin().map_or(Why::Requested(None), Why::from);
                let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                if let Ok(frame) = encode(Kind::Stop, &Stop { why, within_ms }) {
                    self.conversation.say_at_once(&frame);
                }
            }
            Action::Terminate => _ = tree.terminate(),
            Action::Kill => _ = tree.kill(),
            Action::Drain => {
                let said = self.conversation.drain();
                return self.hear(said);
            }
            Action::Look => {
                self.rest = tree.survivors();
                return Some(Event::Left(self.rest.len()));
            }
            Action::Reap => {
                let kind = tree.containment();
                match self.tree.take().map(Tree::reap) {
                    Some(Ok((ended, enclosure))) => {
                        self.ended = Some((ended, kind));
                        drop(enclosure);
                    }
                    Some(Err(tree)) => self.tree = Some(tree),
                    None => {}
                }
            }
            Action::Report(_) => {}
        }
        None
    }

    fn wait(&mut self, due: Option<Duration>) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let due = due.and_then(|due| self.began.checked_add(due));
        let tree = self.tree.as_mut()?;
        let mut others = vec![self.wake.as_fd()];
        others.extend(self.conversation.fd());
        // The only failure there can be is a lack of memory, and then there is nothing better to do than to try again.
        let Ok(seen) = tree.wait(due, &others) else { return None };
        drop(others);
        if seen.ready.first() == Some(&true) {
            let _ = rustix::io::read(self.wake, &mut [0; 8]);
        }
        if seen.leader_ended {
            self.events.push_back(Event::LeaderEnded);
        }
        if seen.rest_changed {
            self.rest = self.tree.as_ref().map_or_else(Vec::new, Tree::survivors);
            self.events.push_back(Event::Left(self.rest.len()));
        }
        if seen.ready.get(1) == Some(&true) {
            let said = self.conversation.listen();
            let heard = self.hear(said);
            self.events.extend(heard);
        }
        self.events.pop_front()
    }
}
