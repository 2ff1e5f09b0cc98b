//! What is done with the directory of a cgroup, relative to its descriptor.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, unlinkat};
use rustix::io::{Errno, pread};
use rustix::path::Arg;

use crate::descriptor::above_standard;

/// Opens `name` in `dir`, with a number above those of the standard streams.
pub(super) fn open(dir: impl AsFd, name: impl Arg, flags: OFlags) -> Result<OwnedFd, Errno> {
    above_standard(openat(dir, name, flags | OFlags::CLOEXEC, Mode::empty())?)
}

/// Writes `text`, in one call, to the file `name` in `dir`.
pub(super) fn write(dir: &OwnedFd, name: &str, text: &str) -> io::Result<()> {
    File::from(open(dir, name, OFlags::WRONLY)?).write_all(text.as_bytes())
}

/// Whether the kernel says that somebody is there; reading also makes the next change one that is told.
pub(super) fn says_populated(events: &OwnedFd) -> bool {
    let mut text = [0; 256];
    match pread(events, &mut text, 0) {
        Ok(length) => !text[..length].split(|byte| *byte == b'\n').any(|line| line == b"populated 0"),
        // It is removed when there is no such device; anything else says nothing.
        Err(error) => error != Errno::NODEV,
    }
}

/// The processes that run in the cgroup `dir`, and in those below it.
pub(super) fn members(dir: &OwnedFd) -> Vec<u32> {
    let mut text = String::new();
    if let Ok(procs) = open(dir, "cgroup.procs", OFlags::RDONLY) {
        // What was read before an error counts.
        let _ = File::from(procs).read_to_string(&mut text);
    }
    let own = text.lines().filter_map(|line| line.parse().ok());
    let below = has_below(dir).then(|| below(dir)).into_iter().flatten();
    own.chain(below.flat_map(|(_, dir)| members(&dir))).collect()
}

/// Removes the empty cgroup `name` in `dir`; whether it is gone, by whomever.
pub(super) fn remove(dir: &OwnedFd, name: impl Arg) -> bool {
    matches!(unlinkat(dir, name, AtFlags::REMOVEDIR), Ok(()) | Err(Errno::NOENT))
}

/// Whether there are cgroups below this one.
pub(super) fn has_below(dir: &OwnedFd) -> bool {
    // Its own name, its `.`, and the `..` of each below it.
    fstat(dir).is_ok_and(|stat| stat.st_nlink > 2)
}

/// Removes those below this one; whether all of them are gone.
pub(super) fn remove_below(dir: &OwnedFd) -> bool {
    // Each is tried, though another could not be removed.
    let outcome = |(name, inner): &(CString, OwnedFd)| !(remove_below(inner) && remove(dir, name));
    below(dir).filter(outcome).count() == 0
}

/// The cgroups right below this one, each opened when it is its turn.
pub(super) fn below(dir: &OwnedFd) -> impl Iterator<Item = (CString, OwnedFd)> {
    // One that is opened as a place only is not one that can be read.
    let list = open(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY).and_then(Dir::new);
    // Nothing is removed while the list is read.
    let entries: Vec<_> = list.into_iter().flatten().flatten().collect();
    let directories = entries.into_iter().filter(|entry| entry.file_type() == FileType::Directory);
    let names = directories.map(|entry| entry.file_name().to_owned()).filter(|name| !name.as_bytes().starts_with(b"."));
    names.filter_map(move |name| {
        let opened = open(dir, &name, OFlags::RDONLY | OFlags::DIRECTORY).ok()?;
        Some((name, opened))
    })
}
