//! The processes that a cell has: what it has started, and what that has started in turn.
//!
//! # How it works
//!
//! A process that has ended and is not reaped is found as a child, and one that runs by a variable of its environment, which
//! it keeps when it leaves its session, its group and its parent.
//!
//! # Limits
//!
//! What was started with an environment that was cleared is found only as a child; no workload does that.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use serde::{Deserialize, Serialize};

use super::numbers::numbers_in;

/// The variable that the process of a cell has, and with it all that descends from it; no two cells have the same value.
pub(crate) const MARK: &str = "CEASE_COMPARE_CELL";

/// A process that the process of a cell has, or had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Descendant {
    /// Its number.
    pub(crate) pid: u32,
    /// What it is called.
    pub(crate) name: String,
    /// The letter of the kernel.
    pub(crate) state: char,
}

/// The children of this process, and all that have `mark` as the value of [`MARK`], but for this one.
///
/// A process that goes away meanwhile, or that is another user's, is passed over.
pub(super) fn all(mark: Option<&OsStr>) -> io::Result<Vec<Descendant>> {
    let own = std::process::id();
    let wanted = mark.map(|mark| [MARK.as_bytes(), b"=", mark.as_bytes()].concat());
    let has_mark = |pid: u32| {
        wanted.as_ref().is_some_and(|wanted| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == wanted)
        })
    };
    let mut found = Vec::new();
    for pid in numbers_in("/proc")? {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if let Some((process, parent)) = parse(pid, &stat)
            && pid != own
            && (parent == own || has_mark(pid))
        {
            found.push(process);
        }
    }
    Ok(found)
}

/// Reads `ID (NAME) STATE PARENT …`, where the name may have anything in it.
fn parse(pid: u32, stat: &str) -> Option<(Descendant, u32)> {
    let (front, back) = stat.rsplit_once(") ")?;
    let (_, name) = front.split_once('(')?;
    let mut fields = back.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((Descendant { pid, name: name.to_owned(), state }, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::Read;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let process = Descendant { pid: 7, name: "a) R 1 (b".to_owned(), state: 'S' };
        assert_eq!(parse(7, "7 (a) R 1 (b) S 3 5 5"), Some((process, 3)));
        assert_eq!(parse(7, ""), None);
    }

    #[test]
    fn a_child_that_is_not_reaped_and_one_that_got_away_are_found() {
        let mark = OsString::from(format!("test-{}", std::process::id()));
        let mut command = Command::new("sh");
        // The shell ends at once; what it leaves has another session and another parent, and ends with its input.
        // It is told by its name, which nothing has that another test starts meanwhile.
        let command = command.args(["-c", "exec 3<&0; setsid head <&3 & echo ready"]).env(MARK, &mark);
        let mut shell = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (hold, mut said) = (shell.stdin.take(), shell.stdout.take().unwrap());
        said.read_exact(&mut [0; 6]).unwrap();
        let pid = shell.id();
        let zombie = |process: &Descendant| process.pid == pid && process.state == 'Z';
        let away = |process: &Descendant| process.pid != pid && process.name == "head";
        until(|| all(Some(&mark)).unwrap().iter().any(zombie));
        until(|| all(Some(&mark)).unwrap().iter().any(away));
        assert!(!all(None).unwrap().iter().any(away), "without the mark it is a stranger");

        shell.wait().unwrap();
        drop(hold);
        until(|| !all(Some(&mark)).unwrap().iter().any(|process| process.pid == pid || away(process)));
    }

    fn until(is_so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < end, "not in time");
            thread::yield_now();
        }
    }
}
