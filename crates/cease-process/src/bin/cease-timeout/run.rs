//! The run itself: starts the command, waits for it, and ends it and all that it started.
//!
//! # How it works
//!
//! What to do next is decided by the library's ladder, which knows no clock and no system; here it is told what happens, and
//! what it answers is done.
//! The time limit and the first signal are requests; the second one is a stage up.

mod finish;

use std::ffi::c_char;
use std::io;
use std::time::{Duration, Instant};

use cease_process::ladder::{Action, Event, GracePeriods, Ladder, Stage};

use crate::cli::{Options, Place};
use crate::containment::{Kind, Refused, Tree};
use crate::duration::Limit;
use crate::end::{CANNOT_RUN, End, FAILED, NOT_FOUND};
use crate::members::Process;
use crate::quote::quote;
use crate::report::{Report, Target};
use crate::say::Voice;
use crate::signals::Signal;
use crate::spawn::{Launch, SpawnError};
use crate::sys::{self, Status, Wait};
use crate::watch::{Noticed, Watch};

/// How long what was killed has to be gone before it counts as unkillable.
const GONE_AFTER_KILL: Duration = Duration::from_secs(5);

/// How long what is left behind has, when the command itself is never to be killed.
const GRACE_OF_THE_REST: Duration = Duration::from_secs(5);

/// How long what is killed may take to end before the others are killed, too.
const KILL_OF_THE_REST: Duration = Duration::from_millis(10);

/// How long it takes until the rest is looked at again, though nothing tells of a change: on the way, and when it was killed.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(1));

/// The words of the command, as they are and as they are executed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command<'a> {
    pub(crate) words: &'a [&'a [u8]],
    pub(crate) pointers: *const *const c_char,
}

/// Runs `command` to its end, and says how this program is to end.
pub(crate) fn run(
    options: &Options,
    command: Command<'_>,
    watch: Watch,
    voice: &Voice<'_>,
    target: Option<&Target>,
) -> End {
    let not_started = |kind: Kind, error: String, status| {
        voice.say(&error);
        if let Some(target) = target {
            let report = Report::new(options, command.words, kind.name());
            target.tell(&Report { error: Some(error), status, ..report }, voice);
        }
        End::Code(status)
    };
    let mut tree = match Tree::prepare(options.tree) {
        Ok(tree) => tree,
        Err(Refused { kind, error }) => {
            let why = sys::error_text(&error);
            let error = format!("containment {} cannot be had: {why}", quote(kind.name().as_bytes()));
            return not_started(kind, error, FAILED);
        }
    };
    let launch = Launch {
        words: command.pointers,
        mask: watch.mask,
        ignores_children: watch.ignores_children,
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let began = Instant::now();
    let pid = match tree.spawn(launch, options.tree) {
        Ok(pid) => pid,
        Err(error) => {
            let (error, status) = told(error, command);
            return not_started(tree.kind(), error, status);
        }
    };
    let budgets = GracePeriods { ask: Duration::ZERO, term: options.grace.or_max(), kill: GONE_AFTER_KILL };
    let mut ladder = Ladder::new(budgets);
    if options.keep_background {
        ladder = ladder.keeps_rest();
    }
    let run = Run {
        options,
        command,
        voice,
        watch,
        tree,
        ladder,
        began,
        pid,
        leader: Leader::Runs,
        signal: options.signal,
        requests: 0,
        timed_out: false,
        stopped_by: None,
        sent: None,
        rest_since: None,
        rest_told: false,
        group_told: false,
        survivors: Vec::new(),
        killed_at: None,
        rest_killed_at: None,
        kill_to_reaped: None,
    };
    run.until_the_end(target)
}

/// What is said when nothing was started, and the code for it.
fn told(error: SpawnError, command: Command<'_>) -> (String, i32) {
    let (SpawnError::Fork(number) | SpawnError::Exec(number)) = error;
    let why = sys::error_text(&io::Error::from_raw_os_error(number));
    match error {
        SpawnError::Fork(_) => (format!("fork system call failed: {why}"), FAILED),
        SpawnError::Exec(_) => {
            let code = if number == libc::ENOENT { NOT_FOUND } else { CANNOT_RUN };
            (format!("failed to run command {}: {why}", quote(command.words[0])), code)
        }
    }
}

/// A command that was started.
struct Run<'a> {
    options: &'a Options,
    command: Command<'a>,
    voice: &'a Voice<'a>,
    watch: Watch,
    tree: Tree,
    ladder: Ladder,
    began: Instant,
    pid: i32,
    leader: Leader,
    /// The signal that the ladder begins with.
    signal: Signal,
    requests: u32,
    timed_out: bool,
    stopped_by: Option<Signal>,
    sent: Option<Signal>,
    /// When the command had ended while something else still ran.
    rest_since: Option<Duration>,
    rest_told: bool,
    group_told: bool,
    survivors: Vec<Process>,
    killed_at: Option<Duration>,
    /// When the others are killed, though the command has not ended.
    rest_killed_at: Option<Duration>,
    kill_to_reaped: Option<Duration>,
}

/// The command itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leader {
    Runs,
    /// It has ended, and is not reaped.
    Ended,
    Reaped(Status),
}

impl Run<'_> {
    fn until_the_end(mut self, target: Option<&Target>) -> End {
        let summary = loop {
            let now = self.began.elapsed();
            match self.ladder.next(now) {
                Some(Action::Report(summary)) => break summary,
                Some(action) => self.perform(action),
                None => self.wait(),
            }
        };
        self.finish(&summary, target)
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Terminate if self.leader == Leader::Runs => self.terminate(),
            Action::Terminate => self.tell_the_rest(),
            Action::Kill => self.kill(),
            Action::Look => self.look(),
            Action::Reap => self.reap(),
            // The command is not asked by a message, and answers none.
            Action::Ask(_) | Action::Drain | Action::Dismiss | Action::Report(_) => {}
        }
    }

    /// Sends the signal to the command, and to its group but in the foreground; who has left that is told afterwards.
    fn terminate(&mut self) {
        self.make_room();
        let signal = self.signal;
        if signal == Signal::KILL {
            // There is nothing between the first stage and the last.
            self.request();
            return;
        }
        self.voice.sending(signal, self.command.words[0]);
        self.sent = Some(signal);
        if self.options.foreground {
            let _ = sys::kill(self.pid, signal.0);
            return;
        }
        self.tree.signal(self.pid, signal);
        self.group_told = !signal.stops();
        // Who is stopped cannot take notice; who was to be stopped is not woken.
        if signal != Signal::CONT && !signal.stops() {
            self.tree.signal(self.pid, Signal::CONT);
        }
    }

    fn tell_the_rest(&mut self) {
        if std::mem::replace(&mut self.rest_told, true) {
            return;
        }
        let signal = if self.signal == Signal::KILL { Signal::TERM } else { self.signal };
        let untold = if self.group_told { self.tree.beside_the_group(&self.survivors) } else { self.survivors.clone() };
        if !untold.is_empty() {
            self.voice.sending_to_rest(signal, self.command.words[0], self.tree.kind(), &untold);
            self.tree.signal_each(&untold, signal);
        }
    }

    fn kill(&mut self) {
        self.make_room();
        if self.leader == Leader::Runs {
            if self.sent != Some(Signal::KILL) {
                self.voice.sending(Signal::KILL, self.command.words[0]);
                if self.options.verbose || self.options.report.is_some() {
                    self.survivors = self.tree.survivors(self.pid);
                    self.voice.sending_to_rest(Signal::KILL, self.command.words[0], self.tree.kind(), &self.survivors);
                }
            }
            self.sent = Some(Signal::KILL);
            self.killed_at.get_or_insert(self.began.elapsed());
            if self.tree.kind() == Kind::None {
                self.tree.kill(Some(self.pid));
            } else {
                // The others follow when it has ended, which takes no time as a rule; and if not, they do not wait for it.
                let _ = sys::kill(self.pid, libc::SIGKILL);
                self.rest_killed_at = Some(self.began.elapsed() + KILL_OF_THE_REST);
            }
        } else {
            if self.sent != Some(Signal::KILL) && self.rest_since.is_some() {
                let left = self.tree.survivors(self.pid);
                self.voice.sending_to_rest(Signal::KILL, self.command.words[0], self.tree.kind(), &left);
                self.sent = Some(Signal::KILL);
            }
            self.tree.kill(None);
        }
    }

    /// Where no descriptor can be had, those that the command has and this program does not use are given up.
    fn make_room(&self) {
        let used = matches!(self.options.report, Some(Place::Descriptor(0 | 1)));
        if !used && !sys::has_room() {
            sys::give_up_streams();
        }
    }

    /// Tells the ladder whether anything is left.
    fn look(&mut self) {
        let now = self.began.elapsed();
        let kept = self.options.keep_background && self.requests == 0;
        if !self.tree.outlives() {
            return self.ladder.tell(Event::Left(0), now);
        }
        self.make_room();
        if self.rest_since.is_none() {
            self.rest_since = Some(now);
            if self.survivors.is_empty() {
                self.survivors = self.tree.survivors(self.pid);
            }
            if self.ladder.stage().is_some() && !kept {
                self.tell_the_rest();
            }
        }
        self.ladder.tell(Event::Left(self.survivors.len().max(1)), now);
    }

    fn reap(&mut self) {
        if let Some(child) = sys::wait(self.pid, Wait::Reap).filter(|child| child.pid != 0) {
            self.leader = Leader::Reaped(child.status);
            self.kill_to_reaped = self.killed_at.map(|at| self.began.elapsed().saturating_sub(at));
        }
        while sys::wait(0, Wait::Reap).is_some_and(|child| child.pid != 0) {}
    }

    fn wait(&mut self) {
        let now = self.began.elapsed();
        let noticed = self.watch.wait(self.due().map(|due| due.saturating_sub(now)));
        self.see_children();
        match noticed {
            Noticed::Signal { signal, by_kernel } => self.received(signal, by_kernel),
            Noticed::Child | Noticed::Nothing => {}
        }
        let now = self.began.elapsed();
        if self.leader == Leader::Runs {
            if self.rest_killed_at.is_some_and(|at| at <= now) {
                self.rest_killed_at = None;
                self.tree.kill(Some(self.pid));
            }
            if !self.timed_out && self.limit().is_some_and(|limit| limit <= now) {
                self.time_is_up();
            }
        } else if self.leader == Leader::Ended && self.rest_since.is_some() {
            if self.rest_due().is_some_and(|due| due <= now) {
                self.request();
            }
            self.look();
        }
    }

    fn due(&self) -> Option<Duration> {
        let limit = if self.leader == Leader::Runs && !self.timed_out { self.limit() } else { None };
        let look = (self.leader == Leader::Ended).then(|| {
            let again = if self.ladder.stage() == Some(Stage::Kill) { LOOK_AGAIN.1 } else { LOOK_AGAIN.0 };
            self.began.elapsed() + again
        });
        let rest = self.rest_killed_at.filter(|_| self.leader == Leader::Runs);
        [self.ladder.due(), limit, look, rest, self.rest_due()].into_iter().flatten().min()
    }

    const fn limit(&self) -> Option<Duration> {
        match self.options.limit {
            Limit::Never => None,
            Limit::After(limit) => Some(limit),
        }
    }

    /// When the rest is killed though the command itself never would have been.
    fn rest_due(&self) -> Option<Duration> {
        let never = self.options.grace == Limit::Never && self.ladder.stage() != Some(Stage::Kill);
        self.rest_since.filter(|_| never).map(|since| since + GRACE_OF_THE_REST)
    }

    /// Reaps orphans, and sees the command's end; when it has ended, it and whoever ends later is reaped last.
    fn see_children(&mut self) {
        while self.leader == Leader::Runs {
            match sys::wait(0, Wait::Peek) {
                Some(child) if child.pid == self.pid => {
                    self.leader = Leader::Ended;
                    self.ladder.tell(Event::LeaderEnded, self.began.elapsed());
                }
                Some(child) if child.pid != 0 => {
                    sys::wait(child.pid, Wait::Reap);
                }
                _ => return,
            }
        }
    }

    fn received(&mut self, signal: Signal, by_kernel: bool) {
        if signal.0 == libc::SIGALRM {
            if self.leader == Leader::Runs && !self.timed_out {
                self.time_is_up();
            }
        } else if self.options.foreground && by_kernel {
            // It came from the terminal, and the command has it too: it knows what it means.
        } else if signal.asks_to_end() || signal == self.options.signal {
            if self.requests == 0 {
                self.signal = signal;
                self.stopped_by = Some(signal);
            }
            self.request();
        } else if self.leader == Leader::Runs {
            self.voice.sending(signal, self.command.words[0]);
            // In a namespace there is no group, and everybody in it would be too many.
            if self.options.foreground || self.tree.kind() == Kind::PidNamespace {
                let _ = sys::kill(self.pid, signal.0);
            } else {
                self.tree.signal(self.pid, signal);
            }
        }
    }

    fn time_is_up(&mut self) {
        self.timed_out = true;
        if self.requests == 0 {
            self.request();
        } else {
            self.signal = self.options.signal;
            self.terminate();
        }
    }

    fn request(&mut self) {
        self.requests += 1;
        self.ladder.tell(Event::Requests(self.requests), self.began.elapsed());
    }
}
