//! A cgroup for the command, below the one that this process is in.
//!
//! Whoever has to kill something anyway also removes the empty ones that killed processes like this one have left behind.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstatfs, mkdirat, openat, unlinkat};

use crate::sys;

/// Where cgroup v2 is on most machines: alone, or beside the older one.
const USUAL_PLACES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

const PREFIX: &str = "cease-timeout-";

/// How old an empty one has to be to count as left behind: between making one and filling it there is next to no time.
const ABANDONED: Duration = Duration::from_secs(1);

const MAGIC: i64 = 0x6367_7270;

/// A cgroup that is empty, or has the command in it.
#[derive(Debug)]
pub(crate) struct Cgroup {
    /// The cgroup that this process is in.
    above: PathBuf,
    parent: OwnedFd,
    name: OsString,
    dir: OwnedFd,
    removed: std::cell::Cell<bool>,
}

impl Cgroup {
    /// Makes one below the cgroup of this process.
    pub(crate) fn create() -> io::Result<Self> {
        let (above, parent) = own_cgroup()?;
        let name = OsString::from(name_of_ours());
        mkdirat(&parent, &name, Mode::from_raw_mode(0o755))?;
        let dir = openat(&parent, &name, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        match dir.map_err(io::Error::from).and_then(sys::above_standard) {
            Ok(dir) => Ok(Self { above, parent, name, dir, removed: std::cell::Cell::new(false) }),
            Err(error) => {
                let _ = unlinkat(&parent, &name, AtFlags::REMOVEDIR);
                Err(error)
            }
        }
    }

    /// What a child is started into.
    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Kills everything in it, and in those below it, in one step.
    pub(crate) fn kill(&self) {
        let path = self.path().join("cgroup.kill");
        if fs::write(&path, "1").is_err() && !self.removed.get() {
            // Older kernels have no such file.
            for pid in self.members() {
                if let Some(process) = crate::members::Process::read(pid) {
                    process.signal(libc::SIGKILL);
                }
            }
        }
    }

    /// The processes that run in it, and in those below it.
    pub(crate) fn members(&self) -> Vec<i32> {
        if self.removed.get() { Vec::new() } else { members(&self.path()) }
    }

    /// Removes it, if nobody runs in it; whether it is gone.
    pub(crate) fn remove(&self) -> bool {
        if self.removed.get() {
            return true;
        }
        let removed = unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR).is_ok();
        // One that a nested timeout left behind when it was killed is removed too.
        let removed = removed || (self.members().is_empty() && remove_all(&self.path()));
        self.removed.set(removed);
        removed
    }

    /// Puts everything that runs in it where this process is, and removes it.
    pub(crate) fn release(&self) {
        // Who is born meanwhile is found in the next round; who cannot be moved is left, and the cgroup with it.
        for _ in 0..1_000 {
            let members = self.members();
            for pid in &members {
                let _ = fs::write(self.above.join("cgroup.procs"), pid.to_string());
            }
            if self.remove() || members.is_empty() {
                return;
            }
        }
    }

    /// Removes it, and leaves its descriptors to the end of this process.
    pub(crate) fn forget(self) {
        self.remove();
        std::mem::forget(self);
    }

    fn path(&self) -> PathBuf {
        self.above.join(&self.name)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Removes the empty cgroups of processes that are gone.
pub(crate) fn remove_abandoned() {
    let Ok((own, _)) = own_cgroup() else { return };
    for path in below(&own) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let maker = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let is_gone = maker.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        let age = fs::metadata(&path).and_then(|meta| meta.modified()).ok().and_then(|made| made.elapsed().ok());
        if is_gone && age.is_some_and(|age| age > ABANDONED) {
            // It fails where somebody still runs, who is not ours to kill.
            let _ = fs::remove_dir(&path);
        }
    }
}

fn remove_all(path: &Path) -> bool {
    below(path).iter().for_each(|below| {
        remove_all(below);
    });
    fs::remove_dir(path).is_ok() || !path.exists()
}

fn members(path: &Path) -> Vec<i32> {
    let own = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter_map(|line| line.parse().ok());
    own.chain(below(path).iter().flat_map(|below| members(below))).collect()
}

fn below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_dir).map(|entry| entry.path()).collect()
}

/// Its number and when it began: nobody else's name, whatever the namespace.
fn name_of_ours() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{PREFIX}{}-{now}", std::process::id())
}

/// The cgroup that this process is in, in the hierarchy of cgroup v2.
fn own_cgroup() -> io::Result<(PathBuf, OwnedFd)> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "cgroup v2 is not mounted");
    let cgroups = read("/proc/self/cgroup")?;
    let own = Path::new(cgroups.lines().find_map(|line| line.strip_prefix("0::")).ok_or_else(missing)?);
    let relative = own.strip_prefix("/").unwrap_or(own);
    for place in USUAL_PLACES {
        let path = Path::new(place).join(relative);
        // Where something else is mounted, there may be a directory of the same name.
        if let Ok(dir) = open_dir(&path)
            && fstatfs(&dir).is_ok_and(|stat| stat.f_type == MAGIC)
        {
            return Ok((path, dir));
        }
    }
    let (root, top) = mount(&read("/proc/self/mountinfo")?).ok_or_else(missing)?;
    // What is mounted may be a part of the hierarchy only.
    let path = root.join(own.strip_prefix(top).map_err(|_| missing())?);
    let dir = open_dir(&path)?;
    Ok((path, dir))
}

/// The text of a file that does not know its size, read with few calls.
fn read(path: &str) -> io::Result<String> {
    let file = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match rustix::io::read(&file, &mut chunk)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            length => text.extend_from_slice(&chunk[..length]),
        }
    }
}

/// Where cgroup v2 is mounted, and which part of it.
fn mount(mountinfo: &str) -> Option<(PathBuf, PathBuf)> {
    mountinfo.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut fields = left.split(' ').skip(3);
        let (top, point) = (fields.next()?, fields.next()?);
        (right.split(' ').next()? == "cgroup2").then(|| (point.into(), top.into()))
    })
}

fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    sys::above_standard(openat(CWD, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_among_others() {
        let text = "\
30 24 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu
40 24 0:36 /user /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
        assert_eq!(mount(text), Some(("/sys/fs/cgroup/unified".into(), "/user".into())));
        assert_eq!(mount("1 2 3:4 / /a rw - tmpfs tmpfs rw"), None);
    }

    #[test]
    fn what_was_made_is_empty_and_goes_away() {
        let Ok(cgroup) = Cgroup::create() else {
            eprintln!("skipped: no cgroup can be made here");
            return;
        };
        let path = cgroup.path();
        assert!(path.is_dir() && cgroup.members().is_empty());
        drop(cgroup);
        assert!(!path.exists());
    }
}
