//! Where the cgroup of this process is, in the hierarchy of cgroup v2.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, fstatfs};

use super::dir::open;

/// Where cgroup v2 is on most machines: alone, or beside the older one.
const USUAL_PLACES: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// What its line begins with in what `/proc` says, where each of the older ones has a line before it.
const UNIFIED: &str = "0::";

/// What `statfs` says of cgroup v2.
const MAGIC: u32 = 0x6367_7270;

/// The cgroup that this process is in.
pub(super) fn own() -> io::Result<(PathBuf, OwnedFd)> {
    let missing = || io::Error::new(io::ErrorKind::NotFound, "cgroup v2 is not mounted");
    let cgroups = read_cgroups()?;
    let own = Path::new(unified(&cgroups).ok_or_else(missing)?);
    let relative = own.strip_prefix("/").unwrap_or(own);
    let mut places = USUAL_PLACES;
    if !cgroups.starts_with(UNIFIED) {
        places.reverse();
    }
    for place in places {
        let path = Path::new(place).join(relative);
        // Where something else is mounted, there may be a directory of the same name.
        if let Ok(dir) = open_dir(&path)
            && fstatfs(&dir).is_ok_and(|stat| u32::try_from(stat.f_type) == Ok(MAGIC))
        {
            return Ok((path, dir));
        }
    }
    let (root, top) = mount(&std::fs::read_to_string("/proc/self/mountinfo")?).ok_or_else(missing)?;
    // What is mounted may be a part of the hierarchy only.
    let path = root.join(own.strip_prefix(top).map_err(|_| missing())?);
    let dir = open_dir(&path)?;
    Ok((path, dir))
}

/// The path in the hierarchy of cgroup v2, from what `/proc` says of a process.
pub(super) fn unified(cgroups: &str) -> Option<&str> {
    cgroups.lines().find_map(|line| line.strip_prefix(UNIFIED))
}

/// What `/proc` says of this process, up to the line that is looked for, which is the last.
fn read_cgroups() -> io::Result<String> {
    let mut file = File::open("/proc/self/cgroup")?;
    let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let length = file.read(&mut chunk)?;
        text.extend_from_slice(&chunk[..length]);
        let is_whole =
            text.ends_with(b"\n") && text.split(|byte| *byte == b'\n').any(|line| line.starts_with(UNIFIED.as_bytes()));
        if length == 0 || is_whole {
            return Ok(String::from_utf8_lossy(&text).into_owned());
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
    Ok(open(CWD, path, OFlags::PATH | OFlags::DIRECTORY)?)
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
    fn the_line_of_the_second_version_is_found() {
        assert_eq!(unified("2:cpu:/a\n0::/b/c\n"), Some("/b/c"));
        assert_eq!(unified("2:cpu:/a\n"), None);
    }
}
