//! The cases that every strategy on threads is held to when it spawns: what the thread gets, and that no work is lost.
//!
//! They ask the operating system for what it does not have, so they run with real threads only.

use std::error::Error;
use std::thread;
use std::time::Duration;

use cease_core::{Checkpoint, Exit, Job, JoinError, Reason, SpawnFn, StopSource, Stopped, Strategy, Worker, current};

/// Holds a strategy on threads to every case: one test per case, in a test file of its own.
///
/// The strategy is an expression with full paths, of a type with the methods `name` and `stack_size`.
///
/// ```text
/// cease_conformance::spawning!(cease_flag::Flag::new());
/// ```
#[macro_export]
macro_rules! spawning {
    ($new:expr) => {
        $crate::spawning! {
            @each $new;
            a_spawn_that_fails_hands_the_job_back
            a_spawn_that_fails_hands_the_closure_back
            the_largest_stack_is_an_error_and_not_a_panic
            a_name_with_a_nul_is_an_error_with_the_job_in_it
            a_spawn_that_fails_leaves_the_source_as_it_was
            the_thread_is_called_as_the_worker_is
            a_join_that_takes_too_long_gives_the_worker_back
            the_end_is_an_event_that_outlives_the_worker
            the_stop_is_the_threads_own
            a_failure_is_told_from_a_stop
            a_stop_with_context_is_a_stop
            a_fallible_spawn_that_fails_hands_the_closure_back
        }
    };
    (@each $new:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::spawning::$case(|name, stack_size| {
                    let strategy = match name {
                        Some(name) => $new.name(name),
                        None => $new,
                    };
                    match stack_size {
                        Some(bytes) => strategy.stack_size(bytes),
                        None => strategy,
                    }
                });
            }
        )*
    };
}

/// More than any address space has.
const NO_SUCH_STACK: usize = usize::MAX / 2;

/// Yields what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Parcel(String);

impl Parcel {
    fn precious() -> Self {
        Self("precious".into())
    }
}

impl Job for Parcel {
    type Output = String;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<String, Stopped> {
        stop.check()?;
        Ok(self.0)
    }
}

/// The error says which worker and why, and the job in it runs elsewhere.
pub fn a_spawn_that_fails_hands_the_job_back<S: Strategy<Parcel>>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let error = with(None, Some(NO_SUCH_STACK)).spawn(Parcel::precious()).unwrap_err();
    let name = with(None, None).contract().strategy;
    assert_eq!(error.to_string(), format!("could not start worker `{name}`: {}", error.os_error()));
    let cause = error.os_error().to_string();
    assert!(cause.contains("(os error "), "the text names the error of the operating system: {cause}");
    assert!(error.source().is_none(), "the text has the cause, so the source begins behind it");

    let worker = with(None, None).spawn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("precious"));
}

/// What a closure owns is not lost either.
pub fn a_spawn_that_fails_hands_the_closure_back<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let precious = String::from("precious");
    let error = with(None, Some(NO_SUCH_STACK)).spawn_fn(move |_| Ok(precious)).unwrap_err();

    let worker: Worker<String> = with(None, None).spawn_fn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("precious"));
}

/// The standard library rounds a stack size up, past the end of the numbers.
pub fn the_largest_stack_is_an_error_and_not_a_panic<S>(with: impl Fn(Option<&str>, Option<usize>) -> S)
where
    S: Strategy<Parcel>,
{
    let error = with(None, Some(usize::MAX)).spawn(Parcel::precious()).unwrap_err();
    assert_eq!(error.into_job(), Parcel::precious());
}

/// The standard library panics on such a name.
pub fn a_name_with_a_nul_is_an_error_with_the_job_in_it<S>(with: impl Fn(Option<&str>, Option<usize>) -> S)
where
    S: Strategy<Parcel>,
{
    let error = with(Some("a\0b"), None).spawn(Parcel::precious()).unwrap_err();
    assert_eq!(error.os_error().kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(error.into_job(), Parcel::precious());
}

/// Nobody is asked to stop because of it.
pub fn a_spawn_that_fails_leaves_the_source_as_it_was<S>(with: impl Fn(Option<&str>, Option<usize>) -> S)
where
    S: Strategy<Parcel>,
{
    let source = StopSource::new();
    let error = with(None, Some(NO_SUCH_STACK)).spawn_with(Parcel::precious(), source.clone()).unwrap_err();
    assert!(!source.is_stop_requested());
    let worker = with(None, None).spawn_with(error.into_job(), source).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().as_deref(), Some("precious"));
}

/// So that debuggers and the operating system show it.
pub fn the_thread_is_called_as_the_worker_is<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let worker = with(Some("ticker"), None).spawn_fn(|_| Ok(thread::current().name().map(str::to_owned))).unwrap();
    assert_eq!(worker.name(), "ticker");
    assert_eq!(worker.join().unwrap().into_finished().flatten().as_deref(), Some("ticker"));
}

/// It is neither stopped nor joined, and can be asked and joined again.
pub fn a_join_that_takes_too_long_gives_the_worker_back<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let worker = with(Some("slow"), None).spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
    let error = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(matches!(error, JoinError::StillRunning(_)));
    assert_eq!(error.to_string(), "worker `slow` still runs");
    let worker = error.into_worker();
    assert!(!worker.is_finished());
    assert!(worker.stop_with("enough"));
    let exit = worker.join_timeout(Duration::MAX).unwrap();
    assert!(matches!(exit, Exit::Stopped(stopped) if stopped.reason() == &Reason::from("enough")));
}

/// Whoever holds the event hears of the end, also of a worker that was let go of.
pub fn the_end_is_an_event_that_outlives_the_worker<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let worker = with(None, None).spawn_fn(|stop| stop.sleep(Duration::MAX)).unwrap();
    let (source, ended) = (worker.source().clone(), worker.ended().clone());
    assert!(!ended.is_stop_requested());
    worker.detach();
    source.request();
    ended.wait().unwrap();
}

/// A function that is handed no checkpoint asks all the same.
pub fn the_stop_is_the_threads_own<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    assert!(current::token().is_none());
    let source = StopSource::new();
    source.request_with("early");
    let worker = with(None, None).spawn_fn_with(|_| current::check(), source).unwrap();
    assert_eq!(worker.join().unwrap().as_stopped().unwrap().reason(), &Reason::from("early"));
}

/// `?` takes the failure of the work and the stop, and the exit tells which of them it was.
pub fn a_failure_is_told_from_a_stop<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let open = |path: &'static str, source| {
        let worker = with(None, None).spawn_fallible_with(
            move |stop| {
                stop.check()?;
                Ok(std::fs::File::open(path).map(drop)?)
            },
            source,
        );
        worker.unwrap().join().unwrap()
    };
    assert!(matches!(open("/", StopSource::new()), Exit::Finished(Ok(()))));
    let Exit::Finished(Err(error)) = open("/there is no such file", StopSource::new()) else { panic!("it failed") };
    assert_eq!(error.downcast::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::NotFound);
    let source = StopSource::new();
    source.request_with("early");
    assert_eq!(open("/", source).as_stopped().unwrap().reason(), &Reason::from("early"));

    let inside =
        with(None, None).spawn_fallible(|stop| Err::<(), _>(std::io::Error::other(stop.token().wait()?).into()));
    let inside = inside.unwrap();
    inside.stop_with("inside an error of input and output");
    assert!(inside.join().unwrap().as_stopped().is_some());
}

/// Context that code of the job adds to a stop leaves it a stop.
pub fn a_stop_with_context_is_a_stop<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    #[derive(Debug)]
    struct Context(Box<dyn std::error::Error + Send + Sync>);

    impl std::fmt::Display for Context {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the work was not done")
        }
    }

    impl std::error::Error for Context {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&*self.0)
        }
    }

    type Wrap = fn(Stopped) -> Context;
    let wraps: [Wrap; 3] = [
        |stopped| Context(stopped.into()),
        |stopped| Context(Context(stopped.into()).into()),
        |stopped| Context(std::io::Error::other(Context(std::io::Error::other(stopped).into())).into()),
    ];
    for wrap in wraps {
        let worker = with(None, None).spawn_fallible(move |stop| Err::<(), _>(wrap(stop.token().wait()?).into()));
        let worker = worker.unwrap();
        worker.stop_with("enough");
        assert_eq!(worker.join().unwrap().as_stopped().unwrap().reason(), &Reason::from("enough"));
    }
    let failing = with(None, None).spawn_fallible(|_| Err::<(), _>(Context("a bug".into()).into())).unwrap();
    let Exit::Finished(Err(error)) = failing.join().unwrap() else { panic!("it failed") };
    assert!(error.is::<Context>(), "a failure keeps its type");
}

/// What a closure that can fail owns is not lost either.
pub fn a_fallible_spawn_that_fails_hands_the_closure_back<S: SpawnFn>(with: impl Fn(Option<&str>, Option<usize>) -> S) {
    let precious = String::from("precious");
    let error = with(None, Some(NO_SUCH_STACK)).spawn_fallible(move |_| Ok(precious)).unwrap_err();
    let worker: Worker<Result<String, _>> = with(None, None).spawn_fallible(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().into_finished().unwrap().unwrap(), "precious");
}
