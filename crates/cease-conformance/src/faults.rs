//! Seeded faults: which mistake is found by which law, and how it shows.
//!
//! A build for loom makes the mistake that the environment variable `CEASE_FAULT` names.
//! The repository's test `models` runs every fault against every law that reaches it, each pair in a process of its own, and
//! compares with this table.

pub use cease_core::Fault;
use cease_core::Law;

/// How a broken law shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// An assertion of the law, which names the law.
    Assertion,
    /// Every thread waits for ever.
    Deadlock,
    /// Two threads reached the same memory with no order between them.
    Race,
    /// Something was not released.
    Leak,
    /// The code that has the fault panicked.
    Panic,
    /// The law did not end.
    Hang,
}

impl Failure {
    /// The kind of failure that a process's output tells of first, if it is a known one.
    ///
    /// What comes later is often a thread that waits for the one that failed.
    #[must_use]
    pub fn of(output: &str) -> Option<Self> {
        output.lines().find_map(Self::of_line)
    }

    fn of_line(line: &str) -> Option<Self> {
        if line.contains("deadlock; threads") {
            Some(Self::Deadlock)
        } else if line.contains("Causality violation") {
            Some(Self::Race)
        } else if line.contains("leaked") {
            Some(Self::Leak)
        } else if line.contains(": no end within ") {
            Some(Self::Hang)
        } else if names_a_law(line) {
            Some(Self::Assertion)
        } else {
            line.contains("asked a worker that has ended").then_some(Self::Panic)
        }
    }

    /// One letter for the matrix.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Assertion => 'A',
            Self::Deadlock => 'D',
            Self::Race => 'R',
            Self::Leak => 'K',
            Self::Panic => 'P',
            Self::Hang => 'H',
        }
    }
}

/// A fault, and the law that must find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seeded {
    /// The fault.
    pub fault: Fault,
    /// A law that must find it; others may too.
    pub killer: Law,
    /// How it must show there.
    pub shows_as: Failure,
}

/// Every fault with its killer; each law that is checked stands here at least once.
pub const SEEDED: &[Seeded] = &[
    Seeded { fault: Fault::TwoFirsts, killer: Law::L1, shows_as: Failure::Assertion },
    Seeded { fault: Fault::Lowered, killer: Law::L1, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ReasonOverwritten, killer: Law::L2, shows_as: Failure::Race },
    Seeded { fault: Fault::RelaxedPublication, killer: Law::L3, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LostWakeup, killer: Law::L4, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::OneWoken, killer: Law::L4, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::RelaxedWoken, killer: Law::L4, shows_as: Failure::Race },
    Seeded { fault: Fault::StopBeforeStartLost, killer: Law::L5, shows_as: Failure::Assertion },
    Seeded { fault: Fault::StopAfterEndPanics, killer: Law::L6, shows_as: Failure::Panic },
    Seeded { fault: Fault::LostValue, killer: Law::L7, shows_as: Failure::Assertion },
    Seeded { fault: Fault::EarlyJoin, killer: Law::L8, shows_as: Failure::Assertion },
    Seeded { fault: Fault::SwallowedPanic, killer: Law::L9, shows_as: Failure::Assertion },
    Seeded { fault: Fault::DropDetaches, killer: Law::L10, shows_as: Failure::Assertion },
    Seeded { fault: Fault::SelfJoinUnnoticed, killer: Law::L11, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::BirthUnseen, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ShallowSweep, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ShardsUnlocked, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ShardsUnpublished, killer: Law::L12, shows_as: Failure::Race },
    Seeded { fault: Fault::ShardNotSwept, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ShardsApart, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LoserDoesNotWait, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CursorSkips, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CallbackNotAwaited, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CallbackAwaitsItself, killer: Law::L13, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::PanicEndsSweep, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::OldestFirst, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ShallowFirst, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::DueNotTakenBack, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::UnregisterWaits, killer: Law::L13, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::UnregisterLies, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::OrphanNotTold, killer: Law::L14, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::OrphanUnmarked, killer: Law::L14, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::EarlyDeadline, killer: Law::L15, shows_as: Failure::Assertion },
    Seeded { fault: Fault::DeadlineLoosened, killer: Law::L15, shows_as: Failure::Assertion },
    Seeded { fault: Fault::PassedForgotten, killer: Law::L15, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ItemLostAtStop, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ItemHandledTwice, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::StoppedSendAccepted, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ReturnedItemCounted, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::SendAfterClose, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::RestTakenEarly, killer: Law::L17, shows_as: Failure::Assertion },
    Seeded { fault: Fault::TwoReports, killer: Law::L7, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LostResult, killer: Law::L7, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ReliefHurries, killer: Law::L7, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::SignalAfterReap, killer: Law::L19, shows_as: Failure::Assertion },
    Seeded { fault: Fault::KeptThoughSignalled, killer: Law::L19, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ReapBeforeSweep, killer: Law::L19, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LeakedNode, killer: Law::L18, shows_as: Failure::Leak },
    Seeded { fault: Fault::RelaxedKeepers, killer: Law::L18, shows_as: Failure::Race },
    Seeded { fault: Fault::StopCallsTheHook, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::StopTakenForPanic, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::PanicTakenForStop, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::StopForAnotherKept, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::SwallowedUnnoticed, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ArrivedTakenForSwallowed, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::SiblingTakenForSwallowed, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::HandedStopIsFailure, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CurrentNotRestored, killer: Law::L20, shows_as: Failure::Assertion },
    Seeded { fault: Fault::VoteCountedTwice, killer: Law::L21, shows_as: Failure::Assertion },
    Seeded { fault: Fault::StopEscalates, killer: Law::L1, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LinkForgotten, killer: Law::L21, shows_as: Failure::Assertion },
    Seeded { fault: Fault::LostVoteUncounted, killer: Law::L21, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::RelaxedReason, killer: Law::L2, shows_as: Failure::Race },
    Seeded { fault: Fault::RelaxedChange, killer: Law::L15, shows_as: Failure::Race },
    Seeded { fault: Fault::RootRevived, killer: Law::L18, shows_as: Failure::Assertion },
    Seeded { fault: Fault::RenewedUnseen, killer: Law::L4, shows_as: Failure::Deadlock },
    Seeded { fault: Fault::RunningFrameLeaked, killer: Law::L18, shows_as: Failure::Leak },
    Seeded { fault: Fault::SelfJoinTimeoutUnnoticed, killer: Law::L11, shows_as: Failure::Assertion },
    Seeded { fault: Fault::RelaxedCount, killer: Law::L18, shows_as: Failure::Race },
    Seeded { fault: Fault::UnfencedCount, killer: Law::L18, shows_as: Failure::Race },
    Seeded { fault: Fault::UnfencedLast, killer: Law::L18, shows_as: Failure::Race },
    Seeded { fault: Fault::SweepWaitedOnce, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::ParkedOnce, killer: Law::L4, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CallbackAwaitedOnce, killer: Law::L13, shows_as: Failure::Assertion },
    Seeded { fault: Fault::CancelNotPassedOn, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::FlagRaisedLast, killer: Law::L12, shows_as: Failure::Assertion },
    Seeded { fault: Fault::BlockedSendNotWoken, killer: Law::L17, shows_as: Failure::Deadlock },
];

/// Whether a line of output is a law's own message: its number stands in front, or behind the words of `assert_eq!`.
fn names_a_law(line: &str) -> bool {
    let message = line.split_once("` failed: ").map_or(line, |(_, message)| message);
    let number = message.strip_prefix('L').and_then(|rest| rest.split_once(": ")).map(|(number, _)| number);
    number.is_some_and(|number| number.parse::<u8>().is_ok())
}
