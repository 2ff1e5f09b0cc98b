//! A worker that waits in its checkpoint, from the request until it is joined.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cease_channel::Channel;
use cease_core::{Checkpoint, SpawnFn, Worker};
use crossbeam_channel::RecvError;

use crate::contender::Contender;
use crate::cpu;
use crate::rounds::{Row, Unit, spread};
use crate::rows::wake::{ASKER, SLEEPER, Signal};

pub(super) static ROWS: [Row; 1] = [Row {
    name: "channel/stop-to-exit",
    unit: Unit::Nanoseconds,
    targets: &[("crossbeam-channel", 1.1)],
    limit: None,
    contenders: |setup| {
        let stops = setup.scale.operations(STOPS);
        Ok(vec![
            Contender::fallible("Channel", move || round(stops, worker)),
            Contender::fallible("crossbeam-channel", move || round(stops, bare)),
        ])
    },
}];

/// How many stops make a round.
const STOPS: u32 = 200;

/// The median of so many stops; `start` starts what waits and tells it by the signal, and returns what ends and joins it.
fn round<E: FnOnce()>(stops: u32, start: fn(Signal) -> io::Result<E>) -> io::Result<f64> {
    cpu::pin(ASKER);
    let (signal, _awake) = Signal::new();
    let stops = (0..stops).map(|_| {
        let end = start(signal.clone())?;
        signal.wait_until_asleep();
        let asked = Instant::now();
        end();
        Ok(asked.elapsed().as_secs_f64() * 1e9)
    });
    let median = stops.collect::<io::Result<_>>().map(|stops| spread(stops).median);
    cpu::unpin();
    median
}

fn worker(signal: Signal) -> io::Result<impl FnOnce()> {
    let wait = move |stop: &cease_channel::StopReceiver| {
        cpu::pin(SLEEPER);
        signal.about_to_wait();
        stop.sleep(Duration::MAX)
    };
    let worker: Worker<()> = Channel::new().spawn_fn(wait).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(move || {
        assert!(worker.stop());
        assert!(worker.join().is_ok_and(|exit| exit.as_stopped().is_some()), "nobody else stops it");
    })
}

fn bare(signal: Signal) -> io::Result<impl FnOnce()> {
    let (sender, receiver) = crossbeam_channel::bounded::<()>(1);
    let thread: JoinHandle<_> = thread::Builder::new().name("bare".to_owned()).spawn(move || {
        cpu::pin(SLEEPER);
        signal.about_to_wait();
        receiver.recv()
    })?;
    Ok(move || {
        drop(sender);
        assert_eq!(thread.join().expect("it does not panic"), Err(RecvError));
    })
}
