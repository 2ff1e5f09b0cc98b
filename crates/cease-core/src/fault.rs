//! Seeded faults: known mistakes that the laws must find.
//!
//! A build for a model checker reads the environment variable `CEASE_FAULT` once and then makes that one mistake.
//! Where it asks whether a fault is seeded is a site of that fault; the environment variable `CEASE_SITES` names a file to
//! which the names of all faults are added whose sites were reached.
//! Every other build has no fault and no trace of one: [`is`] is `false` there, at compile time.

/// One mistake that can be seeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A waiter registers without looking again whether the stop was asked for meanwhile.
    LostWakeup,
    /// A request wakes the first waiter and forgets the others.
    OneWoken,
    /// The stop is published without its Release.
    RelaxedPublication,
    /// The waker's last touch of a waiter's frame is published without its Release.
    RelaxedWoken,
    /// A late request is told that it was first.
    TwoFirsts,
    /// A late request replaces the reason.
    ReasonOverwritten,
    /// A late request takes the stop back.
    Lowered,
    /// A child is born without looking again whether its parent was stopped meanwhile.
    BirthUnseen,
    /// A request stops at the children, and does not go further down.
    ShallowSweep,
    /// A source is given more shards under a lock that is not its own.
    ShardsUnlocked,
    /// The shards that a source is given are published without their Release.
    ShardsUnpublished,
    /// A request goes through the source's own shard only.
    ShardNotSwept,
    /// A request that goes from one shard to the next does not say that it is in the middle.
    ShardsApart,
    /// A request that was not first returns while the first is in the middle.
    LoserDoesNotWait,
    /// A request that has paused forgets the place that comes next.
    CursorSkips,
    /// The end of the last source is not noted.
    OrphanNotTold,
    /// A source below one that can never be asked is not told that it is on its own.
    OrphanUnmarked,
    /// Dropping a callback's guard does not wait for the callback.
    CallbackNotAwaited,
    /// A callback that drops its own guard waits for itself.
    CallbackAwaitsItself,
    /// A callback that panics ends the sweep.
    PanicEndsSweep,
    /// Callbacks of one source are called in the order of their registration.
    OldestFirst,
    /// Callbacks in the source's own shard are called before those in the others.
    ShallowFirst,
    /// A callback that a request is about to call is called though its guard was dropped.
    DueNotTakenBack,
    /// Unregistering a callback waits for it, as dropping its guard does.
    UnregisterWaits,
    /// Unregistering a callback says that it was removed, whatever became of it.
    UnregisterLies,
    /// An input of a linked token that stops counts twice.
    VoteCountedTwice,
    /// An input of a linked token that can never stop is not noted.
    LostVoteUncounted,
    /// A deadline stops before it has passed.
    EarlyDeadline,
    /// Whoever may only bring a deadline nearer moves it further away.
    DeadlineLoosened,
    /// A source that goes just as its deadline has passed takes the stop with it.
    PassedForgotten,
    /// Handing out a token leaks a reference to the state.
    LeakedNode,
    /// A shard that keeps its source no longer says so without Acquire and Release.
    RelaxedKeepers,
    /// A worker that is spawned on a stopped source gets a fresh one.
    StopBeforeStartLost,
    /// Asking a worker that has ended panics.
    StopAfterEndPanics,
    /// A value that was produced is thrown away when a stop was asked for.
    LostValue,
    /// Joining returns as soon as the stop was asked for.
    EarlyJoin,
    /// A panic of the job is reported as letting go.
    SwallowedPanic,
    /// Dropping a worker stops it and lets go.
    DropDetaches,
    /// Joining oneself is not noticed.
    SelfJoinUnnoticed,
    /// A consumer that is stopped drops the item that it has just received.
    ItemLostAtStop,
    /// A consumer handles an item a second time.
    ItemHandledTwice,
    /// A send that the sender's own stop ends says that the item was accepted.
    StoppedSendAccepted,
    /// An item that is handed back counts as handled too.
    ReturnedItemCounted,
    /// A channel that was closed goes on to accept items.
    SendAfterClose,
    /// What is left in a channel is taken until it is empty, and not until nobody can send any more.
    RestTakenEarly,
    /// A request that comes after the leader of a tree was reaped is answered by a signal.
    SignalAfterReap,
    /// The leader of a tree is reaped before the rest of the tree is swept.
    ReapBeforeSweep,
    /// A leader that was signalled is kept for another job.
    KeptThoughSignalled,
    /// A report is filed when the tree was killed, and another one when it is gone.
    TwoReports,
    /// What the leader has sent before it ended is not read.
    LostResult,
    /// Whoever takes a sentry's place begins to wait before the sentry has gone, and takes in what was to wake him.
    ReliefHurries,
    /// A stop that leaves a job by unwinding calls the panic hook.
    StopCallsTheHook,
    /// A stop that leaves a job by unwinding goes on past its edge.
    StopTakenForPanic,
    /// A panic that comes to an edge while a stop is asked for is taken for the stop.
    PanicTakenForStop,
    /// A stop that leaves for an edge further out is caught by the nearest.
    StopForAnotherKept,
    /// A stop that was swallowed on its way out is not told of.
    SwallowedUnnoticed,
    /// A stop that came to its edge is told of as swallowed.
    ArrivedTakenForSwallowed,
    /// A stop is reported as swallowed when its payload is dropped while a sibling is on its way.
    SiblingTakenForSwallowed,
    /// A guard takes a stop for a failure of its thread when another thread has handed that stop on.
    HandedStopIsFailure,
    /// The thread's own stop stays the inner one when that is left.
    CurrentNotRestored,
    /// A stop is not passed on to the receiver or the cancellation token that follows it.
    CancelNotPassedOn,
    /// The receiver that follows a stop is disconnected before the flag is raised that its checkpoint polls.
    FlagRaisedLast,
    /// The reason is read without the Acquire that pairs with its publication.
    RelaxedReason,
    /// A change of a stopped word is stored without its Release.
    RelaxedChange,
    /// An alarm takes a share in a root whose last share is gone.
    RootRevived,
    /// A task renews its waker without a second look at whether it was woken meanwhile.
    RenewedUnseen,
    /// The frame of a callback whose guard goes while it runs is never given back.
    RunningFrameLeaked,
    /// Joining oneself under a limit is not noticed.
    SelfJoinTimeoutUnnoticed,
    /// A handle is counted down without Release.
    RelaxedCount,
    /// The last handle gives the memory back without Acquire.
    UnfencedCount,
    /// A handle that is found to be the only one is found so without Acquire.
    UnfencedLast,
    /// A late request takes any wake-up for the end of the sweep.
    SweepWaitedOnce,
    /// A waiting thread takes any wake-up for its own.
    ParkedOnce,
    /// The drop of a guard takes any wake-up for the end of the callback.
    CallbackAwaitedOnce,
    /// A stop that is not the first escalates.
    StopEscalates,
    /// When the last token of a link goes, the link does not count as a source for those below.
    LinkForgotten,
    /// Closing a channel does not wake a send that waits for room.
    BlockedSendNotWoken,
}

impl Fault {
    /// Every fault there is.
    pub const ALL: [Self; 77] = [
        Self::LostWakeup,
        Self::OneWoken,
        Self::RelaxedPublication,
        Self::RelaxedWoken,
        Self::TwoFirsts,
        Self::ReasonOverwritten,
        Self::Lowered,
        Self::BirthUnseen,
        Self::ShallowSweep,
        Self::ShardsUnlocked,
        Self::ShardsUnpublished,
        Self::ShardNotSwept,
        Self::ShardsApart,
        Self::LoserDoesNotWait,
        Self::CursorSkips,
        Self::OrphanNotTold,
        Self::OrphanUnmarked,
        Self::CallbackNotAwaited,
        Self::CallbackAwaitsItself,
        Self::PanicEndsSweep,
        Self::OldestFirst,
        Self::ShallowFirst,
        Self::DueNotTakenBack,
        Self::UnregisterWaits,
        Self::UnregisterLies,
        Self::VoteCountedTwice,
        Self::LostVoteUncounted,
        Self::EarlyDeadline,
        Self::DeadlineLoosened,
        Self::PassedForgotten,
        Self::LeakedNode,
        Self::RelaxedKeepers,
        Self::StopBeforeStartLost,
        Self::StopAfterEndPanics,
        Self::LostValue,
        Self::EarlyJoin,
        Self::SwallowedPanic,
        Self::DropDetaches,
        Self::SelfJoinUnnoticed,
        Self::ItemLostAtStop,
        Self::ItemHandledTwice,
        Self::StoppedSendAccepted,
        Self::ReturnedItemCounted,
        Self::SendAfterClose,
        Self::RestTakenEarly,
        Self::SignalAfterReap,
        Self::ReapBeforeSweep,
        Self::KeptThoughSignalled,
        Self::TwoReports,
        Self::LostResult,
        Self::ReliefHurries,
        Self::StopCallsTheHook,
        Self::StopTakenForPanic,
        Self::PanicTakenForStop,
        Self::StopForAnotherKept,
        Self::SwallowedUnnoticed,
        Self::ArrivedTakenForSwallowed,
        Self::SiblingTakenForSwallowed,
        Self::HandedStopIsFailure,
        Self::CurrentNotRestored,
        Self::CancelNotPassedOn,
        Self::FlagRaisedLast,
        Self::RelaxedReason,
        Self::RelaxedChange,
        Self::RootRevived,
        Self::RenewedUnseen,
        Self::RunningFrameLeaked,
        Self::SelfJoinTimeoutUnnoticed,
        Self::RelaxedCount,
        Self::UnfencedCount,
        Self::UnfencedLast,
        Self::SweepWaitedOnce,
        Self::ParkedOnce,
        Self::CallbackAwaitedOnce,
        Self::StopEscalates,
        Self::LinkForgotten,
        Self::BlockedSendNotWoken,
    ];

    /// The value of `CEASE_FAULT` that seeds this fault.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostWakeup => "lost-wakeup",
            Self::OneWoken => "one-woken",
            Self::RelaxedPublication => "relaxed-publication",
            Self::RelaxedWoken => "relaxed-woken",
            Self::TwoFirsts => "two-firsts",
            Self::ReasonOverwritten => "reason-overwritten",
            Self::Lowered => "lowered",
            Self::BirthUnseen => "birth-unseen",
            Self::ShallowSweep => "shallow-sweep",
            Self::ShardsUnlocked => "shards-unlocked",
            Self::ShardsUnpublished => "shards-unpublished",
            Self::ShardNotSwept => "shard-not-swept",
            Self::ShardsApart => "shards-apart",
            Self::LoserDoesNotWait => "loser-does-not-wait",
            Self::CursorSkips => "cursor-skips",
            Self::OrphanNotTold => "orphan-not-told",
            Self::OrphanUnmarked => "orphan-unmarked",
            Self::CallbackNotAwaited => "callback-not-awaited",
            Self::CallbackAwaitsItself => "callback-awaits-itself",
            Self::PanicEndsSweep => "panic-ends-sweep",
            Self::OldestFirst => "oldest-first",
            Self::ShallowFirst => "shallow-first",
            Self::DueNotTakenBack => "due-not-taken-back",
            Self::UnregisterWaits => "unregister-waits",
            Self::UnregisterLies => "unregister-lies",
            Self::VoteCountedTwice => "vote-counted-twice",
            Self::LostVoteUncounted => "lost-vote-uncounted",
            Self::EarlyDeadline => "early-deadline",
            Self::DeadlineLoosened => "deadline-loosened",
            Self::PassedForgotten => "passed-forgotten",
            Self::LeakedNode => "leaked-node",
            Self::RelaxedKeepers => "relaxed-keepers",
            Self::StopBeforeStartLost => "stop-before-start-lost",
            Self::StopAfterEndPanics => "stop-after-end-panics",
            Self::LostValue => "lost-value",
            Self::EarlyJoin => "early-join",
            Self::SwallowedPanic => "swallowed-panic",
            Self::DropDetaches => "drop-detaches",
            Self::SelfJoinUnnoticed => "self-join-unnoticed",
            Self::ItemLostAtStop => "item-lost-at-stop",
            Self::ItemHandledTwice => "item-handled-twice",
            Self::StoppedSendAccepted => "stopped-send-accepted",
            Self::ReturnedItemCounted => "returned-item-counted",
            Self::SendAfterClose => "send-after-close",
            Self::RestTakenEarly => "rest-taken-early",
            Self::SignalAfterReap => "signal-after-reap",
            Self::ReapBeforeSweep => "reap-before-sweep",
            Self::KeptThoughSignalled => "kept-though-signalled",
            Self::TwoReports => "two-reports",
            Self::LostResult => "lost-result",
            Self::ReliefHurries => "relief-hurries",
            Self::StopCallsTheHook => "stop-calls-the-hook",
            Self::StopTakenForPanic => "stop-taken-for-panic",
            Self::PanicTakenForStop => "panic-taken-for-stop",
            Self::StopForAnotherKept => "stop-for-another-kept",
            Self::SwallowedUnnoticed => "swallowed-unnoticed",
            Self::ArrivedTakenForSwallowed => "arrived-taken-for-swallowed",
            Self::SiblingTakenForSwallowed => "sibling-taken-for-swallowed",
            Self::HandedStopIsFailure => "handed-stop-is-failure",
            Self::CurrentNotRestored => "current-not-restored",
            Self::CancelNotPassedOn => "cancel-not-passed-on",
            Self::FlagRaisedLast => "flag-raised-last",
            Self::RelaxedReason => "relaxed-reason",
            Self::RelaxedChange => "relaxed-change",
            Self::RootRevived => "root-revived",
            Self::RenewedUnseen => "renewed-unseen",
            Self::RunningFrameLeaked => "running-frame-leaked",
            Self::SelfJoinTimeoutUnnoticed => "self-join-timeout-unnoticed",
            Self::RelaxedCount => "relaxed-count",
            Self::UnfencedCount => "unfenced-count",
            Self::UnfencedLast => "unfenced-last",
            Self::SweepWaitedOnce => "sweep-waited-once",
            Self::ParkedOnce => "parked-once",
            Self::CallbackAwaitedOnce => "callback-awaited-once",
            Self::StopEscalates => "stop-escalates",
            Self::LinkForgotten => "link-forgotten",
            Self::BlockedSendNotWoken => "blocked-send-not-woken",
        }
    }

    /// Whether this is the one that is seeded, for strategies with faults of their own.
    #[inline]
    #[must_use]
    pub fn is_seeded(self) -> bool {
        is(self)
    }
}

/// Whether `fault` is the one that is seeded: none is in a build without a model checker.
#[cfg(not(any(loom, shuttle)))]
#[inline]
pub(crate) const fn is(_fault: Fault) -> bool {
    false
}

/// Whether `fault` is the one that is seeded; the place that asks is its site, and is noted as reached.
#[cfg(any(loom, shuttle))]
pub(crate) fn is(fault: Fault) -> bool {
    sites::note(fault);
    active() == Some(fault)
}

/// The fault that the environment names.
///
/// # Panics
///
/// When the environment names a fault that does not exist: a misspelt fault must not pass as "no fault".
#[cfg(any(loom, shuttle))]
fn active() -> Option<Fault> {
    static ACTIVE: std::sync::OnceLock<Option<Fault>> = std::sync::OnceLock::new();
    *ACTIVE.get_or_init(|| {
        let name = std::env::var("CEASE_FAULT").ok()?;
        let fault = Fault::ALL.into_iter().find(|fault| fault.name() == name);
        Some(fault.unwrap_or_else(|| panic!("CEASE_FAULT names no fault: {name}")))
    })
}

/// Which sites a process has reached.
#[cfg(any(loom, shuttle))]
mod sites {
    use std::fs::File;
    use std::io::Write;
    use std::sync::OnceLock;

    use super::Fault;

    /// Writes the name of `fault` to the file that `CEASE_SITES` names, once a process.
    ///
    /// Processes that the test starts inherit the variable, and add to the same file.
    ///
    /// # Panics
    ///
    /// When the file cannot be written: a site that is not noted must not pass as one that was not reached.
    pub(super) fn note(fault: Fault) {
        static FILE: OnceLock<Option<File>> = OnceLock::new();
        static NOTED: [OnceLock<()>; Fault::ALL.len()] = [const { OnceLock::new() }; Fault::ALL.len()];
        let open = |path| File::options().append(true).create(true).open(path).expect("CEASE_SITES can be written");
        let Some(mut file) = FILE.get_or_init(|| std::env::var_os("CEASE_SITES").map(open)).as_ref() else { return };
        NOTED[fault as usize].get_or_init(|| {
            // One call, so that lines of two processes do not mix.
            file.write_all(format!("{}\n", fault.name()).as_bytes()).expect("CEASE_SITES can be written");
        });
    }
}
