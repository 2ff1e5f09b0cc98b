//! A cgroup for one tree of processes, below the one that this process is in.
//!
//! Its name says whose it is, so that the next one removes the empty cgroup that a killed one left behind.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::patience::FOR_THE_KILLED;

const PREFIX: &str = "cease-";

/// A cgroup; dropping it kills what is in it, and removes it.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
    events: File,
}

impl Cgroup {
    /// Makes one below the cgroup of this process.
    pub(super) fn create() -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SWEEP: Once = Once::new();
        let own = own_cgroup()?;
        SWEEP.call_once(|| remove_abandoned(&own));
        // ORDERING: Relaxed: only the number matters.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = own.join(format!("{}-{number}", prefix_of_process()));
        fs::create_dir(&path)?;
        let opened = File::open(path.join("cgroup.events")).and_then(|events| {
            // It is older than Linux 5.14 when this is not there.
            fs::metadata(path.join("cgroup.kill"))?;
            Ok(events)
        });
        match opened {
            Ok(events) => Ok(Self { path, events }),
            Err(error) => {
                let _ = fs::remove_dir(&path);
                Err(error)
            }
        }
    }

    /// Puts a process in; what it starts from then on is in it too.
    pub(super) fn admit(&self, pid: u32) -> io::Result<()> {
        write(&self.path.join("cgroup.procs"), &pid.to_string())
    }

    /// Kills everything in it, and in those below it, in one step.
    pub(super) fn kill(&self) -> io::Result<()> {
        // The events are not read here: a change since somebody looked last has yet to be told to whoever waits.
        kill_at(&self.path)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The processes that run in it, and in those below it.
    pub(super) fn members(&self) -> Vec<u32> {
        if self.is_populated() { members(&self.path) } else { Vec::new() }
    }

    /// Whether process `pid` is in it, or in one below it.
    pub(super) fn has(&self, pid: u32) -> bool {
        // Where it is mounted does not matter: the last parts of the path are the same.
        let Some(name) = self.path.file_name().and_then(|name| name.to_str()) else { return false };
        let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let unified = cgroups.lines().find_map(|line| line.strip_prefix("0::"));
        unified.is_some_and(|path| Path::new(path).iter().any(|part| part == name))
    }

    /// Puts everything that runs in it where this process is.
    pub(super) fn release(&self) {
        let Some(above) = self.path.parent() else { return };
        // Who is born meanwhile is found in the next round; who cannot be moved is left, and the cgroup with it.
        let end = Instant::now() + FOR_THE_KILLED;
        while self.is_populated() && Instant::now() < end {
            for pid in members(&self.path) {
                let _ = write(&above.join("cgroup.procs"), &pid.to_string());
            }
        }
    }

    /// What tells of changes.
    pub(super) fn changes(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// Whether anything runs in it; reading also makes the next change one that is told.
    fn is_populated(&self) -> bool {
        let mut text = String::new();
        let mut events = &self.events;
        let read = events.rewind().and_then(|()| events.read_to_string(&mut text));
        // What cannot be read is looked for one by one.
        read.is_err() || !text.lines().any(|line| line == "populated 0")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Kills what is in the cgroup at `path`, and removes it with those below it, when that can be done now.
fn remove(path: &Path) {
    if fs::remove_dir(path).is_ok() {
        return;
    }
    let _ = kill_at(path);
    let end = Instant::now() + FOR_THE_KILLED;
    while !remove_all(path) && Instant::now() < end {
        std::thread::yield_now();
    }
}

/// Whether the cgroup at `path`, and those below it, are gone.
fn remove_all(path: &Path) -> bool {
    below(path).iter().for_each(|below| {
        remove_all(below);
    });
    fs::remove_dir(path).is_ok() || !path.exists()
}

/// Kills everything in the cgroup at `path`.
pub(crate) fn kill_at(path: &Path) -> io::Result<()> {
    write(&path.join("cgroup.kill"), "1")
}

fn members(path: &Path) -> Vec<u32> {
    let own = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let own = own.lines().filter_map(|line| line.parse().ok());
    own.chain(below(path).iter().flat_map(|below| members(below))).collect()
}

fn below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let is_dir = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_dir).map(|entry| entry.path()).collect()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes())
}

/// What the names of this process's cgroups begin with: its namespace, its number, and when it began.
fn prefix_of_process() -> &'static str {
    static PREFIX_OF_PROCESS: OnceLock<String> = OnceLock::new();
    PREFIX_OF_PROCESS.get_or_init(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        format!("{PREFIX}{}-{}-{now}", pid_namespace(), std::process::id())
    })
}

/// The namespace in which this process has its number.
fn pid_namespace() -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// Removes the empty cgroups of processes that are gone.
fn remove_abandoned(own: &Path) {
    let ours = format!("{PREFIX}{}-", pid_namespace());
    for path in below(own) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let owner =
            name.strip_prefix(&ours).and_then(|rest| rest.split_once('-')).and_then(|(pid, _)| pid.parse().ok());
        if owner.is_some_and(|pid: u32| !Path::new(&format!("/proc/{pid}")).exists()) {
            // It fails where somebody still runs, who is not ours to kill.
            let _ = fs::remove_dir(&path);
        }
    }
}

/// The cgroup that this process is in, in the hierarchy of cgroup v2.
fn own_cgroup() -> io::Result<PathBuf> {
    static ROOT: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let missing = || io::Error::new(io::ErrorKind::NotFound, "cgroup v2 is not mounted");
    let (root, top) =
        ROOT.get_or_init(|| mount(&fs::read_to_string("/proc/self/mountinfo").ok()?)).as_ref().ok_or_else(missing)?;
    let cgroups = fs::read_to_string("/proc/self/cgroup")?;
    let own = cgroups.lines().find_map(|line| line.strip_prefix("0::")).ok_or_else(missing)?;
    // What is mounted may be a part of the hierarchy only.
    let below = Path::new(own).strip_prefix(top).map_err(|_| missing())?;
    Ok(root.join(below))
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
}
