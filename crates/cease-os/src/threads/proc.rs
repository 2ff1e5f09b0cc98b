//! What is read of `/proc`, and what is asked of the kernel beside it.

use std::fs;
use std::io;
use std::time::Duration;

use crate::threads::id::ThreadId;

const TASKS: &str = "/proc/self/task";

/// The kernel's number of the calling thread.
pub(super) fn current_number() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

/// The time since the machine was started, by the clock by which the kernel notes when a thread was.
pub(super) fn since_boot() -> Option<Duration> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Some(Duration::new(now.tv_sec.try_into().ok()?, now.tv_nsec.try_into().ok()?))
}

/// How many of the ticks in which `/proc` counts make a second.
pub(super) fn ticks_per_second() -> u64 {
    rustix::param::clock_ticks_per_second().max(1)
}

pub(super) fn duration_of(ticks: u64) -> Duration {
    let second = ticks_per_second();
    Duration::from_secs(ticks / second)
        + Duration::from_secs(ticks % second) / u32::try_from(second).unwrap_or(u32::MAX)
}

/// What stands in `stat` of a thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) letter: char,
    /// Processor time in ticks.
    pub(super) cpu: u64,
    /// When it was started, in ticks since the machine was.
    pub(super) started: u64,
}

impl Stat {
    /// Reads `ID (NAME) STATE …`, where the name may have anything in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (front, back) = text.rsplit_once(')')?;
        let (_, name) = front.split_once('(')?;
        // The state is the third field of the manual's list, and the first one here.
        let fields: Vec<_> = back.split_whitespace().collect();
        let number = |manual: usize| fields.get(manual - 3)?.parse::<u64>().ok();
        let letter = fields.first()?.chars().next()?;
        Some(Self { name: name.to_owned(), letter, cpu: number(14)? + number(15)?, started: number(22)? })
    }
}

/// What became of reading a file of a thread.
#[derive(Debug)]
pub(super) enum Seen<T> {
    It(T),
    /// The thread is gone.
    Gone,
    /// The kernel does not show it.
    Hidden,
}

/// Reads `stat` of a thread.
///
/// # Errors
///
/// When `/proc` does not show the threads of this process at all.
pub(super) fn stat(id: ThreadId) -> io::Result<Seen<Stat>> {
    let seen = match read(id, "stat") {
        Ok(text) => Stat::parse(&text).map_or(Seen::Hidden, Seen::It),
        Err(error) if is_gone(&error) => Seen::Gone,
        Err(_) => Seen::Hidden,
    };
    match seen {
        Seen::It(stat) if !id.can_have_started(stat.started) => Ok(Seen::Gone),
        Seen::Gone => shows_this_process().map(|()| Seen::Gone),
        seen => Ok(seen),
    }
}

/// Whether the thread is there.
pub(super) fn is_there(id: ThreadId) -> io::Result<bool> {
    Ok(!matches!(stat(id)?, Seen::Gone))
}

/// Reads another file of a thread; `None` when the kernel does not show it.
pub(super) fn file(id: ThreadId, name: &str) -> Option<String> {
    read(id, name).ok()
}

fn read(id: ThreadId, name: &str) -> io::Result<String> {
    // The name of a thread may be anything, and the standard library's own reading would refuse it.
    Ok(String::from_utf8_lossy(&fs::read(format!("{TASKS}/{id}/{name}"))?).into_owned())
}

/// Whether the thread is gone. The kernel says "no such process" to who has opened the file before.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// An error when `/proc` is not mounted, or is that of other processes: then nothing that is missing in it is gone.
fn shows_this_process() -> io::Result<()> {
    let own = format!("{TASKS}/{}", current_number());
    let told = |error: io::Error| {
        io::Error::new(error.kind(), format!("`{TASKS}` does not show the threads of this process: {error}"))
    };
    fs::metadata(own).map(drop).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_what_follows_the_last_parenthesis() {
        let text = "12 (a) b (c) R 1 2 3 4 5 6 7 8 9 10 20 3 14 15 16 17 18 19 777 21";
        let stat = Stat { name: "a) b (c".to_owned(), letter: 'R', cpu: 23, started: 777 };
        assert_eq!(Stat::parse(text), Some(stat));
        assert_eq!(Stat::parse("nothing"), None);
        assert_eq!(Stat::parse("12 (short) R 1 2"), None);
    }

    #[test]
    fn ticks_are_parts_of_a_second() {
        let second = ticks_per_second();
        assert_eq!(duration_of(3 * second), Duration::from_secs(3));
        assert_eq!(duration_of(1) * u32::try_from(second).unwrap(), Duration::from_secs(1));
    }
}
