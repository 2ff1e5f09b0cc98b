//! The law about objects of a library that follow a stop: a part of L12.

use cease_core::sync::{Arc, thread};
use cease_core::{Checkpoint, StopSource, StopToken};

/// A checkpoint that carries an object of a library, such as a receiver, which reads stopped after a request.
pub trait Mirror {
    /// The checkpoint.
    type Checkpoint: Checkpoint + Send + Sync + 'static;

    /// Makes a checkpoint for `stop`.
    fn follow(&self, stop: &StopToken) -> Self::Checkpoint;

    /// Whether the library's object reads stopped.
    fn reads_stopped(checkpoint: &Self::Checkpoint) -> bool;
}

/// L12: the library's object reads stopped once the request has returned, and never before the checkpoint does.
pub fn l12_a_mirror_follows_the_flag<M: Mirror>(mirror: &M) {
    let source = StopSource::new();
    let checkpoint = Arc::new(mirror.follow(&source.token()));
    let polled = Arc::clone(&checkpoint);
    let polling = thread::spawn(move || {
        if M::reads_stopped(&polled) {
            assert!(polled.check().is_err(), "L12: the library's object read stopped before the checkpoint did");
        }
    });
    source.request();
    assert!(checkpoint.is_stop_requested(), "L12: the request returned before the checkpoint read stopped");
    assert!(M::reads_stopped(&checkpoint), "L12: the request returned before the library's object read stopped");
    polling.join().expect("L12: polling does not panic");
}
