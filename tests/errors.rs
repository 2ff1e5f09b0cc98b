//! Errors of spawning and joining go through `?` into the error types that programs use.
#![cfg(not(any(loom, shuttle)))]

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use cease::flag::Flag;
use cease::{Checkpoint, Exit, JoinError, SpawnError, SpawnFn, StopSource};

const NO_SUCH_STACK: usize = usize::MAX / 2;

fn finishes() -> anyhow::Result<u64> {
    let worker = Flag::new().spawn_fn(|stop| stop.check().map(|()| 7))?;
    worker.join()?.into_finished().context("it was not stopped")
}

fn is_refused() -> anyhow::Result<()> {
    let owned = Box::new(std::cell::Cell::new(7));
    Flag::new().stack_size(NO_SUCH_STACK).name("large").spawn_fn(move |_| Ok(owned.get()))?.join()?;
    Ok(())
}

fn still_runs(source: &StopSource) -> anyhow::Result<()> {
    let worker = Flag::new().name("slow").spawn_fn_with(|stop| stop.sleep(Duration::MAX), source.clone())?;
    worker.join_timeout(Duration::ZERO)?;
    Ok(())
}

fn boxed() -> Result<(), Box<dyn Error + Send + Sync>> {
    Flag::new().stack_size(NO_SUCH_STACK).spawn_fn(|_| Ok(()))?.join()?;
    Ok(())
}

#[test]
fn errors_go_into_anyhow_and_keep_their_text() {
    assert_eq!(finishes().unwrap(), 7);
    let refused = is_refused().unwrap_err();
    assert!(refused.to_string().starts_with("could not start worker `large`: "), "{refused}");
    assert_eq!(format!("{refused:#}"), refused.to_string(), "the chain repeats no cause");
    assert!(boxed().unwrap_err().to_string().starts_with("could not start worker `flag`: "));

    let source = StopSource::new();
    let error = still_runs(&source).unwrap_err();
    assert_eq!(error.to_string(), "worker `slow` still runs");
    // The error owns the worker, which stops and is joined with it.
    let error: JoinError<'static, ()> = error.downcast().unwrap();
    let exit = {
        error.to_string();
        source.request();
        error.into_worker().join().unwrap()
    };
    assert!(matches!(exit, Exit::Stopped(_)));
}

#[test]
fn a_job_that_is_not_shared_comes_back_out_of_its_error() {
    let owned = Box::new(std::cell::Cell::new(7));
    let spawned = Flag::new().stack_size(NO_SUCH_STACK).spawn_fn(move |_| Ok(owned.get()));
    let error: SpawnError<_> = spawned.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    let worker = Flag::new().spawn_fn(error.into_job()).unwrap();
    assert_eq!(worker.join().unwrap().into_finished(), Some(7));
}
