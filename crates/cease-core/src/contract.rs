//! What a strategy promises, as data.

use std::fmt;

/// What a strategy promises; docs, reports and the conformance suite read it.
///
/// Later versions can add fields, so a strategy builds its contract with [`Contract::new`]:
///
/// ```
/// use cease_core::{Contract, Exception, Law, Modelled, RunsOn};
///
/// const CONTRACT: Contract = Contract::new("leaky", RunsOn::Thread, Modelled::RealCode)
///     .technique("the job polls a flag")
///     .stops_at("a checkpoint")
///     .cannot_stop("code without checkpoints")
///     .exceptions(&[Exception::new(Law::L18, "each worker leaks a kilobyte")]);
///
/// assert_eq!(CONTRACT.exception(Law::L18), Some("each worker leaks a kilobyte"));
/// assert_eq!(CONTRACT.exception(Law::L1), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Contract {
    /// Its name, one word.
    pub strategy: &'static str,
    /// How a request reaches the job.
    pub technique: &'static str,
    /// What the job runs on.
    pub runs_on: RunsOn,
    /// Where the job can be stopped.
    pub stops_at: &'static str,
    /// What it cannot stop.
    pub cannot_stop: &'static str,
    /// How much of it a model checker sees.
    pub modelled: Modelled,
    /// The laws it does not keep; it keeps all others that concern it.
    pub exceptions: &'static [Exception],
}

impl Contract {
    /// A contract that keeps every law. Its texts are empty until the methods below set them.
    #[must_use]
    pub const fn new(strategy: &'static str, runs_on: RunsOn, modelled: Modelled) -> Self {
        Self { strategy, technique: "", runs_on, stops_at: "", cannot_stop: "", modelled, exceptions: &[] }
    }

    /// Sets how a request reaches the job.
    #[must_use]
    pub const fn technique(mut self, technique: &'static str) -> Self {
        self.technique = technique;
        self
    }

    /// Sets where the job can be stopped.
    #[must_use]
    pub const fn stops_at(mut self, stops_at: &'static str) -> Self {
        self.stops_at = stops_at;
        self
    }

    /// Sets what the strategy cannot stop.
    #[must_use]
    pub const fn cannot_stop(mut self, cannot_stop: &'static str) -> Self {
        self.cannot_stop = cannot_stop;
        self
    }

    /// Sets the laws that the strategy does not keep, in place of earlier ones.
    #[must_use]
    pub const fn exceptions(mut self, exceptions: &'static [Exception]) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// Why `law` is not kept, or `None` when it is.
    #[must_use]
    pub fn exception(&self, law: Law) -> Option<&'static str> {
        self.exceptions.iter().find(|exception| exception.law == law).map(|exception| exception.why)
    }
}

/// A law that a strategy does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// The law.
    pub law: Law,
    /// Why it is not kept.
    pub why: &'static str,
}

impl Exception {
    /// The exception of `law`, with the reason why the strategy does not keep it.
    #[must_use]
    pub const fn new(law: Law, why: &'static str) -> Self {
        Self { law, why }
    }
}

/// What a job runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunsOn {
    /// A thread of this process.
    Thread,
    /// A task of an async runtime.
    Task,
    /// A process of its own.
    Process,
}

impl fmt::Display for RunsOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Thread => "thread",
            Self::Task => "task",
            Self::Process => "process",
        })
    }
}

/// How much of a strategy a model checker sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Modelled {
    /// The real code; only this may say "proved by loom".
    RealCode,
    /// The real code over a stand-in for a library.
    StandIn,
    /// The interleavings of calls, not what happens inside them.
    Opaque,
    /// Nothing: it is held to the laws with real threads only.
    StdOnly,
}

impl fmt::Display for Modelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RealCode => "the real code",
            Self::StandIn => "the real code over a stand-in",
            Self::Opaque => "the order of calls",
            Self::StdOnly => "nothing",
        })
    }
}

macro_rules! laws {
    ($($law:ident $promise:literal;)*) => {
        /// A promise that every strategy keeps, or says that it does not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Law {
            $(#[doc = $promise] $law,)*
        }

        impl Law {
            /// Every law, in order.
            pub const ALL: &'static [Self] = &[$(Self::$law),*];

            /// What is promised.
            #[must_use]
            pub const fn promise(self) -> &'static str {
                match self {
                    $(Self::$law => $promise,)*
                }
            }
        }
    };
}

laws! {
    L1 "a request is sticky and idempotent: exactly one caller is told it was first; it is never taken back";
    L2 "one reason: every observer sees the reason of the request that won";
    L3 "what was written before the winning request is visible to whoever observes the stop";
    L4 "no lost wake-up: whoever waits is woken, however request and wait interleave";
    L5 "stop before start: the job stops at its first checkpoint or never starts";
    L6 "stop after the end is harmless";
    L7 "finish racing with stop gives exactly one exit, and a value that was produced is not lost";
    L8 "after join nothing of the worker runs, and its destructors ran (or the contract says not)";
    L9 "a panic in the job is reported with its payload, never taken for a stop";
    L10 "dropping a worker stops and joins it; only `detach` lets go";
    L11 "joining oneself is an error, not a deadlock";
    L12 "a stop goes down the tree, never up; a child of a stopped parent is born stopped; when the request returns, every descendant reads stopped";
    L13 "a callback runs exactly once; dropping it waits for a running one, except from inside; on a stopped token it runs at once; one that panics loses no other";
    L14 "when the last source is gone unasked, the token says it can never stop";
    L15 "a deadline never fires early, only tightens, and is a reason of its own";
    L17 "every accepted item is handled or handed back: none lost, none twice";
    L18 "nothing leaks: threads, descriptors, processes, memory are the same before and after many runs";
    L19 "no signal ever reaches a stranger: none is sent to a number after it was reaped";
    L20 "the panic hook stays silent, foreign panics pass through, `panic = \"abort\"` is refused at start";
    L21 "a linked token stops once, when enough of its inputs have, for the reason of the one that decides; when too few are left it says so, and cutting the link leaves nothing behind";
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
