//! Hashing real files: SHA-256 over every file of a directory, again and again, with a check before each block.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cease_core::{Checkpoint, Job, Stopped};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Workload;
use crate::heartbeat::Heartbeat;
use crate::news::News;

const BLOCK: usize = 64 * 1024;

/// Directories that hold what was made from the files, and not the files.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// Hashes files without an end, and checks before each block.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HashFiles {
    #[serde(with = "travelling")]
    files: Arc<[PathBuf]>,
    #[serde(skip, default = "News::heartbeat")]
    heartbeat: Heartbeat,
}

impl Workload for HashFiles {
    const NAME: &'static str = "hash-files";
    const ABOUT: &'static str = "SHA-256 over the files of --input, with a checkpoint before each block of 64 KiB";

    type Material = Arc<[PathBuf]>;

    fn material(input: &Path) -> Result<Self::Material, String> {
        let files = files_below(input)?;
        let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        if bytes == 0 {
            return Err(format!("nothing to hash in `{}`", input.display()));
        }
        Ok(files.into_iter().map(|(path, _)| path).collect())
    }

    fn new(files: &Self::Material, heartbeat: Heartbeat) -> Self {
        Self { files: Arc::clone(files), heartbeat }
    }
}

impl Job for HashFiles {
    type Output = Result<(), String>;

    fn run<C: Checkpoint>(self, stop: &C) -> Result<Self::Output, Stopped> {
        let mut block = vec![0; BLOCK];
        loop {
            let mut blocks = 0;
            for path in &*self.files {
                match hash(path, &mut block, &self.heartbeat, stop)? {
                    Ok(of_this_file) => blocks += of_this_file,
                    // Somebody works in the directory meanwhile: a file that went away is no failure.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Ok(Err(cannot_read(path, &error))),
                }
            }
            if blocks == 0 {
                return Ok(Err("every file went away".to_owned()));
            }
        }
    }
}

/// Hashes one file; says how many blocks it had.
fn hash(
    path: &Path,
    block: &mut [u8],
    heartbeat: &Heartbeat,
    stop: &impl Checkpoint,
) -> Result<io::Result<u64>, Stopped> {
    stop.check()?;
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(Err(error)),
    };
    let mut hash = Sha256::new();
    let mut blocks = 0;
    loop {
        stop.check()?;
        match file.read(block) {
            Ok(0) => break,
            Ok(read) => hash.update(&block[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Ok(Err(error)),
        }
        blocks += 1;
        heartbeat.beat();
    }
    black_box(hash.finalize());
    Ok(Ok(blocks))
}

/// Every file below `root` that can be opened, with its size, in order; links are not followed.
fn files_below(root: &Path) -> Result<Vec<(PathBuf, u64)>, String> {
    let mut files = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(path) = left.pop() {
        let is_root = path == root;
        let metadata = if is_root { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        let seen = metadata.and_then(|metadata| {
            if metadata.is_dir() {
                let entries = fs::read_dir(&path)?.collect::<io::Result<Vec<_>>>()?;
                let kept = entries.iter().filter(|entry| !SKIPPED.iter().any(|name| entry.file_name() == *name));
                left.extend(kept.map(fs::DirEntry::path));
            } else if metadata.is_file() {
                File::open(&path)?;
                files.push((path.clone(), metadata.len()));
            }
            Ok(())
        });
        match seen {
            Err(error) if error.kind() == ErrorKind::NotFound && !is_root => {}
            seen => seen.map_err(|error| cannot_read(&path, &error))?,
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read `{}`: {error}", path.display())
}

/// The paths on their way to another process, which finds the files by them: a name of a file need not be a text.
mod travelling {
    use std::ffi::OsString;
    use std::path::PathBuf;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(files: &Arc<[PathBuf]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(files.iter().map(|path| path.as_os_str()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[PathBuf]>, D::Error> {
        let names = Vec::<OsString>::deserialize(deserializer)?;
        Ok(names.into_iter().map(PathBuf::from).collect())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    use cease_core::StopSource;

    use super::*;
    use crate::heartbeat::heartbeat;

    /// A directory of its own for one test, removed at the end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("cease-hash-files-{test}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_was_built_and_what_git_keeps_is_skipped() {
        let directory = Directory::new("skip");
        for name in ["a", "deep/er/b", "target/c", "deep/.git/d"] {
            directory.write(name, b"x");
        }
        std::os::unix::fs::symlink(&directory.0, directory.0.join("loop")).unwrap();
        let files = HashFiles::material(&directory.0).unwrap();
        assert_eq!(&*files, &[directory.0.join("a"), directory.0.join("deep/er/b")]);

        let link = directory.0.join("loop");
        assert_eq!(HashFiles::material(&link).unwrap().len(), 2, "a link that is given as the input is followed");

        let only_target = HashFiles::material(&directory.0.join("target")).unwrap();
        assert_eq!(only_target.len(), 1, "what is asked for by name is not skipped");
    }

    #[test]
    fn files_are_in_the_order_of_their_names() {
        let directory = Directory::new("order");
        for number in (0..40).rev() {
            directory.write(&format!("{}/{number}", number % 3), b"x");
        }
        let files = HashFiles::material(&directory.0).unwrap();
        assert!(files.len() == 40 && files.is_sorted(), "{files:?}");
    }

    #[test]
    fn what_cannot_be_read_is_said_in_one_line() {
        let directory = Directory::new("unreadable");
        let nowhere = directory.0.join("nowhere");
        assert!(HashFiles::material(&nowhere).unwrap_err().starts_with("cannot read `"));
        directory.write("empty", b"");
        assert!(HashFiles::material(&directory.0).unwrap_err().starts_with("nothing to hash in `"));
    }

    #[test]
    fn a_file_is_found_also_where_its_name_is_no_text() {
        let directory = Directory::new("no-text");
        let path = directory.0.join(OsStr::from_bytes(b"\xff"));
        fs::write(&path, b"x").unwrap();
        let files = HashFiles::material(&directory.0).unwrap();
        let sent = serde_json::to_string(&HashFiles::new(&files, heartbeat().0)).unwrap();
        let arrived: HashFiles = serde_json::from_str(&sent).unwrap();
        assert_eq!(&*arrived.files, &[path]);
    }

    #[test]
    fn it_goes_on_after_the_last_file_until_it_is_stopped() {
        let directory = Directory::new("again");
        directory.write("one", b"x");
        let (heartbeat, listener) = heartbeat();
        let job = HashFiles::new(&HashFiles::material(&directory.0).unwrap(), heartbeat);
        let source = StopSource::new();
        let stop = source.token();
        let worker = std::thread::spawn(move || job.run(&stop).is_err());
        assert!(listener.wait_for_first(Duration::from_secs(60)));
        while listener.beats() < Some(3) {
            std::thread::yield_now();
        }
        source.request();
        assert!(worker.join().unwrap(), "it left at a checkpoint");
    }

    #[test]
    fn when_every_file_went_away_the_work_has_failed() {
        let directory = Directory::new("gone");
        directory.write("one", b"x");
        let files = HashFiles::material(&directory.0).unwrap();
        fs::remove_file(directory.0.join("one")).unwrap();
        let job = HashFiles::new(&files, heartbeat().0);
        assert_eq!(job.run(&StopSource::new().token()).unwrap(), Err("every file went away".to_owned()));
    }
}
