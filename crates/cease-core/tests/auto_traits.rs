//! The auto traits of every public type of this crate, checked at compile time.
#![cfg(not(any(loom, shuttle)))]

use std::panic::{RefUnwindSafe, UnwindSafe};

use cease_core::*;

const fn is_shared<T: Send + Sync + ?Sized>() {}
const fn is_unpin<T: Unpin + ?Sized>() {}
const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe + ?Sized>() {}

macro_rules! each {
    ($check:ident: $($type:ty),* $(,)?) => {
        const _: () = { $($check::<$type>();)* };
    };
}

each!(is_shared:
    Alarm, CallbackGuard, Cause, Contract, Deadline, DeferredCallbacks, Exception, Exit<u8>, JobError,
    JoinError<'static, u8>, JoinFuture<'static, u8>, Law, LinkedToken, Modelled, NeverStops, Panic, Payload, Reason,
    Request, RunsOn, ScopedWorker<'static, u8>, SpawnError<u8>, StopGuard, StopObserved, StopSource, StopToken, Stopped,
    StoppedFuture<'static>, Swallowed, ThreadBuilder, TimerError, UnwindBoundary, WaitError, Worker<u8>,
);
each!(is_unpin:
    Alarm, CallbackGuard, Cause, Contract, Deadline, DeferredCallbacks, Exception, Exit<u8>, JobError,
    JoinError<'static, u8>, JoinFuture<'static, u8>, Law, LinkedToken, Modelled, NeverStops, Panic, Payload, Reason,
    Request, RunsOn, ScopedWorker<'static, u8>, SpawnError<u8>, StopGuard, StopObserved, StopSource, StopToken, Stopped,
    Swallowed, ThreadBuilder, TimerError, UnwindBoundary, WaitError, Worker<u8>,
);
each!(is_unwind_safe: Contract, Exception, Law, Modelled, Panic, Payload, Reason, Request, RunsOn, StopSource, StopToken, Stopped);

/// Jobs that return their stop.
enum Returning {}

impl Technique for Returning {
    type Boundary = StopToken;
    type Checkpoint = StopToken;
    const CONTRACT: &'static Contract = &Contract::new("returning", RunsOn::Thread, Modelled::RealCode);

    fn run<T>(stop: &StopToken, job: impl FnOnce(&StopToken) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(stop)
    }
}

/// Jobs that a stop unwinds.
enum Unwinding {}

impl Technique for Unwinding {
    type Boundary = UnwindBoundary;
    type Checkpoint = UnwindBoundary;
    const CONTRACT: &'static Contract = &Contract::new("unwinding", RunsOn::Thread, Modelled::RealCode);

    fn run<T>(stop: &UnwindBoundary, job: impl FnOnce(&UnwindBoundary) -> Result<T, Stopped>) -> Result<T, Stopped> {
        job(stop)
    }
}

each!(is_shared: ThreadStrategy<Returning>, ThreadStrategy<Unwinding>);
each!(is_unpin: ThreadStrategy<Returning>, ThreadStrategy<Unwinding>);
each!(is_unwind_safe: ThreadBuilder, ThreadStrategy<Returning>, ThreadStrategy<Unwinding>);
