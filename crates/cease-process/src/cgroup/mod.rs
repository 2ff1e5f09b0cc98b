//! A cgroup for one tree of processes, below the one that this process is in.
//!
//! # How it works
//!
//! Everything is done relative to descriptors of directories, so a name that has become somebody else's does no harm.
//! The descriptor of a cgroup is locked (`flock`) for as long as its owner has it, and the kernel unlocks it when the owner
//! ends, however that happens: one that is empty and not locked was left behind, and [`remove_abandoned`] removes it.
//! The name begins with `cease-` and the number of its owner, for people who look.
//!
//! Who has ended and is not reaped is in no cgroup any more: an empty one says nothing about who is reaped.

mod dir;
mod place;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, AtFlags, CWD, FlockOperation, Mode, OFlags, accessat, flock, mkdirat};
use rustix::io::Errno;

use crate::timeout::FOR_THE_KILLED;
use dir::{below, has_below, members, open, remove, remove_below, says_populated, write};

const PREFIX: &str = "cease-";

/// How often another name is tried, when somebody has this one or has taken it for abandoned.
const TRIES: u32 = 8;

/// A cgroup; dropping it kills what is in it, and removes it.
///
/// It may be used by several threads at once; a drop waits for what it has killed, but for no more than five seconds.
#[derive(Debug)]
pub struct Cgroup {
    above: OwnedFd,
    place: PathBuf,
    name: String,
    /// Locked.
    dir: OwnedFd,
    events: OnceLock<Arc<OwnedFd>>,
    /// Where it is killed, once that was opened.
    kill: OnceLock<OwnedFd>,
    removed: OnceLock<()>,
    kills_on_drop: bool,
}

impl Cgroup {
    /// Makes one below the cgroup of this process.
    ///
    /// Its descriptors are closed in whatever is executed, and are none of the three standard ones.
    ///
    /// # Errors
    ///
    /// What the operating system said; [`io::ErrorKind::NotFound`] when cgroup v2 is not mounted, and
    /// [`io::ErrorKind::Unsupported`] when it cannot kill, before Linux 5.14.
    pub fn create() -> io::Result<Self> {
        let (place, above) = place::own()?;
        let mut tries = 1;
        loop {
            let name = name_of_ours();
            match create_below(&above, &name) {
                Ok(dir) => {
                    let (events, kill, removed) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
                    return Ok(Self { above, place, name, dir, events, kill, removed, kills_on_drop: true });
                }
                Err(Errno::EXIST | Errno::NOENT | Errno::WOULDBLOCK) if tries < TRIES => tries += 1,
                Err(Errno::NOSYS) => {
                    let why = "this kernel has no cgroup.kill, which is there from Linux 5.14 on";
                    return Err(io::Error::new(io::ErrorKind::Unsupported, why));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The descriptor of its directory, as `clone3` takes it for `CLONE_INTO_CGROUP`.
    #[must_use]
    pub fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.join(&self.name)
    }

    /// Puts a process in; what it starts from then on is in it too.
    ///
    /// # Errors
    ///
    /// What the operating system said; [`io::ErrorKind::NotFound`] or "no such device" when the cgroup is removed.
    pub fn admit(&self, pid: u32) -> io::Result<()> {
        write(&self.dir, "cgroup.procs", &pid.to_string())
    }

    /// Opens what it takes to kill it, so that there is no want of a descriptor when it has to be done.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn arm(&self) -> io::Result<()> {
        if self.kill.get().is_none() {
            // Another thread may have been first.
            let _ = self.kill.set(open(&self.dir, "cgroup.kill", OFlags::WRONLY)?);
        }
        Ok(())
    }

    /// Kills everything in it, and in those below it, in one step; whoever is born meanwhile is killed too.
    ///
    /// When nobody is in it, or it is removed, nothing happens.
    ///
    /// # Errors
    ///
    /// What the operating system said.
    pub fn kill(&self) -> io::Result<()> {
        // Whoever waits for a change waits for one that comes after this.
        if let Some(events) = self.events.get() {
            says_populated(events);
        }
        gone_is_fine(self.arm().and_then(|()| {
            let kill = self.kill.get().expect("it was set");
            Ok(rustix::io::write(kill, b"1").map(|_| ())?)
        }))
    }

    /// The processes that run in it, and in those below it.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        let is_empty = self.events.get().is_some_and(|events| !says_populated(events));
        if is_empty { Vec::new() } else { members(&self.dir) }
    }

    /// A descriptor with an exceptional condition pending (`POLLPRI`) when the last process has gone or the first has come.
    ///
    /// Every look at the members takes back what is pending.
    /// It is opened by the first call; what has happened before is not told.
    /// The kernel tells at most once in about ten milliseconds, so who is in a hurry also looks.
    ///
    /// # Errors
    ///
    /// What the operating system said when it was to be opened.
    pub fn changes(&self) -> io::Result<BorrowedFd<'_>> {
        if self.events.get().is_none() {
            let events = Arc::new(open(&self.dir, "cgroup.events", OFlags::RDONLY)?);
            // Another thread may have been first.
            let _ = self.events.set(events);
        }
        Ok(self.events.get().expect("it was set").as_fd())
    }

    /// As [`Cgroup::changes`], for whoever waits without it.
    pub(crate) fn events(&self) -> io::Result<Arc<OwnedFd>> {
        self.changes()?;
        Ok(Arc::clone(self.events.get().expect("it was set")))
    }

    /// Removes it, if nobody runs in it; whether it is gone, by this call or an earlier one.
    ///
    /// Empty ones below it, which somebody in it left behind, go with it.
    pub fn remove(&self) -> bool {
        if self.removed.get().is_some() {
            return true;
        }
        let remove = || remove(&self.above, &*self.name);
        let is_gone =
            remove() || (has_below(&self.dir) && self.members().is_empty() && remove_below(&self.dir) && remove());
        if is_gone {
            let _ = self.removed.set(());
        }
        is_gone
    }

    /// Puts everything that runs in it where this process is, and removes it.
    ///
    /// Whoever cannot be moved is left, and the cgroup with it.
    ///
    /// # Blocking
    ///
    /// As long as there is somebody to move, but for no more than five seconds.
    pub fn release(mut self) {
        self.kills_on_drop = false;
        let Ok(above) = open(&self.above, "cgroup.procs", OFlags::WRONLY) else { return };
        let mut above = File::from(above);
        let end = Instant::now() + FOR_THE_KILLED;
        // Who is born meanwhile is found in the next round.
        while Instant::now() < end {
            let members = self.members();
            let mut move_here = |pid: &u32| match above.write_all(pid.to_string().as_bytes()) {
                Ok(()) => true,
                Err(error) => error.raw_os_error() == Some(libc::ESRCH),
            };
            if members.iter().filter(|pid| move_here(pid)).count() == 0 {
                return;
            }
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.remove() || !self.kills_on_drop {
            return;
        }
        let _ = self.kill();
        let end = Instant::now() + FOR_THE_KILLED;
        while !self.remove() && Instant::now() < end {
            std::thread::yield_now();
        }
    }
}

/// Removes the empty cgroups that killed processes have left behind, below the cgroup of this process.
///
/// Those that have an owner are not touched, nor those in which somebody runs, who is not ours to kill.
pub fn remove_abandoned() {
    let Ok((_, above)) = place::own() else { return };
    for (name, dir) in below(&above) {
        if name.as_bytes().starts_with(PREFIX.as_bytes())
            && flock(&dir, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            // Its owner, if it has just made it and not locked it yet, now takes another.
            remove(&above, &name);
        }
    }
}

/// Kills everything in the cgroup at `path`, and in those below it.
pub(crate) fn kill_at(path: &Path) -> io::Result<()> {
    gone_is_fine(write(&open(CWD, path, OFlags::PATH | OFlags::DIRECTORY)?, "cgroup.kill", "1"))
}

/// A name that nobody else has: the number of this process, and when it was made.
fn name_of_ours() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{PREFIX}{}-{now}", std::process::id())
}

/// Makes a cgroup, and locks it; `NOSYS` when it cannot kill.
fn create_below(above: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    mkdirat(above, name, Mode::from_raw_mode(0o755))?;
    let dir = open(above, name, OFlags::RDONLY | OFlags::DIRECTORY).and_then(|dir| {
        flock(&dir, FlockOperation::NonBlockingLockShared)?;
        can_be_killed(&dir).map(|()| dir)
    });
    if dir.is_err() {
        remove(above, name);
    }
    dir
}

/// `NOSYS` where the kernel has no way to kill a cgroup: what is said of one holds for all.
fn can_be_killed(dir: &OwnedFd) -> Result<(), Errno> {
    static CAN: OnceLock<()> = OnceLock::new();
    if CAN.get().is_none() {
        accessat(dir, "cgroup.kill", Access::EXISTS, AtFlags::empty()).map_err(|_| Errno::NOSYS)?;
        let _ = CAN.set(());
    }
    Ok(())
}

/// In a cgroup that is removed there is nobody.
fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|error| match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV) => Ok(()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One, or `None` where none can be made, which is said.
    fn cgroup() -> Option<Cgroup> {
        Cgroup::create().map_err(|error| eprintln!("skipped: no cgroup can be made here: {error}")).ok()
    }

    #[test]
    fn what_was_made_is_empty_and_goes_away() {
        let Some(cgroup) = cgroup() else { return };
        let path = cgroup.path();
        assert!(path.is_dir() && cgroup.members().is_empty());
        drop(cgroup);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_removed_is_empty_and_may_be_removed_again() {
        let Some(cgroup) = cgroup() else { return };
        cgroup.changes().unwrap();
        assert!(cgroup.remove() && cgroup.remove());
        assert!(cgroup.members().is_empty());
        cgroup.kill().unwrap();
        assert!(cgroup.admit(std::process::id()).is_err());
    }

    #[test]
    fn those_below_go_too() {
        let Some(cgroup) = cgroup() else { return };
        std::fs::create_dir_all(cgroup.path().join("a/b")).unwrap();
        assert!(cgroup.members().is_empty() && cgroup.remove());
    }

    #[test]
    fn only_what_has_no_owner_is_removed() {
        let Some(cgroup) = cgroup() else { return };
        let abandoned = cgroup.place.join(format!("{PREFIX}{}-0", std::process::id()));
        std::fs::create_dir(&abandoned).unwrap();
        remove_abandoned();
        assert!(!abandoned.exists() && cgroup.path().exists());
    }
}
