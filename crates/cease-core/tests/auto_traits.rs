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
