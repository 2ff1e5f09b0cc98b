//! The process of one cell: what runs in it, and what ends it.
//!
//! # How it works
//!
//! The comparison starts itself again for each cell, so that work that cannot be stopped ends with its process.
//! The cell is told on the command line; the result is one line of JSON on the standard output.
//! The standard input is a rope to the parent: a byte says "begin no further trial", and its end, which comes even when
//! the parent is killed, ends this process at once.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process;
use std::thread;

use cease_core::StopSource;

use crate::cell::Seen;
use crate::exit;
use crate::matrix;
use crate::spec::Spec;

/// The first argument of the process of a cell.
pub(crate) const MARK: &str = "--run-one-cell";

/// Runs the cell that `arguments` name: its [`Spec`] as JSON, and the input.
pub(crate) fn main(mut arguments: impl Iterator<Item = OsString>) -> u8 {
    let spec = arguments.next().and_then(|spec| spec.into_string().ok());
    let spec = spec.and_then(|spec| serde_json::from_str::<Spec>(&spec).ok());
    let (Some(spec), Some(input), None) = (spec, arguments.next(), arguments.next()) else {
        exit::complain(&format!("`{MARK}` is how the comparison starts itself; it is not for use by hand"));
        return exit::USAGE;
    };

    let interrupt = StopSource::new();
    let seen = hold_rope(interrupt.clone()).map_err(|error| format!("cannot start a thread: {error}")).and_then(|()| {
        let workload =
            matrix::workload(&spec.workload).ok_or_else(|| format!("unknown workload `{}`", spec.workload))?;
        (workload.run)(&spec, Path::new(&input), &interrupt.token())
    });
    let seen = seen.unwrap_or_else(Seen::failed);
    match tell(&seen) {
        Ok(()) => exit::AS_EXPECTED,
        Err(_) => exit::NOT_WRITTEN,
    }
}

/// Waits on the parent's rope, on a thread of its own that lives as long as the process.
fn hold_rope(interrupt: StopSource) -> io::Result<()> {
    let rope = thread::Builder::new().name("rope".to_owned());
    rope.spawn(move || {
        let mut byte = [0];
        while matches!(io::stdin().read(&mut byte), Ok(1..)) {
            interrupt.request();
        }
        process::exit(1)
    })?;
    Ok(())
}

fn tell(seen: &Seen) -> io::Result<()> {
    let mut line = serde_json::to_vec(seen)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}
