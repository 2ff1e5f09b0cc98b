//! Calls that are seen to block before a test goes on.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use cease_core::{Reason, StopSource};
use cease_os::fd::{FdError, StopFd};
use cease_os::threads::{Doing, ThreadId, ThreadState};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn stop() -> (StopSource, StopFd) {
    let source = StopSource::new();
    let stop = StopFd::new(&source.token()).unwrap();
    (source, stop)
}

/// The reason of a stop, when the call ended with one.
pub(crate) fn stopped<T>(ended: Result<T, FdError>) -> Reason {
    match ended {
        Err(FdError::Stopped(stopped)) => stopped.reason().clone(),
        Err(error) => panic!("not stopped: {error}"),
        Ok(_) => panic!("not stopped"),
    }
}

/// Does `call` on another thread, and `then` once that is asleep in `poll`.
pub(crate) fn when_blocked<T: Send + 'static, R>(
    call: impl FnOnce() -> T + Send + 'static,
    then: impl FnOnce() -> R,
) -> T {
    let (say, said) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let calling = thread::spawn(move || {
        say.send(ThreadId::current()).unwrap();
        tell.send(call())
    });
    let id = said.recv_timeout(PATIENCE).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let state = ThreadState::look(id).unwrap();
        if matches!(state.doing(), Doing::Blocked(call) if matches!(call.name, Some("poll" | "ppoll"))) {
            break;
        }
        assert!(!calling.is_finished(), "it did not block");
        assert!(Instant::now() < deadline, "{state:?}");
        thread::yield_now();
    }
    then();
    let returned = told.recv_timeout(PATIENCE).expect("the call ends");
    calling.join().unwrap().unwrap();
    returned
}
